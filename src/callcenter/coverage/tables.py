"""What was not observed, how far each PBX has been, and whether its record adds up."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Identity, Index, Integer, Table, Text, func
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from callcenter.storage.engine import metadata

INSTANT = DateTime(timezone=True)

watched_pbxs = Table(
    "watched_pbxs",
    metadata,
    Column("pbx", Text, primary_key=True),
    Column("watched_since", INSTANT, nullable=False),
    Column("seen_at", INSTANT, nullable=False),
    Column("read_up_at", INSTANT),
    Column("stopped", Boolean, nullable=False),
    Column("journal", Boolean, nullable=False),
    # somebody wants a completeness check now
    Column("check_asked_at", INSTANT),
)

blind_intervals = Table(
    "blind_intervals",
    metadata,
    Column("pbx", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("since", INSTANT, primary_key=True),
    Column("until", INSTANT),
    Column("cause", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("filled_at", INSTANT),
    Column("filled_by", Text),
    Column("noticed_at", INSTANT, nullable=False, server_default=func.now()),
)

completeness_checks = Table(
    "completeness_checks",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("pbx", Text, nullable=False),
    Column("at", INSTANT, nullable=False),
    Column("since", INSTANT),
    Column("verdict", Text, nullable=False),
    Column("boot", Text, nullable=False),
    Column("processed", BigInteger),
    Column("journalled", BigInteger),
    Column("missing_calls", Integer, nullable=False),
    Column("missing_starts", ARRAY(Text), nullable=False),
    Column("missing_ends", ARRAY(Text), nullable=False),
    Column("missing_linkedid_ends", ARRAY(Text), nullable=False),
    Column("why", Text, nullable=False),
    Index("ix_completeness_checks_pbx_at", "pbx", "at"),
)

completeness_states = Table(
    "completeness_states",
    metadata,
    Column("pbx", Text, primary_key=True),
    Column("chunk", BigInteger, nullable=False),
    Column("tally", JSONB, nullable=False),
    Column("anchor", JSONB),
)
"""Where the count of the journal stands: up to which chunk, what is up, and what the next check compares with."""
