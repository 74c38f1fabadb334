"""What the dialplan must know to decide by itself: special days and hours as plain numbers. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby, pairwise

from callcenter.calls.model import Line
from callcenter.schedule.calendar import day_reason, hours_weekday
from callcenter.schedule.hours import merged
from callcenter.schedule.model import OpeningHours, ScheduleFacts

FIRST_DAY, LAST_DAY = date.min, date.max
"""Stand for "since ever" and "for ever"."""


@dataclass(frozen=True, slots=True)
class SpecialDay:
    """A holiday or a workday that somebody named."""

    digits: str
    """20261001"""
    weekday: int
    """Whose hours hold, Monday is 1; 0: none, it is a holiday"""
    reason: str


@dataclass(frozen=True, slots=True)
class Span:
    """Minutes [opens, closes) on the weekdays and days [since, until) named as digits."""

    weekdays: str
    since: str
    until: str
    opens: int
    closes: int


def special_days(facts: ScheduleFacts) -> list[SpecialDay]:
    """Every day that is not what its weekday says, in order."""
    return [_special(day, facts) for day in sorted(facts.calendar.days)]


def spans(line: Line, facts: ScheduleFacts) -> list[Span]:
    """The line's hours; at most one of those that hold on a day begins at a time, and they never touch.

    The latest comes first: who reads on to the end and keeps what fits has the earliest that is not over.
    """
    mine = [each for each in facts.hours if each.line is line]
    found = [span for since, until in pairwise(_turns(mine)) for span in _between(mine, since, until)]
    return sorted(found, key=lambda span: (-span.opens, span.since, span.weekdays))


def _special(day: date, facts: ScheduleFacts) -> SpecialDay:
    return SpecialDay(_digits(day), hours_weekday(day, facts.calendar) or 0, day_reason(day, facts.calendar))


def _turns(hours: list[OpeningHours]) -> list[date]:
    """Where a validity begins or ends, with both ends of time."""
    named = (day for each in hours for day in (each.valid_from, each.valid_until) if day)
    return sorted({FIRST_DAY, *named, LAST_DAY})


def _between(hours: list[OpeningHours], since: date, until: date) -> Iterator[Span]:
    """The spans of days between two turns, where the same rows hold throughout; alike weekdays share one."""
    valid = [
        each for each in hours if (each.valid_from or FIRST_DAY) <= since and until <= (each.valid_until or LAST_DAY)
    ]
    found = [
        (span, str(weekday))
        for weekday in range(1, 8)
        for span in merged((each.opens, each.closes) for each in valid if weekday in each.weekdays)
    ]
    for (opens, closes), group in groupby(sorted(found), key=lambda each: each[0]):
        yield Span("".join(weekday for _, weekday in group), _digits(since), _digits(until), opens, closes)


def _digits(day: date) -> str:
    """As STRFTIME's %Y%m%d; before the year 1000 with zeros, so that it stays a number of eight digits."""
    return f"{day.year:04}{day:%m%d}"
