"""Callbacks that citizens asked for, their attempts, and the worklist of those whom we owe a call."""

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Identity, Index, Integer, Table, Text, func, text
from sqlalchemy.dialects.postgresql import UUID

from callcenter.storage.engine import metadata


def _instant(name: str, *, nullable: bool = True) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


callbacks = Table(
    "callbacks",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("pbx", Text, nullable=False),
    Column("call_id", UUID(as_uuid=True), nullable=False, unique=True),
    Column("number", Text, nullable=False),
    Column("queue", Text, nullable=False),
    _instant("place_at", nullable=False),
    _instant("requested_at", nullable=False),
    Column("state", Text, nullable=False, server_default="waiting"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    _instant("next_try_at", nullable=False),
    Column("uniqueid", Text),
    _instant("dialled_at"),
    Column("cause", Text),
    Column("agent", Text),
    _instant("ended_at"),
    Column("cancelled_by", Text),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("ix_callbacks_state", "pbx", "state", "place_at"),
)

callback_attempts = Table(
    "callback_attempts",
    metadata,
    Column("uniqueid", Text, primary_key=True),
    Column("callback_id", BigInteger, ForeignKey("callbacks.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("call_id", UUID(as_uuid=True), nullable=False),
    _instant("dialled_at", nullable=False),
    _instant("ended_at"),
    Column("cause", Text),
)

follow_ups = Table(
    "follow_ups",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("pbx", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("line", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="open"),
    _instant("lost_at", nullable=False),
    _instant("due_at", nullable=False),
    Column("calls", Integer, nullable=False, server_default="1"),
    Column("call_id", UUID(as_uuid=True), nullable=False),
    Column("taken_by", Text),
    _instant("taken_at"),
    Column("closed_by", Text),
    _instant("closed_at"),
    Column("reached_call_id", UUID(as_uuid=True)),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index(
        "uq_follow_ups_open", "pbx", "line", "number",
        unique=True, postgresql_where=text("state IN ('open', 'taken')"),
    ),
    Index("ix_follow_ups_due_at", "due_at", "id"),
)  # fmt: skip

follow_up_calls = Table(
    "follow_up_calls",
    metadata,
    Column("call_id", UUID(as_uuid=True), primary_key=True),
    Column("follow_up_id", BigInteger, ForeignKey("follow_ups.id", ondelete="CASCADE")),
)
"""Which entry took up a lost call; none: its caller can't be rung, or was reached before it was looked at."""

follow_up_notes = Table(
    "follow_up_notes",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("follow_up_id", BigInteger, ForeignKey("follow_ups.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("by", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
)
"""What was done with an entry, by whom; added to, never changed."""
