"""Every query on what is kept still: archived and expired recordings with their calls' facts and holds.

The rule is `model.judge` alone. What is asked here leaves out only what can't go whatever else holds, and counts what
is alike before it is judged: an archive of a million is a few thousand groups.
"""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Date, DateTime, and_, case, cast, exists, func, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.calls.tables import calls
from callcenter.clock import LOCAL_ZONE
from callcenter.http.instants import local_midnight
from callcenter.http.paging import Position
from callcenter.recordings.model import State
from callcenter.recordings.tables import recordings
from callcenter.retention.model import Kind
from callcenter.retention.tables import recording_holds
from callcenter.retention.verdicts import Group

BATCH = 500
LONGEST_CALL = timedelta(days=2)
"""A recording begins at the answer, its call before that: months of calls beyond are not looked at."""

h, r, c = recording_holds.c, recordings.c, calls.c
KEPT = text("recordings.state IN ('archived', 'expired')")
"""As the index `ix_recordings_kept` says it."""
ITS_CALL = and_(c.id == r.call_id, c.started_at <= r.started_at, c.started_at >= r.started_at - LONGEST_CALL)
STANDING = and_(h.recording_id == r.id, h.ended_at.is_(None))
HELD = select(func.string_agg(h.why + ": " + h.note, "; ")).where(STANDING).scalar_subquery().label("held")
FACTS = (recordings, c.direction, c.line, c.marks, HELD)
COMPLAINT = c.marks.contains(["complaint"])
EMERGENCY = func.coalesce(c.line, "") == "emergency"
OF_KIND = {
    Kind.COMPLAINT: COMPLAINT,
    Kind.EMERGENCY: and_(~COMPLAINT, EMERGENCY),
    Kind.OUTBOUND: and_(~COMPLAINT, ~EMERGENCY, c.direction == "outbound"),
    Kind.HOTLINE: and_(~COMPLAINT, ~EMERGENCY, c.direction != "outbound"),
}
"""`model.kind_of` as conditions."""
WITHOUT_JIT = text("SET LOCAL jit = off")
"""Compiling for each month of calls takes longer than the whole statement."""
_LAST_EXPIRED = text("jsonb_path_query_array(recordings.life, '$[*] ? (@.state == \"expired\")') -> -1 ->> 'at'")


def _local_day(moment: Any) -> Any:
    return cast(func.timezone(LOCAL_ZONE.key, moment), Date)


async def may_go(
    connection: AsyncConnection,
    pbx: str | None,
    ends: Mapping[Kind, date],
    after: Position | None = None,
    states: Collection[State] = (State.ARCHIVED, State.EXPIRED),
) -> AsyncGenerator[Sequence[Any], None]:
    """Recordings of days before their kind's, that nobody holds, oldest first, in batches."""
    if not ends:
        return
    await connection.execute(WITHOUT_JIT)
    last = local_midnight(max(ends.values()))
    # said of the calls as well: months that can't matter are left out before the statement runs
    query = (
        select(*FACTS)
        .join_from(recordings, calls, ITS_CALL)
        .where(KEPT, r.state.in_(states), r.started_at < last, c.started_at < last)
    )
    query = query.where(or_(*(and_(OF_KIND[k], r.started_at < local_midnight(day)) for k, day in ends.items())))
    query = query.where(~exists().where(STANDING)).order_by(r.started_at, r.id).limit(BATCH)
    query = query.where(r.pbx == pbx) if pbx is not None else query
    while True:
        further = query.where(*_after(after)) if after else query
        rows = (await connection.execute(further)).all()
        if not rows:
            return
        yield rows
        after = Position(rows[-1].started_at, rows[-1].id)


def _after(last: Position) -> tuple[ColumnElement[bool], ...]:
    begun = cast(last.value, DateTime(timezone=True))
    return tuple_(r.started_at, r.id) > (last.value, last.id), c.started_at >= begun - LONGEST_CALL


async def locked(connection: AsyncConnection, ids: Collection[UUID]) -> Sequence[Any]:
    """These recordings as they are now, nobody else's to change until the transaction ends."""
    lock = select(r.id, r.started_at).where(r.id.in_(ids)).order_by(r.id).with_for_update()
    begun = [row.started_at for row in await connection.execute(lock)]
    if not begun:
        return []
    # a statement of its own: it sees what was committed while the first one waited
    near = c.started_at.between(min(begun) - LONGEST_CALL, max(begun))
    query = select(*FACTS).outerjoin_from(recordings, calls, and_(ITS_CALL, near))
    query = query.where(KEPT, r.id.in_(ids)).order_by(r.started_at, r.id)
    rows: Sequence[Any] = (await connection.execute(query)).all()
    return rows


async def groups(connection: AsyncConnection, before: datetime) -> list[Group]:
    """Recordings begun before then, counted by what the verdict depends on."""
    whys = func.string_agg(h.why.distinct(), aggregate_order_by(text("', '"), h.why))
    holds = select(h.recording_id, whys.label("held")).where(h.ended_at.is_(None)).group_by(h.recording_id).subquery()
    expired_on = case((r.state == State.EXPIRED, _local_day(cast(_LAST_EXPIRED, DateTime(timezone=True)))))
    keys = (r.pbx, c.direction, c.line, func.coalesce(COMPLAINT, False), _local_day(r.started_at), expired_on)
    named = [key.label(f"k{n}") for n, key in enumerate((*keys, holds.c.held))]
    mine = and_(ITS_CALL, c.started_at < before)
    joined = recordings.outerjoin(calls, mine).outerjoin(holds, holds.c.recording_id == r.id)
    wanted = select(*named, *_SUMS).select_from(joined).where(KEPT, r.started_at < before)
    await connection.execute(WITHOUT_JIT)
    rows = await connection.execute(wanted.group_by(*(text(str(n + 1)) for n in range(len(named)))))
    return [Group(*tuple(row)) for row in rows]


_SUMS = (
    func.count(),
    func.coalesce(func.sum(r.seconds), 0.0),
    cast(func.coalesce(func.sum(r.bytes), 0), r.bytes.type),
)


async def younger(connection: AsyncConnection, since: datetime | None) -> list[tuple[str, int, float, int]]:
    """By PBX: recordings begun then or later (None: all), their seconds and bytes."""
    wanted = select(r.pbx, *_SUMS).where(KEPT, *([r.started_at >= since] if since else [])).group_by(r.pbx)
    return [(row[0], row[1], row[2], row[3]) for row in await connection.execute(wanted.order_by(r.pbx))]
