"""Recordings as rows: what should exist, what was found."""

from sqlalchemy import BigInteger, Column, DateTime, Float, Index, Integer, Table, Text, func
from sqlalchemy.dialects.postgresql import UUID

from callcenter.storage.engine import metadata

recordings = Table(
    "recordings",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    # no foreign key: months of calls are detached by their own retention, recordings kept by theirs (decision 15); and
    # calls merge while they run, so that a recording may be stored before the call that it belongs to
    Column("call_id", UUID(as_uuid=True), nullable=False, index=True),
    Column("pbx", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    # expected → ready, silent (ready without audio), absent or failed
    Column("state", Text, nullable=False, server_default="expected"),
    Column("reason", Text),
    Column("path", Text),
    Column("media_type", Text),
    Column("channels", Integer),
    Column("seconds", Float),
    Column("bytes", BigInteger),
    Column("sha256", Text),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_try_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("ix_recordings_state_next_try_at", "state", "next_try_at"),
)
