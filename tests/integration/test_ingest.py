"""Journal → tracker → Postgres: whatever dies, one record a call, and a replay finds the same."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from benchmarks.rig.journals import Journal
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.integration.conftest import JournalFolder, eventually
from tests.scenarios.stories import NAMES, facts, lines, moved, track

from callcenter import clock
from callcenter.calls import ingest as ingest_module
from callcenter.calls.ingest import Ingest, last_calls
from callcenter.calls.replay import replay
from callcenter.calls.rows import store_records
from callcenter.calls.store import Batch, HoldComplaints
from callcenter.calls.tables import calls
from callcenter.calls.tracker import CallTracker
from callcenter.journal import follower as follower_module
from callcenter.journal.tables import journal_chunks, journal_rejects
from callcenter.publishing.tables import outbox
from callcenter.recordings.tables import recordings
from callcenter.retention.hold_repository import HoldSearch, hold_complaints, list_holds
from callcenter.retention.tables import recording_holds

PBX = "hotline"


@asynccontextmanager
async def ingesting(
    engine: AsyncEngine,
    journal: JournalFolder,
    hold_complaints: HoldComplaints | None = None,
    on_read: Callable[[Batch], None] = lambda _: None,
) -> AsyncIterator[dict[str, tuple[bool, str]]]:
    """An ingest loop that is killed without farewell at the end."""
    health: dict[str, tuple[bool, str]] = {}
    loop = Ingest(
        engine, PBX, journal.files, lambda part, ok, detail: health.update({part: (ok, detail)}),
        hold_complaints=hold_complaints, on_read=on_read,
    )  # fmt: skip
    task = asyncio.create_task(loop.run())
    try:
        yield health
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def count(engine: AsyncEngine, table: Any, *where: Any) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(select(func.count()).select_from(table).where(*where))).scalar_one())


async def stored(engine: AsyncEngine) -> list[Any]:
    async with engine.connect() as connection:
        return list((await connection.execute(select(calls).order_by(calls.c.started_at, calls.c.id))).mappings())


async def all_read(engine: AsyncEngine, journal: JournalFolder) -> bool:
    """Every byte up to the last newline is stored."""
    for source, path in journal.files.items():
        whole = path.read_bytes().rfind(b"\n") + 1 if path.exists() else 0
        here = (journal_chunks.c.source == source, journal_chunks.c.inode == (path.stat().st_ino if whole else 0))
        async with engine.connect() as connection:
            done = (await connection.execute(select(func.max(journal_chunks.c.end)).where(*here))).scalar()
        if (done or 0) < whole:
            return False
    return True


async def read_up(engine: AsyncEngine, journal: JournalFolder) -> None:
    await eventually(lambda: all_read(engine, journal))


def is_citizens(leg: dict[str, Any]) -> bool:
    """Answered, to or from the outside."""
    return bool(leg["channel"].startswith("PJSIP/trunk") and leg["answered_at"])


async def test_every_story_becomes_its_records(engine: AsyncEngine, journal: JournalFolder) -> None:
    for name in NAMES:
        journal.play(name)
    async with ingesting(engine, journal):
        await read_up(engine, journal)
    rows = await stored(engine)
    assert len(rows) >= len(NAMES)
    assert await count(engine, recordings) == sum(any(is_citizens(leg) for leg in r["legs"]) for r in rows)


async def test_a_replay_equals_what_is_stored(engine: AsyncEngine, journal: JournalFolder) -> None:
    async with ingesting(engine, journal):
        for name in NAMES:
            journal.play(name, 0, 7)
            await read_up(engine, journal)
            journal.play(name, 7)
            await read_up(engine, journal)
    before = await stored(engine)
    result = await replay(engine, PBX)
    assert result.changed == []
    assert result.added == 0
    assert result.same == len(before)


async def test_a_replay_mends_and_a_dry_run_only_tells(engine: AsyncEngine, journal: JournalFolder) -> None:
    journal.play("answered")
    async with ingesting(engine, journal):
        await read_up(engine, journal)
    async with engine.begin() as connection:
        await connection.execute(calls.update().values(talk_seconds=999))
    told = await replay(engine, PBX, dry_run=True)
    assert [list(d.columns) for d in told.changed] == [["talk_seconds"]]
    assert (await stored(engine))[0]["talk_seconds"] == 999
    await replay(engine, PBX)
    assert (await stored(engine))[0]["talk_seconds"] < 10


@pytest.mark.parametrize("cut", [1, 5, 12, 16])
async def test_killed_in_mid_call(engine: AsyncEngine, journal: JournalFolder, cut: int) -> None:
    """The next start knows the running call again; nothing is announced twice."""
    async with ingesting(engine, journal):
        journal.play("answered", 0, cut)
        await read_up(engine, journal)
    journal.play("answered", cut)
    async with ingesting(engine, journal):
        await read_up(engine, journal)
    (row,) = await stored(engine)
    assert (row["outcome"], row["agent"], row["anomalies"]) == ("answered", "1001", [])
    topics = await _topics(engine)
    assert [t for t in topics if t != "amended"] == ["started", "queued", "ringing", "answered", "ended"]


async def _topics(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        rows = (await connection.execute(select(outbox.c.topic).order_by(outbox.c.id))).scalars()
        return [topic.rpartition("/")[2] for topic in rows]


async def test_recordings_of_calls_that_are_up_are_known_again(engine: AsyncEngine, journal: JournalFolder) -> None:
    """Whatever line the one before it died at: those that are up, and none that is over."""
    up, whole = set(), len(lines("answered"))
    for number in range(whole):
        journal.play("answered", number, number + 1)
        async with ingesting(engine, journal):
            await read_up(engine, journal)
        for channel in await known_again(engine, journal):
            assert channel.startswith("PJSIP/trunk-")
            up.add(number)
    assert up and up == set(range(min(up), max(up) + 1))
    assert min(up) > 0 and max(up) < whole - 1


async def known_again(engine: AsyncEngine, journal: JournalFolder) -> list[str]:
    """The recorded channels that a new start finds up."""
    found: list[Batch] = []

    async def is_there() -> bool:
        return bool(found)

    async with ingesting(engine, journal, on_read=found.append):
        await eventually(is_there)
    return [each.channel for each in found[0].expected]


async def test_killed_at_every_line(engine: AsyncEngine, journal: JournalFolder) -> None:
    for number in range(len(lines("blind_transfer"))):
        journal.play("blind_transfer", number, number + 1)
        async with ingesting(engine, journal):
            await read_up(engine, journal)
    whole = await stored(engine)
    result = await replay(engine, PBX)
    assert (result.changed, result.added, result.same) == ([], 0, len(whole))
    assert whole[0]["agents"] == ["1001", "1002"]


async def test_a_torn_and_a_garbage_line_cost_only_themselves(engine: AsyncEngine, journal: JournalFolder) -> None:
    journal.append("cel", b'{"eventtype": "CHAN_ST\n\xff\xfe\x00 garbage\n')
    journal.play("answered")
    journal.append("queue_log", b"nonsense\n")
    journal.append("cel", b'{"partial')
    async with ingesting(engine, journal) as health:
        await read_up(engine, journal)
        await eventually(lambda: _said(health))
    assert len(await stored(engine)) == 1
    assert await count(engine, journal_rejects) == 3


async def _said(health: dict[str, tuple[bool, str]]) -> bool:
    return health.get("journal", (False, ""))[0]


async def test_rotation_in_mid_call(engine: AsyncEngine, journal: JournalFolder) -> None:
    async with ingesting(engine, journal):
        journal.play("answered", 0, 9)
        await read_up(engine, journal)
        for path in journal.files.values():
            if path.exists():
                path.rename(path.with_name(path.name + ".1"))
        journal.play("answered", 9)
        await read_up(engine, journal)
    (row,) = await stored(engine)
    assert row["outcome"] == "answered"
    assert await count(engine, journal_rejects) == 0


async def test_an_answer_lost_after_the_commit(
    engine: AsyncEngine, journal: JournalFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Postgres committed, we never heard of it and send the batch again: nothing doubles."""
    really, lost = ingest_module.store, []

    async def store_and_lose(*arguments: Any) -> None:
        await really(*arguments)
        if len(lost) < 3:
            lost.append(1)
            raise OSError("connection reset by peer")

    monkeypatch.setattr(ingest_module, "store", store_and_lose)
    async with ingesting(engine, journal):
        journal.play("answered")
        await read_up(engine, journal)
    monkeypatch.undo()
    assert len(lost) >= 1
    assert len(await stored(engine)) == 1
    assert (await _topics(engine)).count("ended") == 1


