"""The call detail record as a row: one row a call, its parts as JSON beside the columns that are searched.

Partitioned by the month of `started_at` (docs/decisions/0015-partitions.md). Each filter of the API has an index here
that finds what is rare; what is frequent is found by walking `started_at`. Postgres chooses month by month.
"""

from sqlalchemy import Boolean, Column, DateTime, Float, Index, Table, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from callcenter.storage.engine import metadata

PROMPT = {"fastupdate": "off"}
"""GIN entries are made with their row: readers need not look through a list of pending ones."""

HAS_MARKS = "CASE WHEN marks = '{}' THEN false ELSE true END"
"""Written so that Postgres takes half of the rows to be like this: said plainly beside `marks @> …` it makes it expect
next to none, and a frequent mark is then not walked in order."""

calls = Table(
    "calls",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    Column("pbx", Text, nullable=False),
    Column("uniqueid", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("line", Text),
    Column("caller_number", Text, nullable=False),
    Column("caller_name", Text, nullable=False),
    Column("did", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), primary_key=True),
    Column("answered_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True), nullable=False),
    Column("wait_seconds", Float, nullable=False),
    Column("ring_seconds", Float, nullable=False),
    Column("talk_seconds", Float, nullable=False),
    Column("hold_seconds", Float, nullable=False),
    Column("agent", Text),
    Column("agents", ARRAY(Text), nullable=False),
    Column("queues", ARRAY(Text), nullable=False),
    Column("outcome", Text, nullable=False),
    Column("hung_up_by", Text),
    Column("notice_played", Boolean, nullable=False),
    Column("service", Text),
    Column("service_source", Text),
    Column("service_reason", Text),
    Column("menu_choice", Text),
    Column("marks", ARRAY(Text), nullable=False, server_default="{}"),
    Column("evidence", Text, nullable=False),
    Column("legs", JSONB, nullable=False),
    Column("queue_visits", JSONB, nullable=False),
    Column("timeline", JSONB, nullable=False),
    Column("anomalies", JSONB, nullable=False),
    Column("stored_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("ix_calls_started_at_id", "started_at", "id"),
    Index(
        "ix_calls_caller_number",
        "caller_number",
        "started_at",
        postgresql_ops={"caller_number": "text_pattern_ops"},
    ),
    Index(
        "ix_calls_caller_number_reversed",
        text("reverse(caller_number) text_pattern_ops"),
        "started_at",
    ),
    Index("ix_calls_agents", "agents", postgresql_using="gin", postgresql_with=PROMPT),
    Index("ix_calls_queues", "queues", postgresql_using="gin", postgresql_with=PROMPT),
    Index("ix_calls_marks", "marks", postgresql_using="gin", postgresql_with=PROMPT),
    Index("ix_calls_marked", "started_at", "id", postgresql_where=text(HAS_MARKS)),
    Index("ix_calls_outcome", "outcome", "started_at"),
    Index("ix_calls_line", "line", "started_at"),
    Index("ix_calls_direction", "direction", "started_at"),
    Index("ix_calls_outbound_did", "did", "started_at", postgresql_where=text("direction = 'outbound'")),
    Index("ix_calls_wait_seconds", "wait_seconds", "id"),
    Index("ix_calls_talk_seconds", "talk_seconds", "id"),
    postgresql_partition_by="RANGE (started_at)",
)
