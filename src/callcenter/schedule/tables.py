"""Overrides of the hours, as people set them."""

from sqlalchemy import BigInteger, Column, DateTime, Identity, Table, Text, func

from callcenter.storage.engine import metadata

schedule_overrides = Table(
    "schedule_overrides",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("line", Text, nullable=False),
    Column("mode", Text, nullable=False),  # open or closed
    Column("starts_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("until", DateTime(timezone=True), nullable=False),
    Column("reason", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("withdrawn_at", DateTime(timezone=True)),
)