async def test_two_listeners_of_one_pbx(engine: AsyncEngine, journal: JournalFolder) -> None:
    """A second listener, started by mistake, is told and doubles nothing."""
    async with ingesting(engine, journal), ingesting(engine, journal):
        for name in NAMES:
            journal.play(name)
            await read_up(engine, journal)
    result = await replay(engine, PBX, dry_run=True)
    assert (result.changed, result.added) == ([], 0)
    ended = [t for t in await _topics(engine) if t == "ended"]
    assert len(ended) == len(set(await _ended_keys(engine)))


async def _ended_keys(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        query = select(outbox.c.key).where(outbox.c.topic.like("%/ended"))
        return list((await connection.execute(query)).scalars())


async def test_connections_cut_while_it_stores(engine: AsyncEngine, journal: JournalFolder) -> None:
    cut = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
               " AND datname = current_database()")  # fmt: skip
    async with ingesting(engine, journal):
        for name in NAMES:
            journal.play(name)
            async with engine.connect() as connection:
                await connection.execute(cut)
        await eventually(lambda: _read_despite(engine, journal), 30)
    result = await replay(engine, PBX, dry_run=True)
    assert (result.changed, result.added) == ([], 0)


async def _read_despite(engine: AsyncEngine, journal: JournalFolder) -> bool:
    try:
        return await all_read(engine, journal)
    except Exception:
        return False


