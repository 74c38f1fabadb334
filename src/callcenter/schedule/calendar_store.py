"""The calendar in the database: lists that were imported, and single days that a person set."""

from collections.abc import Sequence

from sqlalchemy import RowMapping, case, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.schedule.model import Calendar, CalendarDay, CalendarYear, DayState
from callcenter.schedule.tables import MANUAL_LIST, calendar_days, calendar_years


async def read_calendar(connection: AsyncConnection) -> Calendar:
    """Every known day, one entry each: a person's word beats the lists, a later list an earlier one."""
    c = calendar_days.c
    weight = case((c.list_year == MANUAL_LIST, 1), else_=0)
    days = await connection.execute(select(calendar_days).order_by(c.day, weight, c.list_year))
    years = await connection.execute(select(calendar_years).order_by(calendar_years.c.year))
    return calendar_of(days.mappings().all(), years.mappings().all())


def calendar_of(days: Sequence[RowMapping], years: Sequence[RowMapping]) -> Calendar:
    """A calendar from rows of which the last one of a day holds."""
    return Calendar(
        days={row["day"]: calendar_day(row) for row in days},
        years={row["year"]: CalendarYear(row["year"], DayState(row["state"]), row["source"]) for row in years},
    )


def calendar_day(row: RowMapping) -> CalendarDay:
    """A row of `calendar_days` as a value."""
    return CalendarDay(row["day"], row["name"], row["is_off"], DayState(row["state"]), row["source"])
