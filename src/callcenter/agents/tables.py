"""Who serves which queue, who is blocked, PINs and sessions of agents, and who changed what."""

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Integer, Table, Text, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB

from callcenter.storage.engine import metadata

queue_memberships = Table(
    "queue_memberships",
    metadata,
    Column("queue", Text, primary_key=True),
    Column("agent", Text, primary_key=True),
    Column("penalty", Integer, nullable=False, server_default="0"),
)
"""A queue without a row here has the members that the settings give it."""

blocked_numbers = Table(
    "blocked_numbers",
    metadata,
    Column("number", Text, primary_key=True),
    Column("until", DateTime(timezone=True)),  # none: for ever
    Column("reason", Text, nullable=False),
    Column("blocked_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("blocked_by", Text, nullable=False),
)

routing_changes = Table(
    "routing_changes",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("kind", Text, nullable=False),  # blocked or members
    Column("key", Text, nullable=False),  # the number, the queue
    Column("made_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("before", JSONB(none_as_null=True)),
    Column("after", JSONB(none_as_null=True)),
    Index("ix_routing_changes_kind_key", "kind", "key", "id"),
)
"""The audit of block list and memberships: rows are added, never changed."""

agent_pins = Table(
    "agent_pins",
    metadata,
    Column("agent", Text, primary_key=True),
    Column("pin_hash", Text, nullable=False),
    Column("set_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("set_by", Text, nullable=False),
)

agent_sessions = Table(
    "agent_sessions",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("pbx", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("event", Text, nullable=False),  # login, logout, pause, unpause …
    Column("reason", Text, nullable=False, server_default=""),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("source", Text, nullable=False),
    UniqueConstraint("pbx", "agent", "event", "at", name="uq_agent_sessions_pbx_agent_event_at"),
    Index("ix_agent_sessions_agent_at", "agent", "at"),
)