async def test_a_truncated_journal_is_said(engine: AsyncEngine, journal: JournalFolder) -> None:
    async with ingesting(engine, journal):
        journal.play("closed")
        await read_up(engine, journal)
        os.truncate(journal.files["cel"], 0)
        journal.play("answered")
        await eventually(lambda: count(engine, calls, calls.c.outcome == "answered"))
    gaps = journal_rejects.c.reason.like("%cut%")
    assert await count(engine, journal_rejects, gaps) == 1


async def test_a_record_that_cannot_be_stored_stops_no_other(engine: AsyncEngine, journal: JournalFolder) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE calls ADD CHECK (outcome <> 'closed')"))
    for name in ("answered", "closed", "left_during_notice"):
        journal.play(name)
    async with ingesting(engine, journal):
        await read_up(engine, journal)
    assert sorted(row["outcome"] for row in await stored(engine)) == ["answered", "invalid"]
    assert await count(engine, journal_rejects, journal_rejects.c.reason.like("%cannot be stored%")) == 1
    assert len(await _ended_keys(engine)) == 2


async def test_hostile_numbers_in_queue_log(engine: AsyncEngine, journal: JournalFolder) -> None:
    """Positions that no integer holds, NUL in an agent's name: the record is stored all the same."""
    journal.play("answered")
    uniqueid = next(line for source, line in lines("answered") if source == "queue_log").split("|")[1]
    for position in ("9" * 400, "²", "-1", ""):
        journal.append("queue_log", f"1795352433|{uniqueid}|hotline|NONE|ENTERQUEUE||1|{position}\n".encode())
    journal.append("queue_log", f"1795352433|{uniqueid}|hotline|10\x0001|RINGNOANSWER|{'9' * 400}\n".encode())
    async with ingesting(engine, journal):
        await read_up(engine, journal)
    assert [row["outcome"] for row in await stored(engine)] == ["answered"]


