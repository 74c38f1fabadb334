"""Stores what one reading of the journals brought: raw lines, records, announcements and the place read up to, in one
transaction. Sent again after a lost answer it changes nothing."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import delete, exists, func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callcenter.alerts.model import Alert
from callcenter.alerts.repository import cause_is_gone, clear_alert, raise_alert
from callcenter.calls.emergency import AlertOver
from callcenter.calls.events import AgentActed, CallMarked
from callcenter.calls.model import CallRecord
from callcenter.calls.tables import calls
from callcenter.errors import CallcenterError, in_one_line
from callcenter.journal.facts import Reject
from callcenter.journal.follower import Chunk, Gap, Place
from callcenter.journal.tables import journal_chunks, journal_rejects, journal_sources, tracker_states
from callcenter.publishing.outbox import Announcement, announce
from callcenter.recordings.tables import recordings

CALL_COLUMNS = [c.name for c in calls.columns if c.name != "stored_at"]
RECORDING_COLUMNS = ["id", "call_id", "pbx", "name", "started_at"]


def _upsert_calls() -> str:
    names = ", ".join(CALL_COLUMNS)
    changes = ", ".join(f"{c} = excluded.{c}" for c in CALL_COLUMNS if c != "id")
    return (
        f"INSERT INTO calls ({names}) SELECT {names} FROM json_populate_recordset(NULL::calls, CAST(:rows AS json))"  # noqa: S608
        f" ON CONFLICT (id) DO UPDATE SET {changes}, stored_at = now()"
    )


def _insert_recordings() -> str:
    names = ", ".join(RECORDING_COLUMNS)
    return (
        f"INSERT INTO recordings ({names}) SELECT {names}"  # noqa: S608
        " FROM json_populate_recordset(NULL::recordings, CAST(:rows AS json)) ON CONFLICT (id) DO NOTHING"
    )


# Both texts are built from our own column names alone; every value travels as a bound parameter.
UPSERT_CALLS = text(_upsert_calls())
INSERT_RECORDINGS = text(_insert_recordings())


POISON = (DataError, IntegrityError, TypeError, ValueError)
"""What Postgres, or the way to it, will refuse however often it is sent."""


class Displaced(CallcenterError):
    """Another listener stores the journal of {pbx}: {source} stands at {found}, not at {expected}"""

    code = "displaced"


@dataclass(frozen=True, slots=True)
class RawChunk:
    """A reading with the id it is stored under and its bytes as they are stored (zlib)."""

    id: int
    chunk: Chunk
    packed: bytes


@dataclass
class Batch:
    """One reading of the journals and what follows from it."""

    chunks: list[RawChunk] = field(default_factory=list)
    before: dict[str, Place | None] = field(default_factory=dict)
    drained: bool = False
    rejects: list[tuple[str, Reject]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    records: dict[UUID, CallRecord] = field(default_factory=dict)
    absorbed: list[UUID] = field(default_factory=list)
    announcements: list[Announcement] = field(default_factory=list)
    alarms: list[Alert | AlertOver] = field(default_factory=list)
    late_marks: list[CallMarked] = field(default_factory=list)
    acts: list[AgentActed] = field(default_factory=list)
    low_water: int | None = None


KeepActs = Callable[[AsyncConnection, str, Sequence[AgentActed]], Awaitable[None]]
"""Stores entries of the operation log in the transaction of the facts they come from (`agents.operation_log`)."""


async def store(engine: AsyncEngine, pbx: str, batch: Batch, keep_acts: KeepActs | None = None) -> None:
    """Store a batch once. Raises `Displaced` when someone else has moved the place on, and what Postgres raises."""
    async with engine.begin() as connection:
        if not await _advance(connection, pbx, batch):
            return
        await _keep_raw(connection, pbx, batch)
        await store_records(connection, list(batch.records.values()), batch.absorbed)
        await mark_late(connection, batch.late_marks)
        if batch.acts and keep_acts is not None:
            await keep_acts(connection, pbx, batch.acts)
        await announce(connection, pbx, batch.announcements)
        await _alarm(connection, pbx, batch.alarms)


async def _alarm(connection: AsyncConnection, pbx: str, alarms: list[Alert | AlertOver]) -> None:
    for alarm in alarms:
        if isinstance(alarm, Alert):
            await raise_alert(connection, pbx, alarm)
        elif alarm.unserved:
            await cause_is_gone(connection, pbx, alarm.kind, alarm.key)
        else:
            await clear_alert(connection, pbx, alarm.kind, alarm.key)


async def sift(engine: AsyncEngine, batch: Batch) -> int:
    """Take out the records that cannot be stored, each with its announcements; what it was is kept as a gap.

    Returns how many there were. The raw lines stay in the batch: a later version's replay may understand them.
    """
    refused = 0
    for record in list(batch.records.values()):
        why = await _refusal(engine, record)
        if why is not None:
            refused += 1
            batch.gaps.append(Gap("cel", f"the record {record.id} cannot be stored: {why}"))
            del batch.records[record.id]
            batch.announcements = [a for a in batch.announcements if a.key != str(record.id)]
    return refused


async def _refusal(engine: AsyncEngine, record: CallRecord) -> str | None:
    """Why this record alone cannot be stored; None when it can."""
    try:
        async with engine.connect() as connection:
            await store_records(connection, [record], [])
            await connection.rollback()
    except POISON as error:
        return in_one_line(error)
    return None


async def _advance(connection: AsyncConnection, pbx: str, batch: Batch) -> bool:
    """Move each source from where we read it; False when this very batch is stored already."""
    after = {raw.chunk.source: raw.chunk.after for raw in batch.chunks}
    moved = [await _move(connection, pbx, source, batch.before[source], place) for source, place in after.items()]
    if any(moved) and not all(moved):
        raise Displaced(pbx=pbx, source="one of two journals", found="moved", expected=batch.before)
    return all(moved)


async def _move(connection: AsyncConnection, pbx: str, source: str, before: Place | None, after: Place) -> bool:
    row = {"pbx": pbx, "source": source, "inode": after.inode, "position": after.position, "head": after.head}
    s = journal_sources.c
    statement = upsert(journal_sources).values(row)
    expected = (s.inode == (before.inode if before else -1)) & (s.position == (before.position if before else -1))
    moved = statement.on_conflict_do_update(
        index_elements=["pbx", "source"], set_={**row, "updated_at": func.now()}, where=expected
    ).returning(s.position)
    if (await connection.execute(moved)).first() is not None:
        return True
    mine = (s.pbx == pbx) & (s.source == source)
    found = (await connection.execute(select(s.inode, s.position).where(mine))).one()
    if tuple(found) == (after.inode, after.position):
        return False
    raise Displaced(pbx=pbx, source=source, found=tuple(found), expected=before)


async def _keep_raw(connection: AsyncConnection, pbx: str, batch: Batch) -> None:
    last = len(batch.chunks) - 1
    rows = [_chunk_row(pbx, raw, batch.drained and i == last) for i, raw in enumerate(batch.chunks)]
    if rows:
        await connection.execute(insert(journal_chunks), rows)
        low = batch.low_water or batch.chunks[-1].id + 1
        keep = upsert(tracker_states).values(pbx=pbx, low_water_chunk=low)
        await connection.execute(
            keep.on_conflict_do_update(index_elements=["pbx"], set_={"low_water_chunk": keep.excluded.low_water_chunk})
        )
    bad = [
        {"pbx": pbx, "source": source, "position": r.position, "line": r.line, "reason": r.reason}
        for source, r in batch.rejects
    ]
    bad += [{"pbx": pbx, "source": g.source, "position": -1, "line": b"", "reason": g.reason} for g in batch.gaps]
    if bad:
        await connection.execute(insert(journal_rejects), bad)


def _chunk_row(pbx: str, raw: RawChunk, drained: bool) -> dict[str, Any]:
    chunk = raw.chunk
    return {
        "id": raw.id,
        "pbx": pbx,
        "source": chunk.source,
        "inode": chunk.inode,
        "start": chunk.start,
        "end": chunk.start + len(chunk.data),
        "lines": chunk.data.count(b"\n"),
        "drained": drained,
        "data": raw.packed,
    }


async def store_records(connection: AsyncConnection, records: list[CallRecord], absorbed: list[UUID]) -> None:
    """Insert or replace records; recordings of theirs that are known keep what the pipeline found."""
    if records:
        await connection.execute(UPSERT_CALLS, {"rows": orjson.dumps([call_row(r) for r in records]).decode()})
        refs = [recording_row(r, ref) for r in records for ref in r.recordings]
        if refs:
            await connection.execute(INSERT_RECORDINGS, {"rows": orjson.dumps(refs).decode()})
    if absorbed:
        known = exists().where(recordings.c.call_id == calls.c.id)
        await connection.execute(delete(calls).where(calls.c.id.in_(absorbed), ~known))


MARK_LATE = text(
    "UPDATE calls SET marks = (SELECT array_agg(DISTINCT m ORDER BY m) FROM unnest(marks || CAST(:mark AS text)) m),"
    " stored_at = now() WHERE id = :id"
)


async def mark_late(connection: AsyncConnection, marks: Sequence[CallMarked]) -> None:
    """Add marks to records that no tracker holds any more."""
    if marks:
        await connection.execute(MARK_LATE, [{"id": each.call_id, "mark": each.mark} for each in marks])


RECORD_FIELDS = [f.name for f in fields(CallRecord) if f.name != "recordings"]


def call_row(record: CallRecord) -> dict[str, Any]:
    """The record as its table's columns."""
    row = {name: getattr(record, name) for name in RECORD_FIELDS}
    row["agents"] = list(dict.fromkeys(leg.agent for leg in record.legs if leg.agent and leg.talk_seconds > 0))
    row["queues"] = list(dict.fromkeys(visit.queue for visit in record.queue_visits))
    return row


def recording_row(record: CallRecord, ref: Any) -> dict[str, Any]:
    return {
        "id": ref.id,
        "call_id": record.id,
        "pbx": record.pbx,
        "name": ref.name,
        "started_at": ref.started_at,
    }
