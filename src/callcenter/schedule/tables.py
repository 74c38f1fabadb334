"""What people and lists say of the schedule, and who changed it."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from callcenter.storage.engine import metadata

MANUAL_LIST = 0
"""`calendar_days.list_year` of an administrator's word."""

schedule_overrides = Table(
    "schedule_overrides",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("line", Text, nullable=False),
    Column("mode", Text, nullable=False),  # open or closed
    Column("starts_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("until", DateTime(timezone=True), nullable=False),
    Column("reason", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("withdrawn_at", DateTime(timezone=True)),
)

duty_periods = Table(
    "duty_periods",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("line", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),
    Column("reason", Text, nullable=False),
    Column("staff", ARRAY(Text), nullable=False, server_default="{}"),  # agents; none: all
    Column("made_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("withdrawn_at", DateTime(timezone=True)),
)

opening_hours = Table(
    "opening_hours",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("line", Text, nullable=False),
    Column("weekdays", ARRAY(SmallInteger), nullable=False),  # ISO: Monday is 1
    Column("opens", SmallInteger, nullable=False),  # minutes after midnight
    Column("closes", SmallInteger, nullable=False),  # 1440 is 24:00
    Column("valid_from", Date),
    Column("valid_until", Date),  # the first day on which they hold no more
    Column("made_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("removed_at", DateTime(timezone=True)),
)

calendar_years = Table(
    "calendar_years",
    metadata,
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),  # official or provisional
    Column("source", Text, nullable=False),
    Column("updated_by", Text, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

calendar_days = Table(
    "calendar_days",
    metadata,
    Column("day", Date, primary_key=True),
    Column("list_year", Integer, primary_key=True, autoincrement=False),  # whose list names it; 0: a person's word
    Column("name", Text, nullable=False),
    Column("is_off", Boolean, nullable=False),
    Column("state", Text, nullable=False),  # official, provisional or manual
    Column("source", Text, nullable=False),
    Column("updated_by", Text, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

schedule_changes = Table(
    "schedule_changes",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("made_by", Text, nullable=False),
    Column("what", Text, nullable=False),  # override_made, day_cleared, list_imported, …
    Column("facts", JSONB, nullable=False),
    Index("ix_schedule_changes_at", "at"),
)
"""Who changed what, for ever: rows are only added."""
