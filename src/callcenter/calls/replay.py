"""Computes the records again from the raw facts: a fix to the tracker is followed by a replay, not by an UPDATE."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callcenter.calls.events import CallAbsorbed, CallEnded, CallMarked
from callcenter.calls.ingest import feed_lines
from callcenter.calls.model import CallRecord
from callcenter.calls.rows import CALL_COLUMNS, call_row, store_records
from callcenter.calls.tables import calls
from callcenter.calls.tracker import CallTracker
from callcenter.journal.repository import read_chunks
from callcenter.storage.engine import make_engine

BATCH = 500


@dataclass
class Difference:
    """What the replay found for one call; `columns` maps a name to (stored, computed)."""

    call_id: UUID
    columns: dict[str, tuple[Any, Any]]


@dataclass
class ReplayResult:
    same: int = 0
    added: int = 0
    changed: list[Difference] = field(default_factory=list)
    not_before: datetime | None = None


async def replay(
    engine: AsyncEngine, pbx: str, *, dry_run: bool = False, not_before: datetime | None = None
) -> ReplayResult:
    """Recompute every ended call of one PBX and store what differs. Announces nothing: nothing new happened.

    Calls that began before `not_before` are left alone: retention has detached their months.
    """
    result = ReplayResult(not_before=not_before)
    pending: dict[UUID, CallRecord] = {}
    tracker = CallTracker(pbx)
    async with engine.connect() as reading:
        async for mark, source, start, drained, data in read_chunks(reading, pbx):
            _collect(feed_lines(tracker, source, data, start, mark)[0], pending)
            if drained:
                _collect(tracker.settle(), pending)
            else:
                tracker.relieve()
            if len(pending) >= BATCH:
                kept = {i: pending.pop(i) for i in tracker.last_calls.ids if i in pending}
                await _settle(engine, pending, result, dry_run=dry_run)
                pending.update(kept)  # they may yet be marked
    await _settle(engine, pending, result, dry_run=dry_run)
    return result


async def replay_url(url: str, pbx: str, *, dry_run: bool = False, not_before: datetime | None = None) -> ReplayResult:
    """`replay` on an engine of its own."""
    engine = make_engine(url)
    try:
        return await replay(engine, pbx, dry_run=dry_run, not_before=not_before)
    finally:
        await engine.dispose()


def _collect(events: Any, pending: dict[UUID, CallRecord]) -> None:
    for event in events:
        if isinstance(event, CallEnded):
            pending[event.record.id] = event.record
        elif isinstance(event, CallAbsorbed):
            pending.pop(event.call_id, None)
        elif isinstance(event, CallMarked) and (record := pending.get(event.call_id)):
            pending[record.id] = replace(record, marks=tuple(sorted({*record.marks, event.mark})))


async def _settle(engine: AsyncEngine, pending: dict[UUID, CallRecord], result: ReplayResult, *, dry_run: bool) -> None:
    if result.not_before is not None:
        for record in [r for r in pending.values() if r.started_at < result.not_before]:
            del pending[record.id]
    if not pending:
        return
    async with engine.begin() as connection:
        stored = await _stored(connection, list(pending))
        for record in list(pending.values()):
            _compare(record, stored.get(record.id), result)
        if not dry_run:
            await store_records(connection, list(pending.values()))
    pending.clear()


async def _stored(connection: AsyncConnection, ids: list[UUID]) -> dict[UUID, Mapping[str, Any]]:
    rows = await connection.execute(select(*(calls.c[c] for c in CALL_COLUMNS)).where(calls.c.id.in_(ids)))
    return {row["id"]: dict(row) for row in rows.mappings()}


def _compare(record: CallRecord, stored: Mapping[str, Any] | None, result: ReplayResult) -> None:
    if stored is None:
        result.added += 1
        return
    computed, kept = _plain(call_row(record)), _plain(dict(stored))
    differing = {c: (kept[c], computed[c]) for c in CALL_COLUMNS if kept[c] != computed[c]}
    if differing:
        result.changed.append(Difference(record.id, differing))
    else:
        result.same += 1


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    text = orjson.dumps({str(name): value for name, value in row.items()}, default=str)
    plain: dict[str, Any] = orjson.loads(text)
    return plain
