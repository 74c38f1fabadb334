"""When a line takes calls: one pure function of line, moment and facts. Intervals are [from, until).

Theory of operation. What holds at an instant is decided by the first of: an override, a duty period, the calendar's
day (holiday, make-up workday), the opening hours. That answer can change only at an edge: of an override, of a duty
period, of a span of hours, or at midnight. So `until`, `closes_at` and `next_opening` are found by walking the edges
after the moment and deciding at each, up to `HORIZON`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import TypeVar

from callcenter.calls.model import Line, Service
from callcenter.clock import LOCAL_ZONE
from callcenter.schedule.calendar import day_reason, hours_weekday, is_provisional
from callcenter.schedule.model import DutyPeriod, OpeningHours, Override, ScheduleFacts, ServiceState

HORIZON = timedelta(days=62)
"""How far ahead changes and openings are looked for; the longest holiday is nine days."""
ALWAYS = ServiceState(Service.OPEN, "the emergency line is always open", None, "always")
_DEFAULT = ScheduleFacts()
_Held = TypeVar("_Held", Override, DutyPeriod)


@dataclass(frozen=True, slots=True)
class Decision:
    """What holds at an instant; `why` says the same for people."""

    mode: Service
    reason: str
    provisional: bool = False
    why: str = field(default="", compare=False)


def service_at(line: Line, moment: datetime, facts: ScheduleFacts = _DEFAULT) -> ServiceState:
    """The line's mode at `moment` (aware), why, until when, and when it opens next."""
    if line is Line.EMERGENCY:
        return ALWAYS
    now = decide(line, moment, facts)
    until = closes_at = next_opening = None
    last = now
    for at, decision in _later(line, moment, facts):
        until = until or (at if decision != now else None)
        if decision.mode is Service.CLOSED and last.mode is not Service.CLOSED:
            closes_at = closes_at or at
        if decision.mode is not Service.CLOSED and last.mode is Service.CLOSED:
            next_opening = at
            break
        last = decision
    closes_at = closes_at if now.mode is not Service.CLOSED else None
    return ServiceState(now.mode, now.why, until, now.reason, now.provisional, next_opening, closes_at)


def decide(line: Line, moment: datetime, facts: ScheduleFacts) -> Decision:
    """Override before duty before calendar and hours; of several that hold, the one made last wins."""
    override = _latest(facts.overrides, line, moment)
    if override is not None:
        return Decision(override.mode, f"override-{override.id}", why=_named("override", override.id, override.reason))
    duty = _latest(facts.duties, line, moment)
    if duty is not None:
        return Decision(Service.DUTY, f"duty-{duty.id}", why=_named("duty", duty.id, duty.name))
    return _by_calendar(line, moment, facts)


def staff_of(line: Line, moment: datetime, facts: ScheduleFacts) -> tuple[str, ...]:
    """The agents who alone take the line's calls at `moment`; none: all of them. Only a duty period names some."""
    if _latest(facts.overrides, line, moment) is not None:
        return ()
    duty = _latest(facts.duties, line, moment)
    return duty.staff if duty else ()


def spans_of(line: Line, day: date, facts: ScheduleFacts) -> list[tuple[int, int]]:
    """The line's hours on a local day as minutes [opens, closes), in order, those that touch made one."""
    weekday = hours_weekday(day, facts.calendar)
    if weekday is None:
        return []
    return merged((each.opens, each.closes) for each in facts.hours if covers(each, line, weekday, day))


def merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Intervals in order; those that overlap or touch are one."""
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


def stretches(
    line: Line, since: datetime, until: datetime, facts: ScheduleFacts
) -> Iterator[tuple[datetime, Decision]]:
    """[since, until) as stretches of one decision, each with the instant at which it begins."""
    last = decide(line, since, facts)
    yield since, last
    for at in _edges(line, since, facts, until - since):
        decision = decide(line, at, facts)
        if decision != last and at < until:
            yield at, decision
        last = decision


def _latest(held: Iterable[_Held], line: Line, moment: datetime) -> _Held | None:
    mine = (each for each in held if each.line is line and each.holds_at(moment))
    return max(mine, key=lambda each: each.id, default=None)


def covers(hours: OpeningHours, line: Line, weekday: int, day: date) -> bool:
    """Whether these hours are the line's on that ISO weekday and valid on `day`."""
    begun = hours.valid_from is None or hours.valid_from <= day
    return (
        begun
        and (hours.valid_until is None or day < hours.valid_until)
        and hours.line is line
        and weekday in hours.weekdays
    )


def _by_calendar(line: Line, moment: datetime, facts: ScheduleFacts) -> Decision:
    wall = moment.astimezone(LOCAL_ZONE)
    day, minute = wall.date(), wall.hour * 60 + wall.minute
    is_open = any(opens <= minute < closes for opens, closes in spans_of(line, day, facts))
    draft = is_provisional(day, facts.calendar)
    return Decision(
        Service.OPEN if is_open else Service.CLOSED,
        day_reason(day, facts.calendar),
        draft,
        _why(day, is_open, draft, facts),
    )


def _why(day: date, is_open: bool, draft: bool, facts: ScheduleFacts) -> str:
    entry = facts.calendar.days.get(day)
    doubt = f" (provisional: there is no official holiday list of {day.year})" if draft else ""
    if entry is not None and entry.is_off:
        return f"holiday {entry.name}{doubt}"
    hours = "opening hours" if is_open else "outside opening hours"
    return f"{hours} of workday {entry.name}{doubt}" if entry else f"{hours}{doubt}"


def _named(kind: str, number: int, text: str) -> str:
    return f"{kind} {number}: {text}" if text else f"{kind} {number}"


def _later(line: Line, moment: datetime, facts: ScheduleFacts) -> Iterator[tuple[datetime, Decision]]:
    for at in _edges(line, moment, facts, HORIZON):
        yield at, decide(line, at, facts)


def _edges(line: Line, moment: datetime, facts: ScheduleFacts, length: timedelta) -> Iterator[datetime]:
    """Every instant in (moment, moment + length] at which the answer may change, in order."""
    today, end = moment.astimezone(LOCAL_ZONE).date(), moment + length
    held: list[Override | DutyPeriod] = [*facts.overrides, *facts.duties]
    set_by_people = {at for each in held if each.line is line for at in (each.starts_at, each.until)}
    for ahead in range(length.days + 2):
        begin = _midnight(today + timedelta(days=ahead))
        after = begin + timedelta(days=1)
        minutes = {0, *(edge for span in spans_of(line, begin.date(), facts) for edge in span)}
        edges = {begin + timedelta(minutes=minute) for minute in minutes}
        edges |= {at for at in set_by_people if begin <= at < after}
        yield from (at for at in sorted(edges) if moment < at <= end)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), LOCAL_ZONE)