async def test_the_last_call_may_have_been_the_shortest(engine: AsyncEngine) -> None:
    """A caller who hangs up in the very moment of the answer has talked for no millisecond; the complaint is his."""
    began = clock.now() - timedelta(hours=1)
    told = [moved(facts("answered"), began + timedelta(minutes=m) - facts("answered")[0].at) for m in (0, 1)]
    (long,), (short,) = (track(stream).values() for stream in told)
    legs = tuple(replace(leg, talk_seconds=0.0) for leg in short.legs)
    async with engine.begin() as connection:
        await store_records(connection, [long, replace(short, legs=legs, talk_seconds=0.0)])
        assert await last_calls(connection, PBX) == [(long.agent, short.id)]


async def test_a_long_backlog_fills_no_memory(
    engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten minutes of calls are read at a stroke: no more calls are kept than are up or have just ended."""
    for module in (ingest_module, follower_module):
        monkeypatch.setattr(module, "CHUNK_BYTES", 1 << 16)
    journal: Any = Journal(tmp_path)
    journal.write(600, 1.0, clock.now().timestamp() - 700, 1)
    kept: list[tuple[int, int]] = []
    relieve = CallTracker.relieve

    def watched(tracker: CallTracker) -> None:
        relieve(tracker)
        kept.append((len(list(tracker.calls)), len(tracker._early)))

    monkeypatch.setattr(CallTracker, "relieve", watched)
    async with ingesting(engine, journal):
        await read_up(engine, journal)
    calls_kept, early = (max(column) for column in zip(*kept, strict=True))
    assert len(kept) > 50 and calls_kept < 150 and early < 350, (len(kept), calls_kept, early)
    result = await replay(engine, PBX, dry_run=True)
    assert (result.changed, result.added) == ([], 0)
    assert await count(engine, calls) == 600


def _said_by_dialplan(event: str, words: str, seconds: float) -> bytes:
    """A line as the dialplan writes it on the answered story's caller, so long after its first one."""
    line = next(line for _, line in lines("answered", "cel") if '"eventtype":"SERVICE"' in line)
    at = float(json.loads(line)["eventtime"]) + seconds
    told = json.loads(line) | {"eventtype": event, "userdeftype": event, "appdata": f"{event},{words}"}
    told |= {"eventtime": f"{at:.6f}", "eventextra": json.dumps({"extra": words})}
    return json.dumps(told).encode() + b"\n"


@pytest.mark.parametrize("when", ["during", "after"])
async def test_a_complaint_holds_its_recording(engine: AsyncEngine, journal: JournalFolder, when: str) -> None:
    """In the transaction of the mark: by the agent's code while the call runs, or after it."""
    story = lines("answered")
    begun = next(n for n, (_, line) in enumerate(story) if '"eventtype":"RECORDING"' in line) + 1
    ended = json.loads(lines("answered", "cel")[-1][1])["eventtime"]
    async with ingesting(engine, journal, hold_complaints):
        journal.play("answered", 0, begun)
        if when == "during":
            journal.append("cel", _said_by_dialplan("MARK", "complaint;1001", 0.1))
        journal.play("answered", begun)
        await read_up(engine, journal)
        assert await count(engine, recording_holds) == (1 if when == "during" else 0)
        if when == "after":
            began = float(json.loads(_said_by_dialplan("X", "", 0))["eventtime"])
            late = json.loads(_said_by_dialplan("AGENT", "complaint;1001;last", float(ended) - began + 60))
            other = {"uniqueid": "hotline-1795369999.99", "linkedid": "hotline-1795369999.99"}
            journal.append("cel", json.dumps(late | other).encode() + b"\n")
            await read_up(engine, journal)
    async with engine.connect() as connection:
        (held,) = await list_holds(connection, HoldSearch(standing=True))
    (call,) = await stored(engine)
    assert (call["marks"], held["call_id"], held["why"]) == (["complaint"], call["id"], "complaint")
