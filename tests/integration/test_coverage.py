"""What was not observed, on real Postgres: every death of ours, every gap of the journal becomes its interval, once."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.integration.ami_peer import Peer, ami_peer, answer, listing, message
from tests.integration.conftest import JournalFolder, eventually

from callcenter import clock
from callcenter.alerts.tables import alerts
from callcenter.ami.connection import AmiClient
from callcenter.ami.model import Address, Boot, LinkLost, LinkUp, Timings
from callcenter.calls.ingest import Ingest
from callcenter.calls.store import Batch
from callcenter.coverage.checking import Checker
from callcenter.coverage.tables import blind_intervals, completeness_checks, watched_pbxs
from callcenter.coverage.watching import CoverageWatch

PBX = "hotline"
STARTED = datetime(2026, 11, 20, 10, tzinfo=UTC)
BOOT = Boot(clock.now() - timedelta(hours=1), "one life")


@dataclass
class Listener:
    watch: CoverageWatch
    ingest: Ingest

    def link_up(self, *, restarted: bool = False) -> None:
        self.watch.see_link(LinkUp(clock.now(), BOOT, restarted, None))

    def link_lost(self) -> None:
        self.watch.see_link(LinkLost(clock.now(), "Asterisk closed the connection", clock.now()))


@asynccontextmanager
async def listening(engine: AsyncEngine, journal: JournalFolder, *, killed: bool = True) -> AsyncIterator[Listener]:
    """The record plane of a listener. Killed it says no farewell; stopped in order it does."""
    watch = CoverageWatch(engine, PBX)

    def on_stored(batch: Batch) -> None:
        watch.see_gaps(batch.gaps, batch.read_at or clock.now())

    ingest = Ingest(engine, PBX, journal.files, lambda *_: None, on_stored, see_journal=watch.see_journal)

    async def follow() -> None:
        await watch.recalled.wait()
        await ingest.run()

    if killed:
        watch._say_farewell = _say_nothing  # type: ignore[method-assign]
    tasks = [asyncio.create_task(watch.run()), asyncio.create_task(follow())]
    try:
        await eventually(lambda: _has_marked(engine))
        yield Listener(watch, ingest)
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _say_nothing() -> None:
    """What a killed process says."""


async def _has_marked(engine: AsyncEngine) -> Any:
    """This run's own mark: it lives."""
    row = await only(engine, watched_pbxs)
    return row is not None and row["seen_at"] > clock.now() - timedelta(seconds=1) and row


async def only(engine: AsyncEngine, table: Any) -> Any:
    async with engine.connect() as connection:
        return (await connection.execute(select(table))).mappings().first()


async def intervals(engine: AsyncEngine) -> dict[str, Any]:
    async with engine.connect() as connection:
        rows = (await connection.execute(select(blind_intervals).order_by(blind_intervals.c.since))).mappings().all()
    found = {row["cause"]: row for row in rows}
    assert len(found) == len(rows), rows
    return found


async def filled(engine: AsyncEngine, cause: str) -> Any:
    row = (await intervals(engine)).get(cause)
    return row is not None and row["filled_at"] and row


async def test_killed_and_started_again(engine: AsyncEngine, journal: JournalFolder) -> None:
    async with listening(engine, journal) as first:
        first.link_up()
        journal.play("answered", 0, 7)
        await eventually(lambda: _has_marked(engine))
    last = (await only(engine, watched_pbxs))["seen_at"]
    journal.play("answered", 7)
    async with listening(engine, journal) as second:
        second.link_up()
        row = await eventually(lambda: filled(engine, "listener_away"))
    assert (row["source"], row["since"], row["filled_by"]) == ("ami", last, "journal")
    assert row["until"] >= last
    assert list(await intervals(engine)) == ["listener_away"]


async def test_stopped_in_order(engine: AsyncEngine, journal: JournalFolder) -> None:
    async with listening(engine, journal, killed=False) as first:
        first.link_up()
    assert (await only(engine, watched_pbxs))["stopped"] is True
    async with listening(engine, journal) as second:
        second.link_up()
        await eventually(lambda: filled(engine, "listener_stopped"))
        assert (await only(engine, watched_pbxs))["stopped"] is False
    assert list(await intervals(engine)) == ["listener_stopped"]


