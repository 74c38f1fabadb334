"""Heads of the chain, kept elsewhere: what proves later that its end was not cut off and nothing was made anew.

One line of JSON each, appended to `<folder>/<pbx>.heads`; the folder is meant to be another machine's. Each is
announced as well, for anybody who keeps what the broker says.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.errors import InvalidInput, in_one_line
from callcenter.publishing.outbox import Announcement, announce
from callcenter.recordings.chain import Head, read_head
from callcenter.recordings.chain_repository import head_of
from callcenter.recordings.deviations import Deviation
from callcenter.recordings.sealing import sync_folder
from callcenter.storage.away import AWAY

log = structlog.get_logger()

INTERVAL_SECONDS = 60.0
"""Between two heads at least."""
LAST_SECONDS = 5.0
"""So long the end waits for the last head: the folder may be of a machine that is gone."""
SUFFIX = ".heads"
TOPIC = "recordings/head"
PART = "recording heads"

Health = Callable[[str, bool, str], None]


class HeadKeeper:
    """Keeps one PBX's heads: the first after a quiet minute at once, then the latest each minute, the last at the end.

    Without a folder they are announced only. Nothing is raised: what can't be kept is tried again, and told.
    """

    def __init__(
        self, engine: AsyncEngine, pbx: str, folder: Path | None, health: Health, interval: float = INTERVAL_SECONDS
    ) -> None:
        self._engine, self._pbx, self._folder = engine, pbx, folder
        self._health, self._interval = health, interval
        self._news = asyncio.Event()
        self._keeping = asyncio.Lock()
        self._latest: Head | None = None
        self._written: Head | None = None
        self._announced: Head | None = None

    def see(self, head: Head) -> None:
        """The chain was extended; two that extend it may tell in another order than they did."""
        if head.pbx == self._pbx and (self._latest is None or head.seq > self._latest.seq):
            self._latest = head
            self._news.set()

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            await self._recall()
            while True:
                await self._news.wait()
                self._news.clear()
                if not await asyncio.shield(self._keep()):
                    self._news.set()
                await asyncio.sleep(self._interval)
        finally:
            await self._keep_last()

    async def _recall(self) -> None:
        """What the last run may have had no time for."""
        with suppress(*AWAY):
            async with self._engine.connect() as connection:
                head = await head_of(connection, self._pbx)
            if head is not None:
                self.see(head)

    async def _keep(self) -> bool:
        """Whether the latest head is kept and announced now. One after the other: none is kept twice."""
        async with self._keeping:
            return await self._keep_latest()

    async def _keep_latest(self) -> bool:
        head = self._latest
        try:
            if head is not None and head != self._written:
                await asyncio.to_thread(self._append, head)
                self._written = head
            if head is not None and head != self._announced:
                await self._announce(head)
                self._announced = head
        except AWAY as error:
            log.warning("A head of the chain can't be kept", why=in_one_line(error))
            self._health(PART, False, in_one_line(error))
            return False
        self._health(PART, True, "kept" if self._folder else "announced only: recording_heads is not set")
        return True

    async def _keep_last(self) -> None:
        """In a task of its own: we are being cancelled."""
        last = asyncio.ensure_future(self._keep())
        await asyncio.wait([last], timeout=LAST_SECONDS)

    def _append(self, head: Head) -> None:
        """One write, on the disk when this returns. Raises `OSError`."""
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{self._pbx}{SUFFIX}"
        line = f"{head.as_line()}\n".encode()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        try:
            before = os.fstat(descriptor).st_size
            if os.write(descriptor, line) != len(line):
                os.ftruncate(descriptor, before)  # the next head would stand in a line that is none
                raise OSError(f"{path.name} took a part of a line: its disk is full")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        sync_folder(self._folder)

    async def _announce(self, head: Head) -> None:
        payload = {"pbx": head.pbx, "seq": head.seq, "hash": head.hash, "signature": head.signature}
        async with self._engine.begin() as connection:
            await announce(connection, self._pbx, [Announcement(TOPIC, "recordings", "head", payload, retain=True)])


def read_heads(path: Path) -> Iterator[Head | Deviation]:
    """A file's heads, one by one; for a line that is none, that. Raises `OSError`."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    yield read_head(line)
                except InvalidInput:
                    yield Deviation("head_unreadable", f"a head in line {number} of {path.name}", repr(line[:60])[2:-1])


def heads_in(folder: Path | None) -> list[Path]:
    """The files of heads that a folder holds."""
    return sorted(folder.glob(f"*{SUFFIX}")) if folder else []
