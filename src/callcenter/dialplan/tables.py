"""Deployments as the database keeps them: one row each, never changed."""

from sqlalchemy import BigInteger, Column, DateTime, Table, Text, func
from sqlalchemy.dialects.postgresql import JSONB

from callcenter.storage.engine import metadata

deployments = Table(
    "deployments",
    metadata,
    Column("pbx", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("made_by", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("files", JSONB, nullable=False),
    Column("sounds", JSONB, nullable=False),
    Column("changes", JSONB, nullable=False),
    Column("result", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("self_test", JSONB, nullable=False),
    Column("back_to", BigInteger),
    Column("stored_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