async def test_died_while_the_link_was_lost(engine: AsyncEngine, journal: JournalFolder) -> None:
    async with listening(engine, journal) as first:
        first.link_up()
        first.link_lost()
        await eventually(lambda: intervals(engine))
        assert (await intervals(engine))["link_lost"]["until"] is None
    async with listening(engine, journal) as second:
        second.link_up()
        for cause in ("link_lost", "listener_away"):
            await eventually(lambda cause=cause: filled(engine, cause))  # type: ignore[misc]
    found = await intervals(engine)
    assert found["link_lost"]["until"] == found["listener_away"]["until"]


async def test_cut_while_we_were_away(engine: AsyncEngine, journal: JournalFolder) -> None:
    """The gap reaches back to our last look, and our absence is not filled."""
    async with listening(engine, journal) as first:
        first.link_up()
        journal.play("closed")
        await eventually(lambda: _has_read(engine))
    before = (await only(engine, watched_pbxs))["read_up_at"]
    os.truncate(journal.files["cel"], 0)
    journal.play("answered")
    async with listening(engine, journal) as second:
        second.link_up()
        await eventually(lambda: _knows(engine, "journal_gap", "listener_away"))
        await second.watch.read_past(clock.now() + timedelta(seconds=3))
    found = await intervals(engine)
    assert (found["journal_gap"]["source"], found["journal_gap"]["since"]) == ("journal", before)
    assert "cut" in found["journal_gap"]["detail"]
    assert found["journal_gap"]["filled_at"] is found["listener_away"]["filled_at"] is None


async def _knows(engine: AsyncEngine, *causes: str) -> bool:
    return set(causes) <= (await intervals(engine)).keys()


async def _has_read(engine: AsyncEngine) -> bool:
    """What was played is stored, and so is the mark that says how far."""
    query = text("SELECT count(*) FROM watched_pbxs WHERE read_up_at > (SELECT max(updated_at) FROM journal_sources)")
    async with engine.connect() as connection:
        return bool((await connection.execute(query)).scalar())


async def test_unreadable_then_readable_again(engine: AsyncEngine, journal: JournalFolder) -> None:
    """A folder in the place of the file: it can be opened, not read; root is kept from it, too."""
    async with listening(engine, journal) as listener:
        listener.link_up()
        await listener.watch.read_past(clock.now())
        journal.files["cel"].mkdir()
        await eventually(lambda: _knows(engine, "journal_unreadable"))
        journal.files["cel"].rmdir()
        journal.play("answered")
        row = await eventually(lambda: filled(engine, "journal_unreadable"))
    assert (row["source"], row["filled_by"]) == ("journal", "journal")


async def test_a_missing_folder_is_open_for_good(engine: AsyncEngine, journal: JournalFolder) -> None:
    folder = journal.files["cel"].parent
    async with listening(engine, journal) as listener:
        await listener.watch.read_past(clock.now())
        folder.rename(folder.with_name("elsewhere"))
        await eventually(lambda: _knows(engine, "journal_missing"))
        folder.with_name("elsewhere").rename(folder)
        await listener.watch.read_past(clock.now())
        await eventually(lambda: _is_over(engine, "journal_missing"))
    row = (await intervals(engine))["journal_missing"]
    assert row["filled_at"] is None and "does not exist" in row["detail"]


async def _is_over(engine: AsyncEngine, cause: str) -> bool:
    return (await intervals(engine))[cause]["until"] is not None


async def test_postgres_away_while_the_link_is_lost(engine: AsyncEngine, journal: JournalFolder) -> None:
    """Told in memory, nobody waits; stored whole when Postgres is there again."""
    async with listening(engine, journal) as listener:
        listener.link_up()
        async with engine.begin() as connection:
            await connection.execute(text("ALTER TABLE blind_intervals RENAME TO away"))
        listener.link_lost()
        await asyncio.sleep(0.1)
        listener.link_up()
        await asyncio.sleep(0.1)
        async with engine.begin() as connection:
            await connection.execute(text("ALTER TABLE away RENAME TO blind_intervals"))
        row = await eventually(lambda: filled(engine, "link_lost"))
    assert row["until"] - row["since"] >= timedelta(seconds=0.1)
    assert list(await intervals(engine)) == ["link_lost"]


# ---- the completeness check, with a peer that counts as Asterisk does ---------------------------------------


