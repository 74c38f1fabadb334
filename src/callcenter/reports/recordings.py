"""Is every call on record? By local day: calls that should have a recording = verified + flagged + missing + pending.

*Should*: each citizen's channel that was answered (`calls.recorded`), also when its recording's row is gone.
*Verified*: it was listened to and nothing was wrong. *Flagged*: it is there, and something is remarkable, or it was
found damaged. *Missing*: there is none, with the reason. *Pending*: the pipeline is not through with it yet.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Date, Select, Text, case, cast, func, literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.clock import LOCAL_ZONE
from callcenter.http.instants import local_midnight
from callcenter.recordings.model import NOTES, PENDING, State
from callcenter.recordings.of_calls import BEGUN_WITHIN, WITHOUT_RECORDING
from callcenter.recordings.tables import recordings

DEFINITION = "recordings/1"
KINDS = ("verified", "flagged", "missing", "pending")
CELLS = ("recordings_expected", *(f"recordings_{kind}" for kind in KINDS), "recordings_verified_rate")
NO_ROW = "its row is gone: see callcenter recordings verify"

r = recordings.c
ZONE: ColumnElement[str] = literal_column(f"'{LOCAL_ZONE.key}'")
DAY = cast(func.timezone(ZONE, r.started_at), Date).label("day")
FAULTS = func.cardinality(
    select(func.array_agg(literal_column("f")))
    .select_from(func.unnest(r.flags).alias("f"))
    .where(literal_column("f").not_in([flag.value for flag in NOTES]))
    .scalar_subquery()
)
MADE = (State.SEALED, State.ARCHIVED, State.EXPIRED, State.DESTROYED)
KIND = case(
    (r.state.in_(PENDING), "pending"),
    (r.state == State.ABSENT, "missing"),
    (r.state.in_(MADE) & (func.coalesce(FAULTS, 0) == 0), "verified"),
    else_="flagged",
).label("kind")

WITHOUT_ROW = text(WITHOUT_RECORDING + BEGUN_WITHIN)


@dataclass(frozen=True, slots=True)
class Completeness:
    """One day's recordings, or a period's."""

    verified: int = 0
    flagged: int = 0
    missing: int = 0
    pending: int = 0

    @property
    def expected(self) -> int:
        return self.verified + self.flagged + self.missing + self.pending

    @property
    def rate(self) -> float | None:
        """Verified of those that should be; None when there should be none."""
        return self.verified / self.expected if self.expected else None

    def __add__(self, other: "Completeness") -> "Completeness":
        return Completeness(*(getattr(self, kind) + getattr(other, kind) for kind in KINDS))


@dataclass(frozen=True, slots=True)
class Remarkable:
    """A recording that is not simply there."""

    recording_id: UUID | None
    call_id: UUID
    started_at: datetime
    kind: str
    state: str
    flags: Sequence[str]
    reason: str


def _began(since: date, until: date) -> Any:
    return (r.started_at >= local_midnight(since)) & (r.started_at < local_midnight(until))


async def read_completeness(connection: AsyncConnection, since: date, until: date) -> Mapping[date, Completeness]:
    """Of the local days [since, until); days without calls are left out."""
    counted = select(DAY, KIND, func.count()).where(_began(since, until)).group_by(DAY, KIND)
    found: dict[date, Completeness] = {}
    for day, kind, number in await connection.execute(counted):
        found[day] = found.get(day, Completeness()) + Completeness(**{kind: number})
    for row in await connection.execute(WITHOUT_ROW, _bounds(since, until)):
        day = row.started_at.astimezone(LOCAL_ZONE).date()
        found[day] = found.get(day, Completeness()) + Completeness(missing=1)
    return found


async def list_remarkable(connection: AsyncConnection, since: date, until: date, most: int) -> list[Remarkable]:
    """Each recording of these days that is not verified, oldest first; no more than so many."""
    columns = (r.id, r.call_id, r.started_at, KIND, r.state, cast(r.flags, ARRAY(Text)).label("flags"), r.reason)
    rows: Select[Any] = select(*columns).where(_began(since, until), KIND.element != "verified")
    found = [
        Remarkable(row.id, row.call_id, row.started_at, row.kind, row.state, row.flags, row.reason or "")
        for row in await connection.execute(rows.order_by(r.started_at, r.id).limit(most))
    ]
    gone = await connection.execute(WITHOUT_ROW, _bounds(since, until))
    found += [Remarkable(None, row.id, row.started_at, "missing", "gone", (), NO_ROW) for row in gone]
    return sorted(found, key=lambda each: each.started_at)[:most]


def _bounds(since: date, until: date) -> dict[str, datetime]:
    return {"since": local_midnight(since), "until": local_midnight(until)}


def total(parts: Iterable[Completeness]) -> Completeness:
    return sum(parts, Completeness())


def cells(found: Completeness) -> list[Any]:
    """For CSV, under `CELLS`."""
    return [found.expected, *(getattr(found, kind) for kind in KINDS), "–" if found.rate is None else found.rate]


def as_object(found: Completeness) -> dict[str, Any]:
    """For JSON."""
    counts = {"expected": found.expected, **{kind: getattr(found, kind) for kind in KINDS}}
    return {**counts, "verified_rate": found.rate, "definition": DEFINITION}
