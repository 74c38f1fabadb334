"""Who works on which recording: rows are claimed for a while, so that a pipeline that dies leaves them to the next."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    Interval,
    Text,
    and_,
    any_,
    bindparam,
    case,
    cast,
    column,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callcenter.recordings.model import PENDING
from callcenter.recordings.tables import recordings

CLAIMED = 8
LEASE = timedelta(seconds=60)
RENEW_SECONDS = 20.0
LONGEST_WAIT = timedelta(seconds=60)
"""What is to be tried later than this, or than a lease lasts, was put off before the clock was set back."""
ENDLESS = timedelta(days=1)
"""A call whose end nobody tells after so long has no record: its audio is looked at all the same."""

r = recordings.c
OVER = or_(r.ended_at.is_not(None), r.started_at < func.now() - ENDLESS)
DUE = (
    select(r.id)
    .where(r.pbx == bindparam("of_pbx"), r.state.in_(PENDING), OVER)
    .where(or_(r.next_try_at <= func.now(), r.next_try_at > func.now() + LONGEST_WAIT))
    .order_by(r.next_try_at)
    .limit(CLAIMED)
    .with_for_update(skip_locked=True)
)
CLAIM = update(recordings).where(r.id.in_(DUE)).values(next_try_at=func.now() + LEASE).returning(recordings)
POSTPONE = (
    update(recordings)
    .where(r.id == bindparam("which"), r.state == any_(cast(literal([*PENDING], ARRAY(Text)), ARRAY(Text))))
    .values(
        attempts=r.attempts + 1,
        next_try_at=func.now() + bindparam("wait", type_=Interval()),
        reason=bindparam("why"),
        updated_at=case((or_(r.attempts == 0, r.updated_at > func.now()), func.now()), else_=r.updated_at),
    )
)
"""For many at once, where IN can't be used. `updated_at` stays at the first look: its age ends the waiting."""


async def claim(engine: AsyncEngine, pbx: str) -> Sequence[Any]:
    """Recordings that are due, ours for `LEASE`."""
    async with engine.begin() as connection:
        return sorted((await connection.execute(CLAIM, {"of_pbx": pbx})).all(), key=lambda row: row.next_try_at)


async def renew(engine: AsyncEngine, ids: Sequence[Any]) -> None:
    """They take longer than expected."""
    mine = and_(r.id.in_(ids), r.state.in_(PENDING))
    async with engine.begin() as connection:
        await connection.execute(update(recordings).where(mine).values(next_try_at=func.now() + LEASE))


async def release_all(engine: AsyncEngine, pbx: str) -> None:
    """At a start: what an earlier run had claimed or put off is due. Two that work on the same do no harm."""
    mine = and_(r.pbx == pbx, r.state.in_(PENDING))
    async with engine.begin() as connection:
        await connection.execute(update(recordings).where(mine).values(next_try_at=func.now()))


async def postpone(connection: AsyncConnection, later: Sequence[dict[str, Any]]) -> None:
    """`which`, `wait` and `why` of each."""
    if later:
        await connection.execute(POSTPONE, list(later))


async def conclude(connection: AsyncConnection, which: Any, values: dict[str, Any]) -> Any:
    """Store what became of a recording; its flags and life as they are now, or None when somebody else was first.

    Steps and flags are added to those that were noted meanwhile (`recordings.lives`).
    """
    steps, flags = values.pop("life"), values.pop("flags")
    values["life"] = r.life + cast(bindparam("steps", steps, type_=JSONB), JSONB)
    every = func.unnest(r.flags + cast(bindparam("fresh", flags, type_=ARRAY(Text)), ARRAY(Text))).alias("flag")
    all_flags = select(func.array_agg(func.distinct(column("flag")))).select_from(every).scalar_subquery()
    values["flags"] = func.coalesce(all_flags, cast([], ARRAY(Text)))
    mine = update(recordings).where(r.id == which, r.state.in_(PENDING))
    done = await connection.execute(
        mine.values(**values, updated_at=func.now(), next_try_at=func.now()).returning(r.flags, r.life)
    )
    return done.first()
