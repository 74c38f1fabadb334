"""What we announce, stored in the transaction that made it true."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Identity, Index, Table, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB, UUID

from callcenter.storage.engine import metadata

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("event_id", UUID(as_uuid=True), nullable=False, unique=True),
    Column("pbx", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("payload", JSONB),
    Column("retain", Boolean, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("published_at", DateTime(timezone=True)),
    Index("ix_outbox_unpublished", "pbx", "id", postgresql_where=text("published_at IS NULL")),
)

live_states = Table(
    "live_states",
    metadata,
    Column("pbx", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("payload", JSONB, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
