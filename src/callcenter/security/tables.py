"""Security events, kept for six months (Cybersecurity Law), and addresses that were blocked."""

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Table, Text, func

from callcenter.storage.engine import metadata

security_events = Table(
    "security_events",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("pbx", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("name", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("count", BigInteger, nullable=False, server_default="1"),
    Index("ix_security_events_at", "at"),
)

blocked_addresses = Table(
    "blocked_addresses",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("pbx", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("blocked_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("until", DateTime(timezone=True), nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("lifted_at", DateTime(timezone=True)),
    Column("lifted_by", Text),
    Index("ix_blocked_addresses_until", "pbx", "until"),
)
