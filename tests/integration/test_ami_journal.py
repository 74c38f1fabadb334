"""The keeper of an AMI journal against a manager on real TCP: what it writes, and what it says when it can't."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.integration.ami_peer import Peer, ami_peer, answer, listing, message, until

from callcenter.ami.model import Address
from callcenter.journal.ami_journal import PART, AmiJournal
from callcenter.journal.facts import CelFact, QueueFact, parse_lines
from callcenter.journal.spool import Spool

WALL, STAMP = "2026-11-25 17:34:32", "1795628072.015264"


def cel(kind: str, uniqueid: str = "p-1.1") -> bytes:
    ids = (f"UniqueID: {uniqueid}", f"LinkedID: {uniqueid}")
    return message("Event: CEL", f"Timestamp: {STAMP}", f"EventName: {kind}", f"EventTime: {WALL}", *ids)


JOIN = message("Event: QueueCallerJoin", f"Timestamp: {STAMP}", "Uniqueid: p-1.1", "Queue: hotline", "Position: 1")


class Kept:
    """A running keeper, what it said, and its files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[tuple[bool, str]] = []
        self.nudges = 0

    @property
    def well(self) -> bool:
        return bool(self.said) and self.said[-1][0]

    @property
    def detail(self) -> str:
        return self.said[-1][1] if self.said else ""

    def say(self, part: str, ok: bool, detail: str) -> None:
        assert part == PART
        self.said.append((ok, detail))

    def nudge(self) -> None:
        self.nudges += 1

    def facts(self, source: str) -> list[CelFact | QueueFact]:
        path = self.folder / {"cel": "cel.jsonl", "queue_log": "queue_log"}[source]
        facts, rejects = parse_lines(source, path.read_bytes() if path.is_file() else b"", 0)
        assert rejects == []
        return facts

    def types(self) -> list[str]:
        return [fact.type for fact in self.facts("cel") if isinstance(fact, CelFact)]


@asynccontextmanager
async def keeping(peer: Peer, folder: Path) -> AsyncIterator[Kept]:
    kept = Kept(folder)
    address = Address("127.0.0.1", peer.port, "callcenter-journal", "right")
    running = asyncio.create_task(AmiJournal(address, Spool(folder, 1 << 24), kept.say, kept.nudge).run())
    try:
        yield kept
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_events_become_lines_and_the_reader_is_nudged(tmp_path: Path) -> None:
    async with ami_peer() as peer, keeping(peer, tmp_path / "j") as kept:
        await until(lambda: kept.well)
        peer.send(cel("CHAN_START") + JOIN + cel("CHAN_END"))
        await until(lambda: kept.types()[-1:] == ["CHAN_END"])
        assert [f.event for f in kept.facts("queue_log") if isinstance(f, QueueFact)] == ["QUEUESTART", "ENTERQUEUE"]
        await until(lambda: kept.nudges)


async def test_after_a_lost_link_the_journal_says_so(tmp_path: Path) -> None:
    up = (
        "Event: CoreShowChannel",
        "Uniqueid: p-1.9",
        "Linkedid: p-1.9",
        "Channel: PJSIP/trunk-9",
        "Duration: 00:00:05",
    )
    async with ami_peer() as peer, keeping(peer, tmp_path / "j") as kept:
        await until(lambda: kept.well and "CoreShowChannels" in peer.names())
        peer.send(cel("CHAN_START"))
        await until(lambda: kept.types() == ["CHAN_START"])
        peer.answers["CoreShowChannels"] = lambda action: listing(action, up)
        peer.cut()
        await until(lambda: not kept.well)
        assert kept.detail.startswith("blind:")
        await until(lambda: "CHAN_SEEN" in kept.types())
        blind, seen = (f for f in kept.facts("cel")[1:3] if isinstance(f, CelFact))
        assert (blind.type, blind.extra["alive"], seen.uniqueid) == ("BLIND_INTERVAL", "p-1.9", "p-1.9")
        assert 0 < blind.at.timestamp() - float(blind.extra["since"]) < 10
        assert len([f for f in kept.facts("queue_log") if isinstance(f, QueueFact) and f.event == "QUEUESTART"]) == 1


async def test_our_own_restart_is_a_blind_interval_and_asterisks_is_told(tmp_path: Path) -> None:
    async with ami_peer() as peer:
        async with keeping(peer, tmp_path / "j") as kept:
            await until(lambda: kept.well)
            await until(lambda: (tmp_path / "j" / "seen").stat().st_size)
        peer.startup = "13:00:00"
        async with keeping(peer, tmp_path / "j") as kept:
            await until(lambda: "BLIND_INTERVAL" in kept.types())
            starts = [f for f in kept.facts("queue_log") if isinstance(f, QueueFact) and f.event == "QUEUESTART"]
            assert len(starts) == 2


async def test_channels_that_may_not_be_listed_end_nothing(tmp_path: Path) -> None:
    async with ami_peer() as peer:
        async with keeping(peer, tmp_path / "j") as kept:
            await until(lambda: kept.well)
        peer.answers["CoreShowChannels"] = lambda action: answer(action, "Error", "Message: Permission denied")
        async with keeping(peer, tmp_path / "j") as kept:
            await until(lambda: "Permission denied" in kept.detail)
            assert "BLIND_INTERVAL" not in kept.types()


async def test_callers_without_channel_events_are_told(tmp_path: Path) -> None:
    async with ami_peer() as peer, keeping(peer, tmp_path / "j") as kept:
        await until(lambda: kept.well)
        peer.send(JOIN)
        await until(lambda: "no CEL event" in kept.detail)
        peer.send(cel("CHAN_START"))
        await until(lambda: kept.well)


async def test_disk_that_refuses_costs_no_event(tmp_path: Path) -> None:
    """A folder stands where the file should be, as a disk that can't be written."""
    (tmp_path / "j" / "cel.jsonl").mkdir(parents=True)
    async with ami_peer() as peer, keeping(peer, tmp_path / "j") as kept:
        await until(lambda: "cannot write" in kept.detail)
        peer.send(cel("CHAN_START") + cel("ANSWER"))
        (tmp_path / "j" / "cel.jsonl").rmdir()
        await until(lambda: kept.well and kept.types() == ["CHAN_START", "ANSWER"])


async def test_half_an_event_costs_that_event_alone(tmp_path: Path) -> None:
    async with ami_peer() as peer, keeping(peer, tmp_path / "j") as kept:
        await until(lambda: kept.well)
        peer.send(message("Event: CEL", "EventName: CHAN_START") + cel("ANSWER"))
        await until(lambda: kept.types() == ["ANSWER"])
