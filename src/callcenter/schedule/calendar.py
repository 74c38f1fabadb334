"""What a day is: whose weekday's hours it takes, and how sure that is. Pure."""

from datetime import date
from enum import StrEnum

from callcenter.schedule.model import Calendar, CalendarDay, DayState

MONDAY, FRIDAY = 1, 5


class DayKind(StrEnum):
    """How a day is shown."""

    WORKDAY = "workday"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"
    MAKEUP = "makeup"
    """A Saturday or Sunday that is worked (调休)"""


def kind_of(day: date, calendar: Calendar) -> DayKind:
    """The calendar's word, else the weekday's."""
    entry, working = calendar.days.get(day), day.isoweekday() <= FRIDAY
    if entry is None:
        return DayKind.WORKDAY if working else DayKind.WEEKEND
    if entry.is_off:
        return DayKind.HOLIDAY
    return DayKind.WORKDAY if working else DayKind.MAKEUP


def hours_weekday(day: date, calendar: Calendar) -> int | None:
    """The ISO weekday whose hours hold on `day`: a make-up workday takes Monday's, a holiday none (`None`)."""
    kind = kind_of(day, calendar)
    if kind is DayKind.HOLIDAY:
        return None
    return MONDAY if kind is DayKind.MAKEUP else day.isoweekday()


def day_reason(day: date, calendar: Calendar) -> str:
    """What decides the day: `hours`, `holiday-2026-10-01` or `workday-2026-10-10`."""
    entry = calendar.days.get(day)
    if entry is None:
        return "hours"
    return f"{'holiday' if entry.is_off else 'workday'}-{day.isoformat()}"


def is_provisional(day: date, calendar: Calendar) -> bool:
    """Whether the year's list is missing or no official one; a person's word for the day is none of that."""
    entry = calendar.days.get(day)
    if entry is not None and entry.state is DayState.MANUAL:
        return False
    year = calendar.years.get(day.year)
    return year is None or year.state is not DayState.OFFICIAL or _is_draft(entry)


def _is_draft(entry: CalendarDay | None) -> bool:
    """December days may stand in next year's list, which may be a draft yet."""
    return entry is not None and entry.state is DayState.PROVISIONAL
