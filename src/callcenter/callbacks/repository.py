"""Every query on callbacks: taking up what citizens asked for, claiming turns, noting how attempts end.

What is asked every few seconds is built once a PBX: building a statement anew costs more than Postgres takes for it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import RowMapping, bindparam, exists, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.callbacks.model import IN_FLIGHT, OPEN_STATES, Callback, CallbackState, Request
from callcenter.callbacks.tables import callback_attempts, callbacks
from callcenter.callbacks.turns import LONGEST_WAIT, Next, request_of
from callcenter.calls.ids import CALL_PREFIX, call_id
from callcenter.calls.model import Direction
from callcenter.calls.tables import calls
from callcenter.errors import InvalidInput, NotFound

LOOK_BACK = timedelta(days=31)
"""Calls older than this are not looked at for what their callers asked for."""
REQUESTS_AT_ONCE = 200
AROUND = timedelta(days=1)
"""Asterisk's clock and ours are never so far apart."""


async def one_at_a_time(connection: AsyncConnection, pbx: str) -> bool:
    """Whether this transaction is the only one now that looks after a PBX's callbacks, be there several listeners."""
    key = func.hashtextextended(f"callbacks/{pbx}", 0)
    return bool((await connection.execute(select(func.pg_try_advisory_xact_lock(key)))).scalar())


async def take_requests(connection: AsyncConnection, pbx: str) -> int:
    """Make a callback of each call record whose caller asked for one; returns how many.

    Recorded calls without a callback are looked for, not events: whatever died in between, none is lost, and the call's
    id keeps one from being made twice.
    """
    rows = (await connection.execute(_requests(pbx))).mappings().all()
    for row in rows:
        values = _request_row(row, request_of(row))
        await connection.execute(upsert(callbacks).values(values).on_conflict_do_nothing())
    return len(rows)


@cache
def _requests(pbx: str) -> Any:
    known = exists().where(callbacks.c.call_id == calls.c.id)
    asked = calls.c.marks.contains(["callback"]) & (calls.c.direction == Direction.INBOUND.value)
    recent = calls.c.started_at > func.now() - LOOK_BACK
    return select(calls).where(calls.c.pbx == pbx, asked, recent, ~known).limit(REQUESTS_AT_ONCE)


def _request_row(call: RowMapping, request: Request) -> dict[str, Any]:
    asked_at = call["ended_at"]
    return {
        "pbx": call["pbx"], "call_id": call["id"], "number": request.number, "queue": request.queue,
        "place_at": request.place_at, "requested_at": asked_at, "next_try_at": asked_at,
    }  # fmt: skip


async def open_callbacks(connection: AsyncConnection, pbx: str) -> list[Callback]:
    """What is still to be done, in the order of the places kept."""
    rows = await connection.execute(_open_ones(pbx))
    return [_callback(row) for row in rows.mappings()]


@cache
def _open_ones(pbx: str) -> Any:
    c = callbacks.c
    ours = (c.pbx == pbx) & c.state.in_(OPEN_STATES)
    return select(callbacks).where(ours).order_by(c.place_at, c.id)


def _callback(row: RowMapping) -> Callback:
    return Callback(
        row["id"], row["number"], row["queue"], row["place_at"], CallbackState(row["state"]), row["attempts"],
        row["next_try_at"], row["uniqueid"], row["dialled_at"],
    )  # fmt: skip


async def claim(connection: AsyncConnection, pbx: str, callback_id: int, moment: datetime) -> Callback | None:
    """Take a waiting callback for dialling; None when somebody else has. Its new id is in `uniqueid`.

    The id is stored before Asterisk hears of it: whatever happens, it can be asked whether that call lives.
    """
    c = callbacks.c
    free = select(c.id).where(c.id == callback_id, c.state == CallbackState.WAITING)
    mine = (await connection.execute(free.with_for_update(skip_locked=True))).scalar()
    if mine is None:
        return None
    uniqueid = f"{CALL_PREFIX}{callback_id}-{moment.timestamp():.0f}.0"
    attempt = {"callback_id": callback_id, "uniqueid": uniqueid, "dialled_at": moment}
    made = insert(callback_attempts).values(**attempt, call_id=call_id(pbx, uniqueid))
    await connection.execute(made)
    now = {"state": CallbackState.DIALING, "attempts": c.attempts + 1, "uniqueid": uniqueid, "dialled_at": moment}
    taken = update(callbacks).where(c.id == callback_id).values(**now, updated_at=func.now()).returning(callbacks)
    return _callback((await connection.execute(taken)).mappings().one())


async def note_reached(connection: AsyncConnection, uniqueid: str) -> None:
    """The citizen has answered and is in the queue."""
    c = callbacks.c
    mine = (c.uniqueid == uniqueid) & (c.state == CallbackState.DIALING)
    await connection.execute(update(callbacks).where(mine).values(state=CallbackState.REACHED, updated_at=func.now()))


async def attempt_records(connection: AsyncConnection, pbx: str) -> Sequence[tuple[Callback, RowMapping]]:
    """Callbacks under way whose attempt has ended, each with the record of that call."""
    found = (await connection.execute(_ended_attempts(pbx))).mappings().all()
    ids = [row["attempt_call_id"] for row in found]
    if not ids:
        return []
    rows = (await connection.execute(select(calls).where(calls.c.id.in_(ids)))).mappings().all()
    records = {row["id"]: row for row in rows}
    return [(_callback(row), records[row["attempt_call_id"]]) for row in found]


