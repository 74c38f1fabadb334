"""Every query that reads recordings with their calls.

Calls are partitioned by their start, which a recording does not know: it lies shortly before the recording's own. So
the join is bounded by that, and Postgres looks at the month of each recording (and the one before, at its first day).
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, Select, and_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.calls.repository import conditions, values_of
from callcenter.calls.tables import calls
from callcenter.errors import NotFound
from callcenter.http.paging import Position
from callcenter.listening.search import RecordingSearch
from callcenter.recordings.model import State
from callcenter.recordings.tables import recording_chain, recording_keys, recording_peaks, recordings
from callcenter.storage.reading import reading

BEFORE = timedelta(days=1)
"""A recording begins at most so long after its call."""
AFTER = timedelta(minutes=1)
"""And not before it, but for a clock that was set."""

RECORDING = (
    "id", "call_id", "pbx", "state", "reason", "started_at", "ended_at", "seconds", "talk_seconds", "flags", "channels",
    "media_type", "bytes", "sha256",
)  # fmt: skip
CALL = (
    "direction", "line", "caller_number", "caller_name", "did", "started_at", "answered_at", "ended_at", "talk_seconds",
    "agent", "outcome", "marks",
)  # fmt: skip
r, c = recordings.c, calls.c
BELONGS = and_(c.id == r.call_id, c.started_at >= r.started_at - BEFORE, c.started_at <= r.started_at + AFTER)


def _own(search: RecordingSearch) -> list[ColumnElement[bool]]:
    asked: list[tuple[Any, Any]] = [
        (search.since, lambda v: r.started_at >= v),
        (search.until, lambda v: r.started_at < v),
        (search.state, lambda v: r.state == v.value),
        (search.flag, lambda v: r.flags.contains([v.value])),
        (search.min_seconds, lambda v: r.seconds >= v),
        (search.max_seconds, lambda v: r.seconds <= v),
        (search.call_id, lambda v: r.call_id == v),
    ]
    return [condition(value) for value, condition in asked if value is not None]


def page_statement(search: RecordingSearch, after: Position | None, limit: int) -> Select[Any]:
    """Newest first. A call that left the lists, or is not stored yet, leaves its recording without a call."""
    of_calls = conditions(search.call)
    bounds = [c.started_at >= search.since - BEFORE] if search.since else []
    bounds += [c.started_at < search.until + AFTER] if search.until else []
    joined = recordings.join(calls, and_(BELONGS, *bounds), isouter=not of_calls)
    columns = [r[name] for name in RECORDING] + [c[name].label(f"call_{name}") for name in CALL]
    page = select(*columns).select_from(joined).where(*_own(search), *of_calls)
    if after is not None:
        page = page.where(tuple_(r.started_at, r.id) < (after.value, after.id))
    return page.order_by(r.started_at.desc(), r.id.desc()).limit(limit)


async def find_page(
    engine: AsyncEngine, search: RecordingSearch, after: Position | None, limit: int
) -> tuple[list[dict[str, Any]], Position | None]:
    """A page, and the position that the next one starts after (None: this is the last). Raises `PartUnavailable`."""
    values = values_of(search.call, None, (), None)
    async with reading(engine) as connection:
        rows = (await connection.execute(page_statement(search, after, limit + 1), values)).mappings().all()
    items = [shown(row) for row in rows[:limit]]
    more = len(rows) > limit
    return items, Position(items[-1]["started_at"], items[-1]["id"]) if more else None


def shown(row: RowMapping) -> dict[str, Any]:
    """A row as the API shows it."""
    call = {name: row[f"call_{name}"] for name in CALL} if row["call_outcome"] is not None else None
    return {name: row[name] for name in RECORDING} | {"call": call}


async def find_rows(engine: AsyncEngine, ids: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    """All that is known of recordings: their columns, key, the chain's entry of their sealing with the hash before it,
    and their call (`call_…`). Those that are not there are left out."""
    key, chain, before = recording_keys.c, recording_chain.c, recording_chain.alias("before").c
    entry = and_(chain.recording_id == r.id, chain.kind == State.SEALED.value)
    joined = (
        recordings.outerjoin(recording_keys, key.recording_id == r.id)
        .outerjoin(calls, BELONGS)
        .outerjoin(recording_chain, entry)
        .outerjoin(before.hash.table, and_(before.pbx == chain.pbx, before.seq == chain.seq - 1))
    )
    columns = [
        *recordings.c,
        key.site_key,
        key.wrapped,
        *(c[name].label(f"call_{name}") for name in (*CALL, "timeline")),
    ]
    columns += [chain[name].label(f"chain_{name}") for name in ("pbx", "seq", "entry", "hash", "signature")]
    columns += [before.hash.label("chain_before")]
    wanted = select(*columns).select_from(joined).where(r.id.in_(ids)).order_by(chain.seq)
    async with reading(engine) as connection:
        rows = (await connection.execute(wanted)).mappings().all()
    return {row["id"]: {str(name): value for name, value in row.items()} for row in rows}


async def find_row(engine: AsyncEngine, recording: UUID) -> dict[str, Any]:
    """Raises `NotFound`."""
    found = await find_rows(engine, [recording])
    if recording not in found:
        raise NotFound(kind="recording", key=recording)
    return found[recording]


async def find_peaks(engine: AsyncEngine, recording: UUID) -> tuple[float, bytes]:
    """Length in seconds, and what `hearing.waveform` draws. Raises `NotFound`."""
    p = recording_peaks.c
    wanted = select(r.seconds, p.peaks).join_from(recordings, recording_peaks, p.recording_id == r.id)
    async with reading(engine) as connection:
        row = (await connection.execute(wanted.where(r.id == recording))).first()
    if row is None:
        raise NotFound(kind="waveform of recording", key=recording)
    return row.seconds or 0.0, row.peaks
