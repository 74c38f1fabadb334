"""Shifts of the emergency line's roster, and the hand-over log."""

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Identity, Table, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB, ExcludeConstraint

from callcenter.storage.engine import metadata

duty_shifts = Table(
    "duty_shifts",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),
    Column("steps", JSONB, nullable=False),  # [{"members": ["1001", "m13800138000"], "seconds": 20}, …]
    Column("note", Text, nullable=False, server_default=""),
    Column("made_by", Text, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("withdrawn_at", DateTime(timezone=True)),
    Column("withdrawn_by", Text),
    CheckConstraint("starts_at < until", name="ck_duty_shifts_span"),
    ExcludeConstraint(
        (text("tstzrange(starts_at, until)"), "&&"),
        where=text("withdrawn_at IS NULL"),
        using="gist",
        name="ex_duty_shifts_overlap",
    ),
)
"""Two people who enter shifts at the same moment can't make them overlap: the constraint sees both."""

duty_hand_overs = Table(
    "duty_hand_overs",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("from_member", Text, nullable=False),
    Column("to_member", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("open_matters", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
"""Append-only: a trigger refuses UPDATE and DELETE (migration 0006)."""
