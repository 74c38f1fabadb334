"""Every query on the worklist: who is lost, who was reached since, who took an entry, what was done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, and_, case, exists, func, insert, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.callbacks.due import StateAt, due_at
from callcenter.callbacks.hours import hotline_state
from callcenter.callbacks.lost import LOST, can_be_rung, joined_kind, kind_of
from callcenter.callbacks.model import FollowUpKind, FollowUpState, LostCall
from callcenter.callbacks.repository import LOOK_BACK
from callcenter.callbacks.tables import callbacks, follow_up_calls, follow_up_notes, follow_ups
from callcenter.calls.model import Direction, Outcome
from callcenter.calls.tables import calls
from callcenter.errors import InvalidInput, NotFound
from callcenter.recordings.model import PLAYABLE
from callcenter.recordings.tables import recordings

OPEN = (FollowUpState.OPEN, FollowUpState.TAKEN)
AT_ONCE = 500
BY_ITSELF = "callcenter"
"""Who closed an entry whose caller was reached."""


@dataclass(frozen=True, slots=True)
class FollowUpSearch:
    """Filters that all must hold; `due_before` is exclusive."""

    state: FollowUpState | None = None
    kind: FollowUpKind | None = None
    due_before: datetime | None = None


async def take_lost_calls(connection: AsyncConnection, pbx: str, after: timedelta, moment: datetime) -> int:
    """Put each lost call into the worklist, once, then close the entries of those who were reached; returns how many
    calls were looked at. Found by what is stored, so that none is lost while this service is away."""
    rows = (await connection.execute(_lost_statement(pbx))).mappings().all()
    if rows:
        state_at = await hotline_state(connection, moment)
    for row in rows:
        call = LostCall(
            row["id"], row["line"], row["caller_number"], row["outcome"], tuple(row["marks"]), row["ended_at"]
        )
        entry = await _enter(connection, pbx, call, after, state_at) if can_be_rung(call.number) else None
        await connection.execute(insert(follow_up_calls).values(call_id=call.id, follow_up_id=entry))
    await _close_reached(connection, pbx)
    return len(rows)


@cache
def _lost_statement(pbx: str) -> Any:
    c = calls.c
    lost = c.outcome.in_([o.value for o in LOST]) | c.marks.contains(["voicemail"])
    ours = (c.pbx == pbx) & (c.direction == Direction.INBOUND.value) & c.line.is_not(None)
    asked_back = c.marks.contains(["callback"])
    seen = exists().where(follow_up_calls.c.call_id == c.id)
    recent = c.started_at > func.now() - LOOK_BACK
    return select(calls).where(ours, lost, recent, ~asked_back, ~seen).order_by(c.ended_at, c.id).limit(AT_ONCE)


async def _enter(connection: AsyncConnection, pbx: str, call: LostCall, after: timedelta, state_at: StateAt) -> int:
    """The id of the open entry of that number and line, made or joined."""
    f = follow_ups.c
    mine = (f.pbx == pbx) & (f.line == call.line) & (f.number == call.number) & f.state.in_(OPEN)
    found = (await connection.execute(select(follow_ups).where(mine).with_for_update())).mappings().first()
    if found is None:
        return await _open(connection, pbx, call, kind_of(call), due_at(call.line, call.lost_at, after, state_at))
    now = joined_kind(FollowUpKind(found["kind"]), kind_of(call))
    values = {"kind": now, "lost_at": func.greatest(f.lost_at, call.lost_at), "calls": f.calls + 1}
    newest = call.id if kind_of(call) is now else found["call_id"]
    await connection.execute(update(follow_ups).where(f.id == found["id"]).values(**values, call_id=newest))
    return int(found["id"])


async def _open(connection: AsyncConnection, pbx: str, call: LostCall, kind: FollowUpKind, due: datetime) -> int:
    row = {"pbx": pbx, "kind": kind, "line": call.line, "number": call.number, "lost_at": call.lost_at}
    made = insert(follow_ups).values(**row, due_at=due, call_id=call.id).returning(follow_ups.c.id)
    return int((await connection.execute(made)).scalar_one())


async def add_failed_callbacks(connection: AsyncConnection, ids: Sequence[int], moment: datetime) -> None:
    """Callbacks that were not to be made go into the worklist, due at once: those citizens were promised a call."""
    if not ids:
        return
    b = callbacks.c
    line = func.coalesce(select(calls.c.line).where(calls.c.id == b.call_id).scalar_subquery(), "hotline")
    rows = (await connection.execute(select(callbacks, line.label("line")).where(b.id.in_(ids)))).mappings().all()
    for row in rows:
        values = {name: row[name] for name in ("pbx", "line", "number", "call_id")}
        statement = upsert(follow_ups).values(
            **values, kind=FollowUpKind.CALLBACK_FAILED, lost_at=moment, due_at=moment
        )
        again = {"lost_at": moment, "due_at": func.least(follow_ups.c.due_at, moment), "calls": follow_ups.c.calls + 1}
        standing = follow_ups.c.state.in_(OPEN)
        await connection.execute(
            statement.on_conflict_do_update(index_elements=["pbx", "line", "number"], index_where=standing, set_=again)
        )


async def _close_reached(connection: AsyncConnection, pbx: str) -> None:
    """Who spoke with us since, whoever rang whom, needs no call any more."""
    for entry in (await connection.execute(_reached_statement(pbx))).scalars().all():
        await _note(connection, entry, BY_ITSELF, "reached", "")


@cache
def _reached_statement(pbx: str) -> Any:
    f, c = follow_ups.c, calls.c
    with_him = or_(c.caller_number == f.number, and_(c.direction == Direction.OUTBOUND.value, c.did == f.number))
    since = (c.started_at > f.lost_at - timedelta(hours=12)) & (c.answered_at > f.lost_at)
    talk = select(c.id).where(with_him, since, c.outcome == Outcome.ANSWERED.value).order_by(c.answered_at).limit(1)
    reached = talk.scalar_subquery()
    ours = (f.pbx == pbx) & f.state.in_(OPEN) & (f.kind != FollowUpKind.VOICEMAIL) & reached.is_not(None)
    values = {"state": FollowUpState.REACHED, "reached_call_id": reached, "closed_by": BY_ITSELF}
    return update(follow_ups).where(ours).values(**values, closed_at=func.now()).returning(f.id)


async def _note(connection: AsyncConnection, entry: int, by: str, action: str, note: str) -> None:
    row = {"follow_up_id": entry, "by": by, "action": action, "note": note}
    await connection.execute(insert(follow_up_notes).values(row))


async def take(connection: AsyncConnection, entry: int, by: str) -> None:
    """Somebody will ring him. Raises `NotFound`, `InvalidInput` when another has it or it is closed."""
    f = follow_ups.c
    free = (f.id == entry) & or_(f.state == FollowUpState.OPEN, and_(f.state == FollowUpState.TAKEN, f.taken_by == by))
    values = {"state": FollowUpState.TAKEN, "taken_by": by, "taken_at": func.coalesce(f.taken_at, func.now())}
    changed = await connection.execute(update(follow_ups).where(free).values(values).returning(f.id))
    if changed.first() is None:
        await _refuse(connection, entry)
    await _note(connection, entry, by, "taken", "")


async def close(connection: AsyncConnection, entry: int, by: str, state: FollowUpState, note: str) -> None:
    """It is done: reached or given up. Raises `NotFound`, `InvalidInput` when it is closed."""
    f = follow_ups.c
    standing = (f.id == entry) & f.state.in_(OPEN)
    values = {"state": state, "closed_by": by, "closed_at": func.now()}
    changed = await connection.execute(update(follow_ups).where(standing).values(values).returning(f.id))
    if changed.first() is None:
        await _refuse(connection, entry)
    await _note(connection, entry, by, state.value, note)


async def add_note(connection: AsyncConnection, entry: int, by: str, note: str) -> None:
    """Say more of an entry, open or closed; nothing said before is changed. Raises `NotFound`."""
    await find_follow_up(connection, entry)
    await _note(connection, entry, by, "noted", note)


async def _refuse(connection: AsyncConnection, entry: int) -> None:
    found = await find_follow_up(connection, entry)
    taken = f" by {found['taken_by']}" if found["state"] == FollowUpState.TAKEN else ""
    what = f"follow-up {entry} is {found['state']}{taken}"
    raise InvalidInput(where="follow-up", what=what, mend="choose one that is open")


def _recording() -> ColumnElement[Any]:
    """The newest recording that can be played of the call it is about."""
    r = recordings.c
    playable = (r.call_id == follow_ups.c.call_id) & r.state.in_(PLAYABLE)
    return select(r.id).where(playable).order_by(r.started_at.desc()).limit(1).scalar_subquery().label("recording_id")


async def find_follow_up(connection: AsyncConnection, entry: int) -> dict[str, Any]:
    """One entry with its calls and notes. Raises `NotFound`."""
    row = (
        (await connection.execute(select(follow_ups, _recording()).where(follow_ups.c.id == entry))).mappings().first()
    )
    if row is None:
        raise NotFound(kind="follow-up", key=entry)
    n, c = follow_up_notes.c, follow_up_calls.c
    notes = select(n.at, n.by, n.action, n.note).where(n.follow_up_id == entry).order_by(n.id)
    its_calls: list[UUID] = list((await connection.execute(select(c.call_id).where(c.follow_up_id == entry))).scalars())
    said = [_plain(each) for each in (await connection.execute(notes)).mappings()]
    return {**_plain(row), "call_ids": sorted(its_calls), "notes": said}


def _plain(row: RowMapping) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}


async def list_follow_ups(
    connection: AsyncConnection, search: FollowUpSearch, after: tuple[datetime, int] | None, limit: int | None
) -> list[dict[str, Any]]:
    """Entries, the one due first first; `after` is the (due_at, id) of the page before's last."""
    f = follow_ups.c
    query = select(follow_ups, _recording()).order_by(f.due_at, f.id).limit(limit)
    query = query.where(f.state == search.state) if search.state else query
    query = query.where(f.kind == search.kind) if search.kind else query
    query = query.where(f.due_at < search.due_before) if search.due_before else query
    query = query.where(tuple_(f.due_at, f.id) > after) if after else query
    return [_plain(row) for row in (await connection.execute(query)).mappings()]


async def count_open(connection: AsyncConnection, moment: datetime, soon: timedelta) -> dict[str, int]:
    """How many entries are open in all, overdue, due soon and taken."""
    f = follow_ups.c
    late = func.count().filter(f.due_at <= moment)
    near = func.count().filter(and_(f.due_at > moment, f.due_at <= moment + soon))
    taken = func.count(case((f.state == FollowUpState.TAKEN, 1)))
    query = select(func.count(), late, near, taken).where(f.state.in_(OPEN))
    total, overdue, due_soon, in_work = (await connection.execute(query)).one()
    return {"open": total, "overdue": overdue, "due_soon": due_soon, "taken": in_work}