class Counting:
    """A manager whose CoreStatus and CoreShowChannels say what the test wants."""

    def __init__(self) -> None:
        self.processed = 0
        self.up: list[str] = []

    def status(self, action: dict[str, str]) -> bytes:
        when = (f"CoreStartupDate: {STARTED:%Y-%m-%d}", f"CoreStartupTime: {STARTED:%H:%M:%S}")
        return answer(action, "Success", *when, "CoreCurrentCalls: 0", f"CoreProcessedCalls: {self.processed}")

    def login(self, action: dict[str, str]) -> bytes:
        """It has run since before the captured calls."""
        up = (clock.now() - STARTED).total_seconds()
        return answer(action) + message("Event: FullyBooted", f"Uptime: {up:.0f}")

    def channels(self, action: dict[str, str]) -> bytes:
        rows = [
            ("Event: CoreShowChannel", f"Channel: PJSIP/x-{name}", f"Uniqueid: {name}", f"Linkedid: {name}")
            for name in self.up
        ]
        return listing(action, *rows)


@asynccontextmanager
async def checking(engine: AsyncEngine, listener: Listener, asterisk: Counting) -> AsyncIterator[Checker]:
    peer = Peer(answers={"Login": asterisk.login, "CoreStatus": asterisk.status, "CoreShowChannels": asterisk.channels})
    async with ami_peer(peer):
        client = AmiClient(Address("127.0.0.1", peer.port, "callcenter", "right"), timings=Timings(fully_booted=1))
        running = asyncio.create_task(client.run())
        try:
            async with asyncio.timeout(10):
                while not client.up:
                    await asyncio.sleep(0.02)
            yield Checker(engine, PBX, client, listener.watch)
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


async def standing(engine: AsyncEngine) -> list[Any]:
    async with engine.connect() as connection:
        query = select(alerts.c.kind, alerts.c.facts, alerts.c.cleared_at).order_by(alerts.c.id)
        return list((await connection.execute(query)).all())


async def test_a_loss_is_told_and_is_over_with_the_next_check(
    engine: AsyncEngine, journal: JournalFolder, monkeypatch: Any
) -> None:
    monkeypatch.setattr("callcenter.coverage.checking.LOOK_AGAIN_SECONDS", 0.1)
    asterisk = Counting()
    async with listening(engine, journal) as listener, checking(engine, listener, asterisk) as checker:
        assert (await checker.check()).verdict == "begun"
        journal.play("answered")
        asterisk.processed = 2
        lost = await checker.check()
        assert (lost.verdict, lost.processed, lost.journalled, lost.missing_calls) == ("incomplete", 2, 1, 1)
        ((kind, facts, cleared_at),) = await standing(engine)
        assert (kind, facts["calls"], cleared_at) == ("record_incomplete", 1, None)
        journal.play("closed")
        asterisk.processed = 3
        assert (await checker.check()).verdict == "complete"
        assert (await standing(engine))[0][2] is not None
    async with engine.connect() as connection:
        assert (await connection.execute(select(func.count()).select_from(completeness_checks))).scalar() == 3


async def test_the_count_survives_our_death(engine: AsyncEngine, journal: JournalFolder, monkeypatch: Any) -> None:
    """The next run goes on from the stored count and the chunks behind it; an end that never came is told once."""
    monkeypatch.setattr("callcenter.coverage.checking.LOOK_AGAIN_SECONDS", 0.1)
    asterisk = Counting()
    async with listening(engine, journal) as listener, checking(engine, listener, asterisk) as checker:
        assert (await checker.check()).verdict == "begun"
    journal.play("answered")
    journal.play("closed", 0, 4)
    asterisk.processed = 2
    async with listening(engine, journal) as listener, checking(engine, listener, asterisk) as checker:
        check = await checker.check()
        assert (check.verdict, check.processed, check.journalled) == ("incomplete", 2, 2)
        assert len(check.missing_ends) == 1
        assert (await checker.check()).verdict == "complete"


async def test_no_answer_from_asterisk_is_not_possible(
    engine: AsyncEngine, journal: JournalFolder, monkeypatch: Any
) -> None:
    monkeypatch.setattr("callcenter.coverage.checking.LOOK_AGAIN_SECONDS", 0.1)
    async with listening(engine, journal) as listener:
        client = AmiClient(Address("127.0.0.1", 1, "callcenter", "right"))
        check = await Checker(engine, PBX, client, listener.watch).check()
    assert (check.verdict, await standing(engine)) == ("not_possible", [])
    assert "no connection" in check.why
