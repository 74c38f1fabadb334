"""Call records and their recordings as rows: one at a time while calls end, by COPY while we catch up.

JSON is the quickest way for a few rows: one statement, one bound value. For many, Postgres spends most of its time on
reading that JSON, so new records are then copied in binary (`benchmarks/journal_to_postgres.py`).
"""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.calls.events import CallMarked, RecordingExpected
from callcenter.calls.model import CallRecord, RecordingRef
from callcenter.calls.tables import calls
from callcenter.recordings.tables import recordings

MANY = 20
"""From so many records on COPY is worth its round trips."""

CALL_COLUMNS = [c.name for c in calls.columns if c.name != "stored_at"]
KEY = ("id", "started_at")
"""Unique keys of a partitioned table hold what it is partitioned by; an id has one start (`calls.state.call_id`)."""
RECORDING_COLUMNS = ["id", "call_id", "pbx", "name", "started_at", "ended_at", "begun_at", "talk_at", "talk_seconds"]
RECORDING_FOLLOWS = ("call_id", "ended_at", "begun_at", "talk_at", "talk_seconds")
"""What a recording takes over from its call whenever that is stored again."""
RECORD_FIELDS = [f.name for f in fields(CallRecord) if f.name != "recordings"]
JSON_COLUMNS = frozenset({"legs", "queue_visits", "timeline", "anomalies"})


def _upsert_calls() -> str:
    names = ", ".join(CALL_COLUMNS)
    changes = ", ".join(f"{c} = excluded.{c}" for c in CALL_COLUMNS if c not in KEY)
    return (
        f"INSERT INTO calls ({names}) SELECT {names} FROM json_populate_recordset(NULL::calls, CAST(:rows AS json))"  # noqa: S608
        f" ON CONFLICT ({', '.join(KEY)}) DO UPDATE SET {changes}, stored_at = now()"
    )


def _upsert_recordings() -> str:
    """A recording that is there under another id stays alone: ids once held when it began, not when the call was
    answered, and calls of then can be replayed."""
    names = ", ".join(RECORDING_COLUMNS)
    news = {c: f"coalesce(excluded.{c}, recordings.{c})" for c in RECORDING_FOLLOWS}
    changes = ", ".join(f"{c} = {value}" for c, value in news.items())
    old, new = ", ".join(f"recordings.{c}" for c in news), ", ".join(news.values())
    return (
        f"INSERT INTO recordings ({names}) SELECT {names}"  # noqa: S608
        " FROM json_populate_recordset(NULL::recordings, CAST(:rows AS json)) AS given"
        " WHERE NOT EXISTS (SELECT 1 FROM recordings AS known WHERE known.call_id = given.call_id"
        " AND known.pbx = given.pbx AND known.name = given.name AND known.id <> given.id)"
        f" ON CONFLICT (id) DO UPDATE SET {changes} WHERE ({old}) IS DISTINCT FROM ({new})"
    )


# Both texts are built from our own column names alone; every value travels as a bound parameter.
UPSERT_CALLS = text(_upsert_calls())
UPSERT_RECORDINGS = text(_upsert_recordings())

MORE_OF_IT = text(
    "SELECT EXISTS (SELECT 1 FROM calls WHERE pbx = :pbx AND uniqueid = :uniqueid"
    " AND started_at >= CAST(:at AS timestamptz) - interval '1 day' AND started_at < :at)"
)
FORGET_LESS_OF_IT = text(
    "DELETE FROM calls WHERE pbx = :pbx AND uniqueid = :uniqueid AND started_at > :at"
    " AND started_at <= CAST(:at AS timestamptz) + interval '1 day' AND anomalies @> '[\"start_missing\"]'"
)

MARK_LATE = text(
    "UPDATE calls SET marks = (SELECT array_agg(DISTINCT m ORDER BY m) FROM unnest(marks || CAST(:mark AS text)) m),"
    " stored_at = now() WHERE id = :id"
)


async def store_records(connection: AsyncConnection, records: Sequence[CallRecord]) -> None:
    """Insert or replace records; recordings of theirs that are known keep what the pipeline found."""
    records = await _without_worse(connection, records)
    if not records:
        return
    left = await _copy_new(connection, records) if len(records) >= MANY else records
    if left:
        await connection.execute(UPSERT_CALLS, {"rows": orjson.dumps([call_row(r) for r in left]).decode()})
    refs = {ref.id: recording_row(r, ref) for r in records for ref in r.recordings}
    if refs:
        await connection.execute(UPSERT_RECORDINGS, {"rows": orjson.dumps(list(refs.values())).decode()})