@cache
def _ended_attempts(pbx: str) -> Any:
    c = callbacks.c
    attempt = (callback_attempts.c.uniqueid == c.uniqueid) & (calls.c.id == callback_attempts.c.call_id)
    attempt &= calls.c.started_at > callback_attempts.c.dialled_at - AROUND  # of all months only those since
    ours = (c.pbx == pbx) & c.state.in_(IN_FLIGHT)
    query = select(callbacks, calls.c.id.label("attempt_call_id")).where(ours, attempt)
    return query.with_for_update(of=callbacks, skip_locked=True)


async def conclude(connection: AsyncConnection, callback: Callback, then: Next, record: Mapping[Any, Any]) -> None:
    """Store how an attempt ended and what follows from it."""
    over = then.state not in OPEN_STATES
    values = {"state": then.state, "cause": then.cause, "next_try_at": then.next_try_at, "agent": record["agent"]}
    values |= {"ended_at": record["ended_at"] if over else None, "updated_at": func.now()}
    await connection.execute(update(callbacks).where(callbacks.c.id == callback.id).values(values))
    await _end_attempt(connection, callback, record["ended_at"], then.cause or "answered")


async def _end_attempt(connection: AsyncConnection, callback: Callback, at: datetime, cause: str) -> None:
    mine = callback_attempts.c.uniqueid == callback.uniqueid
    await connection.execute(update(callback_attempts).where(mine).values(ended_at=at, cause=cause))


async def give_back(
    connection: AsyncConnection, callback: Callback, moment: datetime, cause: str, wait: timedelta
) -> None:
    """An attempt that never rang: it does not count, and is made again after `wait`."""
    c = callbacks.c
    mine = (c.id == callback.id) & (c.state == CallbackState.DIALING) & (c.uniqueid == callback.uniqueid)
    values = {"state": CallbackState.WAITING, "attempts": c.attempts - 1, "cause": cause, "next_try_at": moment + wait}
    await connection.execute(update(callbacks).where(mine).values(**values, updated_at=func.now()))
    await _end_attempt(connection, callback, moment, cause)


async def expire(connection: AsyncConnection, pbx: str, moment: datetime) -> Sequence[int]:
    """Give up what was asked for too long ago; returns those ids."""
    gone = await connection.execute(_expiring(pbx), {"moment": moment, "asked_before": moment - LONGEST_WAIT})
    return list(gone.scalars())


@cache
def _expiring(pbx: str) -> Any:
    c = callbacks.c
    old = (c.pbx == pbx) & (c.state == CallbackState.WAITING) & (c.requested_at < bindparam("asked_before"))
    values = {"state": CallbackState.EXPIRED, "ended_at": bindparam("moment"), "updated_at": func.now()}
    return update(callbacks).where(old).values(values).returning(callbacks.c.id)


async def cancel(connection: AsyncConnection, callback_id: int, by: str) -> RowMapping:
    """Cancel a callback that is not being made. Raises `NotFound`, `InvalidInput`."""
    c = callbacks.c
    mine = (c.id == callback_id) & (c.state == CallbackState.WAITING)
    values = {"state": CallbackState.CANCELLED, "cancelled_by": by, "ended_at": func.now(), "updated_at": func.now()}
    changed = await connection.execute(update(callbacks).where(mine).values(values).returning(callbacks))
    row: RowMapping | None = changed.mappings().first()
    if row is None:
        found = await find_callback(connection, callback_id)
        what = f"callback {callback_id} is {found['state']}"
        raise InvalidInput(where="callback", what=what, mend="only one that waits can be cancelled")
    return row


async def find_callback(connection: AsyncConnection, callback_id: int) -> dict[str, Any]:
    """One callback with its attempts, oldest first. Raises `NotFound`."""
    one = select(callbacks).where(callbacks.c.id == callback_id)
    row = (await connection.execute(one)).mappings().one_or_none()
    if row is None:
        raise NotFound(kind="callback", key=callback_id)
    a = callback_attempts.c
    tried = select(a.call_id, a.dialled_at, a.ended_at, a.cause).where(a.callback_id == callback_id)
    attempts = (await connection.execute(tried.order_by(a.dialled_at))).mappings().all()
    return {**_plain(row), "tried": [_plain(each) for each in attempts]}


def _plain(row: RowMapping) -> dict[str, Any]:
    """A row with `str` keys: SQLAlchemy's are a kind of its own that JSON encoders refuse."""
    return {str(name): value for name, value in row.items()}


async def list_callbacks(
    connection: AsyncConnection, *, state: CallbackState | None, before: int | None, limit: int
) -> list[dict[str, Any]]:
    """Callbacks, newest first; `before` is the last id of the page before."""
    query = select(callbacks).order_by(callbacks.c.id.desc()).limit(limit)
    query = query.where(callbacks.c.state == state) if state else query
    query = query.where(callbacks.c.id < before) if before is not None else query
    rows = (await connection.execute(query)).mappings().all()
    return [_plain(row) for row in rows]
