"""Calendar with the lists of 2024–2026, opening hours with the default ones, duty periods, who changed what."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

LISTS = Path(__file__).parents[3] / "schedule" / "seeds"
YEARS = (2024, 2025, 2026)
"""What was known when this was written; later years are imported, or come with a migration of their own."""
SOURCE = "State Council notice, by chinesecalendar 1.11.0"
BY = "migration 0003"


def upgrade() -> None:
    _calendar()
    _hours()
    _duties_and_changes()
    _defaults()


def _calendar() -> None:
    op.create_table(
        "calendar_years",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("updated_by", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("year", name=op.f("pk_calendar_years")),
    )
    op.create_table(
        "calendar_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("list_year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_off", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("updated_by", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("day", "list_year", name=op.f("pk_calendar_days")),
    )


def _hours() -> None:
    op.create_table(
        "opening_hours",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("weekdays", postgresql.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("opens", sa.SmallInteger(), nullable=False),
        sa.Column("closes", sa.SmallInteger(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("0 <= opens AND opens < closes AND closes <= 1440", name="ck_opening_hours_span"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opening_hours")),
    )


def _duties_and_changes() -> None:
    op.create_table(
        "duty_periods",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("staff", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty_periods")),
    )
    op.create_table(
        "schedule_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule_changes")),
    )
    op.create_index("ix_schedule_changes_at", "schedule_changes", ["at"])


def _defaults() -> None:
    hours = sa.table(
        "opening_hours",
        *(sa.column(name, sa.SmallInteger()) for name in ("opens", "closes")),
        *(sa.column(name, sa.Text()) for name in ("line", "made_by")),
        sa.column("weekdays", postgresql.ARRAY(sa.SmallInteger())),
    )
    office = {"line": "hotline", "weekdays": [1, 2, 3, 4, 5], "opens": 540, "closes": 1020, "made_by": BY}
    op.bulk_insert(hours, [office])
    lists = [json.loads((LISTS / f"{year}.json").read_text("utf-8")) for year in YEARS]
    op.bulk_insert(_table("calendar_years", year=sa.Integer()), [_signed({"year": each["year"]}) for each in lists])
    days = _table("calendar_days", day=sa.Date(), list_year=sa.Integer(), name=sa.Text(), is_off=sa.Boolean())
    op.bulk_insert(days, [_day(each["year"], day) for each in lists for day in each["days"]])


def _table(table: str, /, **columns: Any) -> sa.TableClause:
    signed = {"state": sa.Text(), "source": sa.Text(), "updated_by": sa.Text()}
    return sa.table(table, *(sa.column(column, kind) for column, kind in (columns | signed).items()))


def _day(year: int, entry: dict[str, Any]) -> dict[str, Any]:
    day = date.fromisoformat(entry["date"])
    return _signed({"day": day, "list_year": year, "name": entry["name"], "is_off": entry["isOffDay"]})


def _signed(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"state": "official", "source": SOURCE, "updated_by": BY}