async def _without_worse(connection: AsyncConnection, records: Sequence[CallRecord]) -> Sequence[CallRecord]:
    """All but those that lack their beginning while more of the same call is stored: a file that was cut is read again.

    Where less of it is stored, that goes.
    """
    parts = sorted((r for r in records if "start_missing" in r.anomalies), key=lambda r: r.started_at)
    if not parts:
        return records
    kept = [r for r in records if "start_missing" not in r.anomalies]
    for part in parts:
        asked = {"pbx": part.pbx, "uniqueid": part.uniqueid, "at": part.started_at}
        more = any(r.uniqueid == part.uniqueid and r.started_at < part.started_at for r in kept)
        if not more and not (await connection.execute(MORE_OF_IT, asked)).scalar_one():
            await connection.execute(FORGET_LESS_OF_IT, asked)
            kept.append(part)
    return kept


async def _copy_new(connection: AsyncConnection, records: Sequence[CallRecord]) -> Sequence[CallRecord]:
    """Copy the records that are not there yet; returns those that must be sent the other way."""
    known = await connection.execute(select(calls.c.id).where(calls.c.id.in_([r.id for r in records])))
    there = set(known.scalars())
    new = [r for r in records if r.id not in there]
    driver: Any = (await connection.get_raw_connection()).driver_connection
    try:
        async with connection.begin_nested():
            rows = [_copied(call_row(r)) for r in new]
            await driver.copy_records_to_table("calls", records=rows, columns=CALL_COLUMNS)
    except (asyncpg.UniqueViolationError, asyncpg.DataError, TypeError, ValueError):
        return records  # the statement for few rows copes with what is there, and names what is wrong
    return [r for r in records if r.id in there]


def _copied(row: dict[str, Any]) -> tuple[Any, ...]:
    """A row as asyncpg encodes it: `jsonb` as text, enums as the plain text they are."""
    return tuple(orjson.dumps(row[c]).decode() if c in JSON_COLUMNS else row[c] for c in CALL_COLUMNS)


async def absorb(connection: AsyncConnection, absorbed: Sequence[tuple[UUID, UUID]]) -> None:
    """Records of calls that turned out to be part of another one go; their recordings are that one's."""
    for gone, into in absorbed:
        mine = update(recordings).where(recordings.c.call_id == gone).values(call_id=into)
        await connection.execute(mine)
        await connection.execute(delete(calls).where(calls.c.id == gone))


async def mark_late(connection: AsyncConnection, marks: Sequence[CallMarked]) -> None:
    """Add marks to records that no tracker holds any more."""
    if marks:
        await connection.execute(MARK_LATE, [{"id": each.call_id, "mark": each.mark} for each in marks])


def call_row(record: CallRecord) -> dict[str, Any]:
    """The record as its table's columns."""
    row = {name: getattr(record, name) for name in RECORD_FIELDS}
    row["agents"] = list(dict.fromkeys(leg.agent for leg in record.legs if leg.agent and leg.talk_seconds > 0))
    row["queues"] = list(dict.fromkeys(visit.queue for visit in record.queue_visits))
    return row


def recording_row(record: CallRecord, ref: RecordingRef) -> dict[str, Any]:
    """A recording that should exist."""
    return {
        "id": ref.id,
        "call_id": record.id,
        "pbx": record.pbx,
        "name": ref.name,
        "started_at": ref.started_at,
        "ended_at": ref.ended_at,
        "begun_at": ref.begun_at,
        "talk_at": record.answered_at,
        "talk_seconds": record.talk_seconds,
    }


async def store_expected(connection: AsyncConnection, pbx: str, expected: Sequence[RecordingExpected]) -> None:
    """Recordings of running calls that must exist from now on."""
    if expected:
        rows = {each.ref.id: _expected_row(pbx, each) for each in expected}
        await connection.execute(UPSERT_RECORDINGS, {"rows": orjson.dumps(list(rows.values())).decode()})


def _expected_row(pbx: str, expected: RecordingExpected) -> dict[str, Any]:
    ref = expected.ref
    row = {"id": ref.id, "call_id": expected.call_id, "pbx": pbx, "name": ref.name, "started_at": ref.started_at}
    return {name: row.get(name) for name in RECORDING_COLUMNS}
