"""Alerts, standing and past. One stands for each (pbx, kind, key)."""

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Table, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB

from callcenter.storage.engine import metadata

alerts = Table(
    "alerts",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("pbx", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("facts", JSONB, nullable=False),
    Column("raised_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("seen_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("count", BigInteger, nullable=False, server_default="1"),
    Column("acknowledged_at", DateTime(timezone=True)),
    Column("acknowledged_by", Text),
    Column("cleared_at", DateTime(timezone=True)),
    Index("uq_alerts_standing", "pbx", "kind", "key", unique=True, postgresql_where=text("cleared_at IS NULL")),
    Index("ix_alerts_raised_at", "raised_at"),
)
