"""Monthly partitions: nothing is refused or lost for want of one, and months come and go beside running writers."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4, uuid5

import asyncpg
import pytest
import pytest_asyncio
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, insert, text
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.scenarios.stories import lines

from callcenter.calls import archive
from callcenter.calls.events import CallEnded
from callcenter.calls.ids import call_id, recording_id
from callcenter.calls.ingest import feed_lines
from callcenter.calls.model import CallRecord
from callcenter.calls.rows import store_records
from callcenter.calls.tracker import CallTracker
from callcenter.clock import now
from callcenter.errors import InvalidInput, PartUnavailable
from callcenter.storage import migrate, partitions, retention
from callcenter.storage.engine import make_engine
from callcenter.storage.months import Month, month_of, parse_month

LATER = datetime(2031, 5, 31, 15, 59, tzinfo=UTC)
"""One minute before June begins in Shanghai."""


@pytest.fixture(scope="module")
def record() -> CallRecord:
    """An answered call of a real journal."""
    tracker = CallTracker("hotline")
    events = [e for s, line in lines("answered") for e in feed_lines(tracker, s, line.encode() + b"\n", 0, 1)[0]]
    ended = [e for e in (*events, *tracker.settle()) if isinstance(e, CallEnded)][-1]
    return ended.record


def at(record: CallRecord, moment: datetime, **changes: Any) -> CallRecord:
    return replace(record, **{"id": uuid4(), "started_at": moment, **changes})


async def put(engine: AsyncEngine, *records: CallRecord) -> None:
    async with engine.begin() as connection:
        await store_records(connection, list(records))


async def ask(engine: AsyncEngine, statement: str, **values: Any) -> list[Any]:
    async with engine.connect() as connection:
        return list((await connection.execute(text(statement), values)).scalars())


async def attached(engine: AsyncEngine) -> list[Month]:
    async with engine.connect() as connection:
        listed = await connection.run_sync(partitions.list_partitions, "calls")
    return [each.month for each in listed if each.attached and each.month]


async def table_of(engine: AsyncEngine, record: CallRecord) -> str:
    (name,) = await ask(engine, "SELECT tableoid::regclass::text FROM calls WHERE id = :id", id=record.id)
    return str(name)


async def test_months_are_made_ahead_at_migration(engine: AsyncEngine) -> None:
    this = month_of(now())
    assert await attached(engine) == [this.plus(n) for n in range(4)]


async def test_months_begin_at_midnight_in_shanghai(engine: AsyncEngine, record: CallRecord) -> None:
    await retention.keep_months(engine, LATER)
    last, first = at(record, LATER + timedelta(seconds=59.999)), at(record, LATER + timedelta(minutes=1))
    await put(engine, last, first)
    assert (await table_of(engine, last), await table_of(engine, first)) == ("calls_2031_05", "calls_2031_06")


async def test_a_call_of_no_month_is_stored_and_moved_when_its_month_is_made(
    engine: AsyncEngine, record: CallRecord
) -> None:
    call, garbage = at(record, LATER), at(record, datetime(1970, 1, 1, tzinfo=UTC))
    await put(engine, call, garbage)
    assert await table_of(engine, call) == "calls_default"
    await retention.keep_months(engine, LATER)
    assert (await table_of(engine, call), await table_of(engine, garbage)) == ("calls_2031_05", "calls_default")


async def test_the_past_gets_its_months_from_the_calls_found_in_none(engine: AsyncEngine, record: CallRecord) -> None:
    old = at(record, datetime(2024, 2, 29, 16, tzinfo=UTC))
    await put(engine, old)
    await retention.keep_months(engine, now())
    assert await table_of(engine, old) == "calls_2024_03"


async def test_two_makers_at_once(engine: AsyncEngine, record: CallRecord) -> None:
    calls = [at(record, LATER + timedelta(days=n)) for n in range(60)]
    await put(engine, *calls)
    await asyncio.gather(*(retention.keep_months(engine, LATER) for _ in range(4)))
    assert await ask(engine, "SELECT count(*) FROM calls") == [60]
    assert await ask(engine, "SELECT count(*) FROM calls_default") == [0]


async def test_writers_go_on_while_months_come_and_go(engine: AsyncEngine, record: CallRecord) -> None:
    """Calls of a month that is being made, detached and brought back: each is stored, none waits for long or fails."""
    stored: list[CallRecord] = []
    done = asyncio.Event()

    async def write() -> None:
        while not done.is_set():
            call = at(record, LATER + timedelta(seconds=len(stored)))
            await put(engine, call)
            stored.append(call)

    writers = [asyncio.create_task(write()) for _ in range(3)]
    try:
        await retention.keep_months(engine, LATER)
        for _ in range(3):
            await archive.detach(engine, "2031-06")
            await archive.attach(engine, "2031-06")
    finally:
        done.set()
        await asyncio.gather(*writers)
    assert await ask(engine, "SELECT count(DISTINCT id) FROM calls") == [len(stored)]
    assert await ask(engine, "SELECT count(*) FROM calls") == [len(stored)]


async def test_a_reader_is_not_queued_behind_a_maker_that_waits(
    engine: AsyncEngine, record: CallRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long query holds the table: the maker gives way each time, and says so in the end."""
    monkeypatch.setattr(retention, "ATTEMPTS", 2)
    monkeypatch.setattr(retention, "PAUSE_SECONDS", 0.01)
    await put(engine, at(record, LATER))
    async with engine.begin() as long_query:
        await long_query.execute(text("SELECT count(*) FROM calls"))
        making = asyncio.create_task(retention.keep_months(engine, LATER))
        assert await ask(engine, "SELECT count(*) FROM calls") == [1]
        with pytest.raises(PartUnavailable, match="long queries"):
            await making
    await retention.keep_months(engine, LATER)
    assert await ask(engine, "SELECT count(*) FROM calls_default") == [0]


