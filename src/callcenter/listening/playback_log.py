"""Reading who listened. Browsers ask for a recording in many parts; what belongs together is shown as one playback."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, case, exists, func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.http.paging import Position
from callcenter.listening.played import Sitting, find_played, merged
from callcenter.recordings.tables import recording_playback_ends, recording_playbacks
from callcenter.storage.reading import reading

TOGETHER = timedelta(seconds=60)
"""Answers of the same key, recording, reason and address that began so close to one another are one playback.

Those of one sitting of a player that names it are one however long it paused.
"""
SAME = ("recording_id", "by", "why", "how", "address", "listening")
p, e = recording_playbacks.c, recording_playback_ends.c


@dataclass(frozen=True, slots=True)
class PlaybackSearch:
    """Filters that all must hold; `since` is inclusive, `until` exclusive."""

    recording_id: UUID | None = None
    by: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def find_playbacks(
    engine: AsyncEngine, search: PlaybackSearch, after: Position | None, limit: int
) -> tuple[list[dict[str, Any]], Position | None]:
    """A page, newest first, and where the next one starts. Raises `PartUnavailable`."""
    async with reading(engine, snapshot=True) as connection:
        firsts = (await connection.execute(_firsts(search, after, limit + 1))).all()
        keys = [row.id for row in firsts[:limit]]
        rows = (await connection.execute(_whole(keys, [row.recording_id for row in firsts]))).mappings().all()
        played = await find_played(connection, {row["listening"] for row in rows} - {None})
    items = [_shown(dict(row), played) for row in rows]
    more = len(firsts) > limit
    return items, Position(items[-1]["at"], items[-1]["id"]) if more else None


def _firsts(search: PlaybackSearch, after: Position | None, limit: int) -> Select[Any]:
    """The answers that a playback begins with: none of the same shortly before."""
    q = recording_playbacks.alias("earlier").c
    same = [q[name] == p[name] for name in SAME if name != "listening"]
    near = and_(p.listening.is_(None), q.listening.is_(None), q.at > p.at - TOGETHER)
    follows = exists().where(*same, or_(near, q.listening == p.listening), tuple_(q.at, q.id) < tuple_(p.at, p.id))
    asked: list[tuple[Any, Any]] = [
        (search.recording_id, lambda v: p.recording_id == v),
        (search.by, lambda v: p.by == v),
        (search.since, lambda v: p.at >= v),
        (search.until, lambda v: p.at < v),
    ]
    given = [condition(value) for value, condition in asked if value is not None]
    wanted = select(p.id, p.recording_id).where(~follows, *given)
    if after is not None:
        wanted = wanted.where(tuple_(p.at, p.id) < (after.value, after.id))
    return wanted.order_by(p.at.desc(), p.id.desc()).limit(limit)


def _whole(keys: Sequence[UUID], of: Sequence[UUID]) -> Select[Any]:
    """Playbacks that begin with these answers, with what belongs to each."""
    alike = [p[name] for name in SAME]
    before = func.lag(p.at).over(partition_by=alike, order_by=(p.at, p.id))
    truth = [func.coalesce(e[name], p[name]).label(name) for name in ("last_second", "bytes")]
    joined = recording_playbacks.outerjoin(recording_playback_ends, e.playback_id == p.id)
    marked = select(p.id, p.at, p.first_second, *alike, *truth, e.at.label("ended"), before.label("before"))
    m = marked.select_from(joined).where(p.recording_id.in_(of)).subquery().c
    begins = case((m.before.is_(None) | (m.listening.is_(None) & (m.at - m.before >= TOGETHER)), 1), else_=0)
    nth = func.sum(begins).over(partition_by=[m[name] for name in SAME], order_by=(m.at, m.id)).label("nth")
    n = select(*m, nth).subquery().c
    first = func.array_agg(aggregate_order_by(n.id, n.at, n.id))[1]
    sent = func.json_agg(func.json_build_array(n.first_second, n.last_second)).label("sent")
    grouped = select(
        first.label("id"), func.min(n.at).label("at"), func.max(n.ended).label("ended_at"),
        *(n[name] for name in SAME), sent, func.sum(n.bytes).label("bytes"), func.count().label("answers"),
    ).group_by(*(n[name] for name in SAME), n.nth).subquery()  # fmt: skip
    g = grouped.c
    return select(grouped).where(g.id.in_(keys)).order_by(g.at.desc(), g.id.desc())


def _shown(row: dict[str, Any], played: Mapping[Sitting, list[list[float]]]) -> dict[str, Any]:
    parts = merged(row.pop("sent"))
    ends = {"first_second": parts[0][0], "last_second": max(part[1] for part in parts)}
    heard = played.get(Sitting(row["recording_id"], row["listening"], row["by"]))
    facts = {str(name): value for name, value in row.items()} | ends
    return facts | {"sent": parts, "heard": heard, "bytes": int(row["bytes"])}
