"""The verdict on recordings as the database gives them, one by one or by groups. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from callcenter.clock import LOCAL_ZONE
from callcenter.errors import InvalidInput
from callcenter.recordings.model import State
from callcenter.retention.model import MOST_DAYS, Kind, Policy, Verdict, judge, kind_of


@dataclass(frozen=True, slots=True)
class Group:
    """Recordings that are alike in all that the verdict depends on. `seconds` and `bytes` are of their audio."""

    pbx: str
    direction: str | None
    line: str | None
    complaint: bool
    day: date
    expired_on: date | None
    held: str | None
    recordings: int
    seconds: float
    bytes: int


@dataclass(frozen=True, slots=True)
class Judged:
    """A recording, or a group of such, with what becomes of it."""

    row: Any
    kind: Kind | None
    day: date
    verdict: Verdict


def local_day(moment: datetime) -> date:
    return moment.astimezone(LOCAL_ZONE).date()


def checked_day(day: date, today: date, where: str) -> date:
    """A day that is not over. Raises `InvalidInput`."""
    if day < today:
        raise InvalidInput(where=where, what=f"{day} is over", mend="see the protocols for what went")
    if day > today + timedelta(days=MOST_DAYS):
        raise InvalidInput(where=where, what=f"{day} is out of reach", mend=f"use a day in the next {MOST_DAYS}")
    return day


def judged(rows: Iterable[Any], policies: Mapping[Kind, Policy], today: date) -> Iterator[Judged]:
    """The verdict on each."""
    for row in rows:
        kind = None if row.direction is None else kind_of(row.direction, row.line, row.marks)
        day = local_day(row.started_at)
        yield Judged(row, kind, day, judge(kind, day, _expired_on(row), policies, row.held, today))


def judged_groups(found: Iterable[Group], policies: Mapping[Kind, Policy], today: date) -> Iterator[Judged]:
    """The verdict on each group."""
    for each in found:
        marks = ("complaint",) if each.complaint else ()
        kind = None if each.direction is None else kind_of(each.direction, each.line, marks)
        yield Judged(each, kind, each.day, judge(kind, each.day, each.expired_on, policies, each.held, today))


def _expired_on(row: Any) -> date | None:
    steps = [step for step in row.life if step["state"] == State.EXPIRED]
    return local_day(datetime.fromisoformat(steps[-1]["at"])) if steps and row.state == State.EXPIRED else None