async def test_retention_detaches_whole_months_and_keeps_their_tables(engine: AsyncEngine, record: CallRecord) -> None:
    old, young = at(record, datetime(2024, 1, 15, tzinfo=UTC)), at(record, datetime(2024, 3, 15, tzinfo=UTC))
    await put(engine, old, young)
    moment = datetime(2024, 5, 1, tzinfo=UTC)
    await retention.keep_months(engine, moment)
    await retention.keep_months(engine, moment, keep=2)
    assert await ask(engine, "SELECT id FROM calls") == [young.id]
    assert await ask(engine, "SELECT id FROM calls_2024_01_detached") == [old.id]
    await retention.keep_months(engine, moment, keep=2)
    assert parse_month("2024-01") not in await attached(engine)


async def test_an_attached_month_stays_until_it_is_detached_by_hand(
    engine: AsyncEngine, record: CallRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    call, moment = at(record, datetime(2024, 1, 15, tzinfo=UTC)), datetime(2024, 5, 1, tzinfo=UTC)
    await put(engine, call)
    await retention.keep_months(engine, moment)
    await archive.detach(engine, "2024-01")
    await put(engine, replace(call, caller_name="newer"))
    await archive.attach(engine, "2024-01")
    assert await ask(engine, "SELECT caller_name FROM calls") == ["newer"]
    await retention.keep_months(engine, moment, keep=1)
    await archive.print_partitions(engine)
    assert "2024-01  kept by hand" in capsys.readouterr().out
    for wrong in ("2024-02", "2024-1", "calls; DROP"):
        with pytest.raises(InvalidInput):
            await archive.attach(engine, wrong)


async def test_recordings_without_a_call_are_told(
    engine: AsyncEngine, record: CallRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    call = at(record, datetime(2024, 1, 15, tzinfo=UTC), recordings=record.recordings[:1])
    await put(engine, call)
    await retention.keep_months(engine, now())
    await archive.detach(engine, "2024-01")
    await archive.print_partitions(engine)
    assert "0 recordings without a call" in capsys.readouterr().out
    async with engine.begin() as connection:
        await connection.execute(text("DROP TABLE calls_2024_01_detached"))
    await archive.print_partitions(engine)
    assert f"{len(call.recordings)} recordings without a call" in capsys.readouterr().out
    assert call.recordings


async def test_a_record_stored_twice_is_one(engine: AsyncEngine, record: CallRecord) -> None:
    call = at(record, now())
    await put(engine, call)
    await put(engine, replace(call, caller_name="王"))
    assert await ask(engine, "SELECT caller_name FROM calls") == ["王"]


async def test_of_a_call_read_from_its_middle_the_most_is_kept(engine: AsyncEngine, record: CallRecord) -> None:
    """A file that was cut and put back is read from several places: the call has one record, that of the most lines."""

    def since(minutes: int, *anomalies: str) -> CallRecord:
        start = begun + timedelta(minutes=minutes)
        return replace(at(record, start, anomalies=anomalies), id=call_id(record.pbx, record.uniqueid, start))

    begun = now()
    middle, later, whole = since(5, "start_missing"), since(9, "start_missing"), since(0)
    for version, left in ((later, later), (middle, middle), (later, middle)):
        await put(engine, version)
        assert await ask(engine, "SELECT id FROM calls") == [left.id]
    other = replace(record, pbx="another")
    await put(engine, *(replace(c, id=uuid4(), pbx=other.pbx) for c in (whole, middle, later)))
    assert await ask(engine, "SELECT started_at FROM calls WHERE pbx = 'another'") == [begun]


def test_which_months_are_wanted_and_expired() -> None:
    moment, month = datetime(2026, 12, 31, 16, tzinfo=UTC), parse_month
    ahead = [month("2027-01"), month("2027-02"), month("2027-03"), month("2027-04")]
    strays = [month("1970-01"), month("2025-01"), month("2026-10"), month("2099-01")]
    assert retention.months_wanted(moment, strays, 0) == [month("2025-01"), month("2026-10"), *ahead]
    assert retention.months_wanted(moment, strays, 3) == [month("2026-10"), *ahead]
    three = [month("2026-09"), month("2026-10"), month("2026-11")]
    assert retention.months_expired(moment, three, 3) == [month("2026-09")]
    assert retention.months_expired(moment, three, 0) == []


@pytest_asyncio.fixture(loop_scope="session")
async def empty(postgres_server: Any) -> AsyncIterator[AsyncEngine]:
    """A database that no migration has seen."""
    name = f"empty_{uuid4().hex[:8]}"
    admin = await asyncpg.connect(postgres_server.url("postgres"))
    await admin.execute(f"CREATE DATABASE {name}")
    engine = make_engine(postgres_server.url(name))
    yield engine
    await engine.dispose()
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


def _shift(connection: Connection, to: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    (command.downgrade if to.startswith("-") else command.upgrade)(config, to.removeprefix("-"))


async def _shape(engine: AsyncEngine, to: str) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(_shift, to)


CONTENT = (
    "SELECT md5(string_agg(c::text, '|' ORDER BY c.id)) FROM (SELECT id, pbx, uniqueid, started_at, ended_at, agents,"
    " queues, marks, legs, timeline, stored_at FROM calls) c"
)


async def test_migration_moves_rows_there_and_back(empty: AsyncEngine, record: CallRecord, call_rows: Any) -> None:
    await _shape(empty, "0008")
    moments = [datetime(2024, 1, 31, 15, 59, 59), datetime(2024, 1, 31, 16), now(), datetime(1970, 1, 2)]
    rows = call_rows(record, [m.replace(tzinfo=UTC) for m in moments])
    async with empty.begin() as connection:
        await connection.execute(insert(archive.calls), rows)
        made = (
            "INSERT INTO recordings (id, call_id, pbx, name, started_at) SELECT id, id, pbx, 'x', started_at FROM calls"
        )
        await connection.execute(text(made))
    before = await ask(empty, CONTENT)
    await _shape(empty, "0009")
    assert await ask(empty, CONTENT) == before
    found = await ask(empty, "SELECT tableoid::regclass::text FROM calls ORDER BY started_at")
    assert found == [
        "calls_default",
        "calls_2024_01",
        "calls_2024_02",
        partitions.partition_name("calls", month_of(now())),
    ]
    assert await ask(empty, "SELECT count(*) FROM pg_indexes WHERE tablename = 'calls_2024_01'") == [14]
    await retention.keep_months(empty, now())
    await _shape(empty, "-0008")
    assert await ask(empty, CONTENT) == before
    assert await ask(empty, "SELECT count(*) FROM recordings JOIN calls ON calls.id = call_id") == [4]
    await _shape(empty, "0009")
    assert await ask(empty, CONTENT) == before


async def test_migration_renames_calls_wherever_they_are_named(
    empty: AsyncEngine, record: CallRecord, call_rows: Any
) -> None:
    """Ids hold the start from 0011 on; a callback's attempt, whose id we gave ourselves, keeps its own."""
    await _shape(empty, "0010")
    (row,) = call_rows(record, [now()])
    former = call_id(record.pbx, record.uniqueid)
    async with empty.begin() as connection:
        await connection.execute(insert(archive.calls), [{**row, "id": former, "evidence": "pbx_restart"}])
        for statement in NAMING_CALLS:
            await connection.execute(text(statement), {"id": former, "recording": uuid5(former, "one")})
    before = [await named(empty, *place) for place in NAMED]
    await _shape(empty, "0011")
    renamed = call_id(record.pbx, record.uniqueid, row["started_at"])
    assert await ask(empty, "SELECT evidence FROM calls") == ["pbx_crash"]
    assert await ask(empty, "SELECT id FROM recordings") == [recording_id(record.pbx, "one", row["started_at"])]
    for place in NAMED[:-1]:
        assert await named(empty, *place) == [str(renamed)], place
    await _shape(empty, "-0010")
    assert [await named(empty, *place) for place in NAMED] == before


async def named(engine: AsyncEngine, table: str, column: str) -> list[str]:
    return await ask(engine, f"SELECT {column}::text FROM {table}")  # noqa: S608


NAMED = (
    ("calls", "id"), ("recordings", "call_id"), ("callbacks", "call_id"), ("follow_ups", "call_id"),
    ("follow_ups", "reached_call_id"), ("follow_up_calls", "call_id"), ("alerts", "key"), ("recordings", "id"),
)  # fmt: skip
NAMING_CALLS = (
    "INSERT INTO recordings (id, call_id, pbx, name, started_at)"
    " SELECT CAST(:recording AS uuid), CAST(:id AS uuid), pbx, 'one', started_at FROM calls",
    "INSERT INTO callbacks (pbx, call_id, number, queue, place_at, requested_at, next_try_at)"
    " VALUES ('hotline', :id, '1', 'hotline', now(), now(), now())",
    "INSERT INTO follow_ups (pbx, kind, line, number, lost_at, due_at, call_id, reached_call_id)"
    " VALUES ('hotline', 'lost', 'hotline', '1', now(), now(), :id, :id)",
    "INSERT INTO follow_up_calls (call_id) VALUES (:id)",
    "INSERT INTO alerts (pbx, kind, key, severity, facts)"
    " VALUES ('hotline', 'emergency_unanswered', CAST(CAST(:id AS uuid) AS text), 'critical', '{}')",
)


@pytest.fixture
def call_rows() -> Any:
    from callcenter.calls.rows import call_row

    def rows(record: CallRecord, moments: list[datetime]) -> list[dict[str, Any]]:
        plain = [call_row(at(record, moment)) for moment in moments]
        return [{**row, "legs": [], "queue_visits": [], "timeline": [{"at": "x"}], "anomalies": []} for row in plain]

    return rows


async def test_the_model_has_the_indexes_of_the_database(engine: AsyncEngine) -> None:
    made = await ask(engine, "SELECT indexname FROM pg_indexes WHERE tablename = 'calls'")
    assert set(made) == {index.name for index in archive.calls.indexes} | {"pk_calls"}
