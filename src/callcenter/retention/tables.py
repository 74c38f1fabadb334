"""Terms, holds and protocols: who decided what, and what was done by it. Rows are ended, never changed or deleted."""

from sqlalchemy import BigInteger, Column, Date, DateTime, Identity, Index, Integer, Table, Text, func
from sqlalchemy.dialects.postgresql import JSONB, UUID

from callcenter.storage.engine import metadata

retention_policies = Table(
    "retention_policies",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("keep_days", Integer, nullable=False),
    Column("reference", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("ended_at", DateTime(timezone=True)),
    Column("ended_by", Text),
    Column("ended_why", Text),
    Index("uq_retention_policies_kind", "kind", unique=True, postgresql_where="ended_at IS NULL"),
)
"""`reference`: the client's written decision that it rests on."""

recording_holds = Table(
    "recording_holds",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("recording_id", UUID(as_uuid=True), nullable=False, index=True),
    Column("why", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("reference", Text, nullable=False, server_default=""),
    Column("by", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("ended_at", DateTime(timezone=True)),
    Column("ended_by", Text),
    Column("ended_why", Text),
    Index("uq_recording_holds_marked", "recording_id", unique=True, postgresql_where="by = 'mark complaint'"),
)
"""`reference`: the complaint's or letter's number, in whatever register it stands."""

expiry_protocols = Table(
    "expiry_protocols",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("pbx", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("day", Date, nullable=False),
    Column("action", Text, nullable=False),
    Column("recordings", Integer, nullable=False),
    Column("reasons", JSONB, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
)
"""One day's recordings that expired or were destroyed in one run; the chain holds each, up to entry `last_seq`."""
