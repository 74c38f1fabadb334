"""Report periods as local days: [since, until)."""

from datetime import date, timedelta
from enum import StrEnum


class Period(StrEnum):
    """A day, a week from Monday to Sunday, or a calendar month."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def days_of(period: Period, day: date) -> tuple[date, date]:
    """The first day of the period that holds `day`, and the first day after it."""
    if period is Period.DAY:
        return day, day + timedelta(days=1)
    if period is Period.WEEK:
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=7)
    first = day.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1)


def each_day(since: date, until: date) -> list[date]:
    """The days of [since, until)."""
    return [since + timedelta(days=n) for n in range((until - since).days)]
