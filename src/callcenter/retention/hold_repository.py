"""Every query on holds: what keeps a recording whatever its term.

Who places one takes the recording's row first, and so does who lets it expire or destroys it: a hold is either seen by
him, or told that it comes too late.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, exists, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.calls.tables import calls
from callcenter.errors import InvalidInput, NotFound
from callcenter.recordings.model import State
from callcenter.recordings.tables import recordings
from callcenter.retention.model import Why
from callcenter.retention.repository import as_dict
from callcenter.retention.tables import recording_holds

COMPLAINT = "complaint"
BY_MARK = "mark complaint"
"""Who placed a hold that came with a call's mark."""
MARKED = "an agent marked the call as a complaint"
SAME = ("why", "note", "reference")

h, r, c = recording_holds.c, recordings.c, calls.c
FACTS = (r.call_id, r.pbx, r.started_at.label("recording_started_at"), r.state)


@dataclass(frozen=True, slots=True)
class HoldSearch:
    """Filters that all must hold; `standing` None: those lifted, too."""

    standing: bool | None = None
    why: Why | None = None
    recording: UUID | None = None
    call: UUID | None = None


@dataclass(frozen=True, slots=True)
class NewHold:
    """`note`: what it is kept for. `reference`: the number of complaint or letter; may be empty."""

    why: Why
    note: str
    reference: str = ""


async def hold(connection: AsyncConnection, recording: UUID, new: NewHold, by: str) -> int:
    """Keep one recording; the hold's number. Raises `NotFound`; `InvalidInput` when it is gone."""
    rows = await _locked(connection, select(r.id, r.state).where(r.id == recording))
    if not rows:
        raise NotFound(kind="recording", key=recording)
    if rows[0].state == State.DESTROYED:
        raise InvalidInput(where="recording", what="it was destroyed", mend="see callcenter retention protocols")
    return await _standing(connection, recording, new, by)


async def hold_call(connection: AsyncConnection, call: UUID, new: NewHold, by: str) -> list[int]:
    """Keep all recordings of a call that are not destroyed. Raises `NotFound` where there is none."""
    rows = await _locked(connection, select(r.id, r.state).where(r.call_id == call, r.state != State.DESTROYED))
    if not rows:
        raise NotFound(kind="recording of call", key=call)
    return [await _standing(connection, row.id, new, by) for row in rows]


async def _locked(connection: AsyncConnection, wanted: Select[Any]) -> Sequence[Row[Any]]:
    rows: Sequence[Row[Any]] = (await connection.execute(wanted.order_by(r.id).with_for_update())).all()
    return rows


async def _standing(connection: AsyncConnection, recording: UUID, new: NewHold, by: str) -> int:
    """A hold that says the same stands already when somebody presses twice; its number then."""
    said = {"why": new.why.value, "note": new.note, "reference": new.reference}
    same = [h[name] == said[name] for name in SAME]
    wanted = select(h.id).where(h.recording_id == recording, h.ended_at.is_(None), *same).limit(1)
    number: int | None = (await connection.execute(wanted)).scalar()
    if number is None:
        row = {"recording_id": recording, "by": by, **said}
        number = (await connection.execute(insert(recording_holds).values(row).returning(h.id))).scalar_one()
    return number


async def release(connection: AsyncConnection, number: int, by: str, why: str) -> None:
    """End a hold. Raises `NotFound`."""
    mine = update(recording_holds).where(h.id == number, h.ended_at.is_(None))
    ended = mine.values(ended_at=func.now(), ended_by=by, ended_why=why).returning(h.id)
    if (await connection.execute(ended)).scalar() is None:
        raise NotFound(kind="standing hold", key=number)


async def hold_complaints(connection: AsyncConnection, ids: Sequence[UUID] | None = None) -> int:
    """Hold the recordings of these calls (None: of all) that carry the mark `complaint`; how many are newly held.

    Once a recording: a hold of this kind that somebody lifted is not placed again.
    """
    placed = exists().where(h.recording_id == r.id, h.by == BY_MARK)
    which = c.marks.contains([COMPLAINT]) if ids is None else c.id.in_(ids)
    # the call's start is not known to its recordings: any call of that id is the one
    marked = select(r.id).join_from(calls, recordings, r.call_id == c.id).where(which, c.marks.contains([COMPLAINT]))
    values = [literal(value) for value in (Why.COMPLAINT.value, MARKED, "", BY_MARK)]
    found = select(r.id, *values).where(r.id.in_(marked), r.state != State.DESTROYED, ~placed)
    columns = ["recording_id", "why", "note", "reference", "by"]
    rows = insert(recording_holds).from_select(columns, found.order_by(r.id).with_for_update(of=recordings))
    once = rows.on_conflict_do_nothing(index_elements=[h.recording_id], index_where=text(f"by = '{BY_MARK}'"))
    return len((await connection.execute(once.returning(h.id))).all())


async def list_holds(
    connection: AsyncConnection, search: HoldSearch, most: int | None = None, before: int | None = None
) -> list[dict[str, Any]]:
    """The latest first, with their recordings' facts; with `before` those of lower numbers."""
    asked: list[tuple[Any, Any]] = [
        (search.standing, lambda v: h.ended_at.is_(None) if v else h.ended_at.is_not(None)),
        (search.why, lambda v: h.why == v.value),
        (search.recording, lambda v: h.recording_id == v),
        (search.call, lambda v: r.call_id == v),
        (before, lambda v: h.id < v),
    ]
    return await _listed(connection, [make(v) for v, make in asked if v is not None], most)


async def holds_of(connection: AsyncConnection, numbers: Sequence[int]) -> list[dict[str, Any]]:
    return await _listed(connection, [h.id.in_(numbers)], None)


async def _listed(connection: AsyncConnection, conditions: Sequence[Any], most: int | None) -> list[dict[str, Any]]:
    joined = recording_holds.outerjoin(recordings, r.id == h.recording_id)
    wanted = select(*h, *FACTS).select_from(joined).where(*conditions).order_by(h.id.desc())
    return [as_dict(row) for row in (await connection.execute(wanted.limit(most))).mappings()]


async def count_standing(connection: AsyncConnection) -> dict[str, int]:
    """Standing holds by why."""
    rows = await connection.execute(select(h.why, func.count()).where(h.ended_at.is_(None)).group_by(h.why))
    return {why: count for why, count in rows}
