"""What would go on a day, and why the rest stays. Changes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.http.instants import local_midnight
from callcenter.http.paging import Position
from callcenter.recordings.model import State
from callcenter.retention.kept import groups, may_go, younger
from callcenter.retention.model import Kind, Policy, Reason, ends_before
from callcenter.retention.repository import read_policies
from callcenter.retention.verdicts import Judged, judged, judged_groups

STATE_OF = {"expire": State.ARCHIVED, "destroy": State.EXPIRED}
"""By action: the state it is done to."""


@dataclass(frozen=True, slots=True)
class DryRun:
    """What is asked: a local day; a term as if it were in force; of the list, an action and a kind alone."""

    day: date
    trial: Policy | None = None
    action: str | None = None
    kind: Kind | None = None


@dataclass(slots=True)
class Line:
    """Recordings that the same becomes of. `kind` None: not looked for, or not known."""

    pbx: str
    kind: Kind | None
    action: str
    reason: Reason
    day: date | None = None
    recordings: int = 0
    seconds: float = 0.0
    bytes: int = 0
    first_day: date | None = None
    last_day: date | None = None

    def add(self, recordings: int, seconds: float, size: int, day: date | None = None) -> None:
        self.recordings, self.seconds, self.bytes = (
            self.recordings + recordings,
            self.seconds + seconds,
            self.bytes + size,
        )
        if day is not None:
            self.first_day = min(day, self.first_day or day)
            self.last_day = max(day, self.last_day or day)


async def summary(connection: AsyncConnection, asked: DryRun, *, by_day: bool = False) -> list[Line]:
    """A line for each PBX, kind, action and reason (and local day of the calls, of what goes): what goes first.

    Recordings younger than every term are counted without their calls: nothing can go of them.
    """
    policies = await _policies(connection, asked)
    ends = ends_before(policies, asked.day)
    horizon = local_midnight(max(ends.values())) if ends else None
    lines: dict[tuple[Any, ...], Line] = {}
    for pbx, recordings, seconds, size in await younger(connection, horizon):
        reason = Reason.WITHIN_TERM if ends else Reason.NO_POLICY
        _line(lines, pbx, None, "keep", reason, None).add(recordings, seconds, size)
    if horizon is not None:
        for each in judged_groups(await groups(connection, horizon), policies, asked.day):
            day = each.day if by_day and each.verdict.action != "keep" else None
            line = _line(lines, each.row.pbx, each.kind, each.verdict.action, each.verdict.reason, day)
            line.add(each.row.recordings, each.row.seconds, each.row.bytes, each.day)
    return sorted(lines.values(), key=_order)


def _line(lines: dict[tuple[Any, ...], Line], *key: Any) -> Line:
    return lines.setdefault(key, Line(*key))


def _order(line: Line) -> tuple[Any, ...]:
    return line.action == "keep", line.pbx, line.action, str(line.day or ""), line.reason, line.kind or ""


async def page(
    connection: AsyncConnection, asked: DryRun, after: Position | None, limit: int
) -> tuple[list[Judged], Position | None]:
    """What would go, oldest first, and where the next page starts."""
    policies = await _policies(connection, asked)
    ends = {k: day for k, day in ends_before(policies, asked.day).items() if asked.kind in (None, k)}
    states = [STATE_OF[asked.action]] if asked.action else list(STATE_OF.values())
    found: list[Judged] = []
    async for rows in may_go(connection, None, ends, after, states):
        found += [each for each in judged(rows, policies, asked.day) if each.verdict.action in STATE_OF]
        if len(found) > limit:
            last = found[limit - 1].row
            return found[:limit], Position(last.started_at, last.id)
    return found, None


async def _policies(connection: AsyncConnection, asked: DryRun) -> Mapping[Kind, Policy]:
    policies = await read_policies(connection)
    return policies | ({asked.trial.kind: replace(asked.trial, acts_on=date.min)} if asked.trial else {})
