"""The two sides of a comparison, each rung by phones of the same kind: the whole hotline, and an Asterisk by itself."""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
from tests.acceptance.hotline import RunningHotline

from benchmarks.rig.bare import BareAsterisk
from benchmarks.rig.phones import Media, Phones
from benchmarks.rig.proc import children, cpu, idle_seconds, title, whole_cpu
from callcenter.local import addresses
from callcenter.recordings.model import PENDING, State

WORKER = "callcenter.recordings.worker"
SAMPLE_SECONDS = 0.25
WAITING = (
    "SELECT count(*) FROM calls LEFT JOIN recordings ON calls.id = call_id WHERE caller_number LIKE $1"
    " AND (recordings.state IS NULL OR recordings.state = ANY($2))"
)
MADE = (
    "SELECT caller_number, recordings.name, recordings.seconds, recordings.state, recordings.flags"
    " FROM recordings JOIN calls ON calls.id = call_id WHERE caller_number LIKE $1"
)

Used = dict[str, float]
"""Part → CPU seconds so far"""


@dataclass
class Side:
    """One of the two. `used` reads its parts' CPU; `spool` holds its recordings while their calls are up."""

    name: str
    phones: Phones
    used: Callable[[], Used]
    spool: Path
    database: asyncpg.Connection | None = None
    worker: Callable[[], int | None] = lambda: None


@dataclass
class Window:
    """What was used in some seconds, in per cent of one core."""

    seconds: float
    parts: dict[str, float]
    machine_idle: float
    """Of all cores, 0 to 100"""

    @property
    def total(self) -> float:
        return sum(self.parts.values())


async def window(side: Side, seconds: float) -> Window:
    """What the side uses from now on for so long."""
    began, before, idle = time.monotonic(), side.used(), idle_seconds()
    await asyncio.sleep(seconds)
    took, now = time.monotonic() - began, side.used()
    parts = {part: 100 * (now[part] - before.get(part, 0.0)) / took for part in now}
    return Window(took, parts, 100 * (idle_seconds() - idle) / took / (os.cpu_count() or 1))


@asynccontextmanager
async def bare_side(agents: Sequence[str], media: Media) -> AsyncIterator[Side]:
    async with BareAsterisk(agents) as bare:
        phones = Phones(bare.settings.sip_port, bare.accounts, media, "139", lambda agent: agent)
        async with phones:
            yield Side("bare", phones, lambda: {"asterisk": cpu(bare.pid)}, bare.spool)


@asynccontextmanager
async def whole(hotline: RunningHotline) -> AsyncIterator[RunningHotline]:
    """The hotline. Who breaks off while it starts waits until it has: before that there is no process to be stopped."""
    starting = asyncio.ensure_future(hotline.__aenter__())
    try:
        await asyncio.shield(starting)
        yield hotline
    finally:
        await asyncio.wait([starting])
        if starting.exception() is None:
            await hotline.__aexit__(None, None, None)
        else:
            shutil.rmtree(hotline.home)


@asynccontextmanager
async def our_side(agents: Sequence[str], media: Media) -> AsyncIterator[Side]:
    given: dict[str, Any] = {
        "agents": list(agents),
        "supervisors": [],
        "trunk_call_limit": 900,
        "queue_timeout_seconds": 60,
    }
    async with whole(RunningHotline(pbx="ours", brief=True, recording_patience_seconds=600, **given)) as hotline:
        code, said = await hotline.command("schedule", "open", "--until", "+1h")
        assert code == 0, said
        database = await asyncpg.connect(addresses.database_url(hotline.settings))
        phones = Phones(hotline.settings.sip_port, hotline.accounts, media, "138", lambda _: "12333")
        parts = Parts(hotline)
        try:
            async with phones:
                yield Side("ours", phones, parts.used, hotline.settings.spool_dir, database, parts.worker)
        finally:
            await database.close()


class Parts:
    """The hotline's processes."""

    def __init__(self, hotline: RunningHotline) -> None:
        self._pids = {part: hotline.process(part).pid for part in ("asterisk", "listen", "api", "mosquitto")}
        self._postgres = hotline.process("postgres").pid
        self._supervisor = hotline.run.pid

    def used(self) -> Used:
        """The worker is the listener's child: what it takes stands apart from what the listener takes."""
        listen = self._pids["listen"]
        return {
            **{part: cpu(pid) for part, pid in self._pids.items()},
            "worker": sum(whole_cpu(child) for child in children(listen)),
            "postgres": whole_cpu(self._postgres),
            "supervisor": cpu(self._supervisor),
        }

    def worker(self) -> int | None:
        """The process that makes recordings, while there is one."""
        return next((pid for pid in children(self._pids["listen"]) if WORKER in title(pid)), None)


async def waiting(side: Side) -> int:
    """Calls whose recording is not finished; 0 where nobody finishes any."""
    if side.database is None:
        return 0
    return int(await side.database.fetchval(WAITING, side.phones.prefix + "%", [*PENDING, State.VERIFIED]))


async def until_finished(side: Side, at_most: float) -> float:
    """Wait until no recording waits, or so long; the seconds it took."""
    began = time.monotonic()
    await asyncio.sleep(0.5)
    while await waiting(side) and time.monotonic() - began < at_most:
        await asyncio.sleep(0.5)
    return time.monotonic() - began


async def made(side: Side) -> list[asyncpg.Record]:
    """Number, name, seconds, state and flags of every recording."""
    assert side.database is not None
    return list(await side.database.fetch(MADE, side.phones.prefix + "%"))


@dataclass
class Kept:
    """Second names of the legs in a spool: the pipeline removes its own when a recording is sealed."""

    spool: Path
    folder: Path
    seen: set[str] = field(default_factory=set)

    async def run(self) -> None:
        """Until cancelled."""
        self.folder.mkdir(exist_ok=True)
        while True:
            self._look()
            await asyncio.sleep(SAMPLE_SECONDS)

    def _look(self) -> None:
        for entry in os.scandir(self.spool):
            if entry.name.endswith(".wav") and entry.name not in self.seen:
                self.seen.add(entry.name)
                with suppress(FileNotFoundError, FileExistsError):
                    os.link(entry.path, self.folder / entry.name)
