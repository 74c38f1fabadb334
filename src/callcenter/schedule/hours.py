"""When a line takes calls: one function of line, moment and overrides. Intervals are [from, until)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from callcenter.calls.model import Line, Service
from callcenter.clock import LOCAL_ZONE
from callcenter.schedule.model import Override, ServiceState


@dataclass(frozen=True, slots=True)
class Span:
    """Opening hours of some weekdays (Monday is 0), on Asia/Shanghai's wall clock."""

    weekdays: frozenset[int]
    opens: time
    closes: time


HOTLINE_HOURS = (Span(frozenset(range(5)), time(9), time(17)),)
"""5×8: Monday to Friday 09:00–17:00; the dialplan's globals say the same (docs/architecture.md)."""

_DAYS_AHEAD = 8
"""A week and a day: a boundary of weekly hours always lies within."""


def service_at(line: Line, moment: datetime, overrides: Sequence[Override] = ()) -> ServiceState:
    """The line's mode at `moment` (aware). Of several overrides that hold, the one made last wins."""
    if line is Line.EMERGENCY:
        return ServiceState(Service.OPEN, "the emergency line is always open", None)
    mine = [each for each in overrides if each.line is line]
    mode, why = _answer(moment, mine)
    return ServiceState(mode, why, _next_change(moment, mine))


def _answer(moment: datetime, overrides: Sequence[Override]) -> tuple[Service, str]:
    holding = max((each for each in overrides if each.holds_at(moment)), key=lambda each: each.id, default=None)
    if holding is not None:
        return holding.mode, f"override: {holding.reason}" if holding.reason else "override"
    return (Service.OPEN, "opening hours") if _in_hours(moment) else (Service.CLOSED, "outside opening hours")


def _in_hours(moment: datetime) -> bool:
    wall = moment.astimezone(LOCAL_ZONE)
    return any(wall.weekday() in span.weekdays and span.opens <= wall.time() < span.closes for span in HOTLINE_HOURS)


def _next_change(moment: datetime, overrides: Sequence[Override]) -> datetime | None:
    """The first boundary after `moment` at which the answer differs; an override's end in hours may not be one."""
    now = _answer(moment, overrides)
    boundaries = _boundaries(moment) + [at for each in overrides for at in (each.starts_at, each.until)]
    later = sorted(at for at in boundaries if at > moment)
    return next((at for at in later if _answer(at, overrides) != now), later[-1] if later else None)


def _boundaries(moment: datetime) -> list[datetime]:
    today = moment.astimezone(LOCAL_ZONE).date()
    days = [today + timedelta(days=n) for n in range(_DAYS_AHEAD + 1)]
    return [
        datetime.combine(day, at, LOCAL_ZONE)
        for day in days
        for span in HOTLINE_HOURS
        if day.weekday() in span.weekdays
        for at in (span.opens, span.closes)
    ]
