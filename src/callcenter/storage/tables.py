"""What the parts of the service say of themselves."""

from sqlalchemy import Boolean, Column, DateTime, Table, Text, func

from callcenter.storage.engine import metadata

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("pbx", Text, primary_key=True),
    Column("part", Text, primary_key=True),
    Column("ok", Boolean, nullable=False),
    Column("detail", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
