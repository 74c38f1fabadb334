"""A month of one line, day by day. Pure."""

import re
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

from callcenter.calls.model import Line, Service
from callcenter.clock import LOCAL_ZONE
from callcenter.errors import InvalidInput
from callcenter.schedule.calendar import is_provisional, kind_of
from callcenter.schedule.hours import stretches
from callcenter.schedule.model import Calendar, ScheduleFacts


def read_month(text: str) -> date:
    """The first day of `2026-10`. Raises `InvalidInput`."""
    if not re.fullmatch(r"(19[7-9][0-9]|2[0-9]{3})-(0[1-9]|1[0-2])", text, re.ASCII):
        raise InvalidInput(where="month", what=f"{text[:40]!r} is no month", mend="write 2026-10")
    return date.fromisoformat(f"{text}-01")


def midnight(day: date) -> datetime:
    """When a local day begins."""
    return datetime.combine(day, time(), LOCAL_ZONE)


def days_of_month(first: date) -> list[date]:
    """Every day of the month that begins with `first`."""
    after = (first + timedelta(days=31)).replace(day=1)
    return [first + timedelta(days=n) for n in range((after - first).days)]


def day_facts(day: date, calendar: Calendar) -> dict[str, Any]:
    """What a day is and who says so."""
    entry = calendar.days.get(day)
    return {
        "date": day,
        "kind": kind_of(day, calendar),
        "name": entry.name if entry else None,
        "state": entry.state if entry else None,
        "source": entry.source if entry else None,
        "provisional": is_provisional(day, calendar),
    }


def day_with_spans(line: Line, day: date, facts: ScheduleFacts) -> dict[str, Any]:
    """A day with the stretches in which the line takes calls."""
    begin, end = midnight(day), midnight(day + timedelta(days=1))
    parts = [*stretches(line, begin, end, facts), (end, None)] if line is not Line.EMERGENCY else []
    spans = [
        {"from": at, "until": until, "mode": decision.mode, "reason": decision.reason}
        for (at, decision), (until, _) in pairwise(parts)
        if decision is not None and decision.mode is not Service.CLOSED
    ]
    always = [{"from": begin, "until": end, "mode": Service.OPEN, "reason": "always"}]
    return day_facts(day, facts.calendar) | {"spans": always if line is Line.EMERGENCY else spans}
