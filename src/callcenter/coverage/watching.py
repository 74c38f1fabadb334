"""Keeps what was observed of one PBX: hears of link and journal at once, stores when Postgres is there."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter import clock
from callcenter.ami.model import LinkLost, LinkUp
from callcenter.coverage.model import Interval, Mark
from callcenter.coverage.observation import Observation
from callcenter.coverage.repository import first_stored_at, open_intervals, read_mark, store_intervals, store_mark
from callcenter.errors import in_one_line
from callcenter.journal.follower import Gap
from callcenter.journal.sight import Sight
from callcenter.storage.away import AWAY

log = structlog.get_logger(__name__)

MARK_SECONDS = 2.0
"""How often it is stored that we live: an absence of ours is known to begin at most so much too early"""
PULSE_SECONDS = 1.0
FROZEN_SECONDS = 10.0
"""Who did not run for so long did not observe"""
WRITE_SECONDS = 10.0
RETRY_SECONDS = 1.0
FAREWELL_SECONDS = 2.0


class CoverageWatch:
    """One listener's account. Whoever tells it something never waits; `run` until cancelled, then it says farewell."""

    def __init__(self, engine: AsyncEngine, pbx: str, *, journal: bool = True) -> None:
        self.recalled = asyncio.Event()
        """What the last run left is known: only now may the journal be read on"""
        self.check_asked_at: datetime | None = None
        self._engine, self._pbx, self._journal = engine, pbx, journal
        self._seen = Observation(clock.now(), journal=journal)
        self._watched_since = clock.now()
        self._nudged, self._read_up = asyncio.Event(), asyncio.Event()

    @property
    def read_up_at(self) -> datetime | None:
        """What was written to the journal before this instant is stored."""
        return self._seen.read_up_at

    async def read_past(self, moment: datetime) -> None:
        """Wait until what was written to the journal before an instant is stored."""
        while (read_up := self.read_up_at) is None or read_up < moment:
            self._read_up.clear()
            await self._read_up.wait()

    def see_link(self, link: LinkUp | LinkLost) -> None:
        """The connection to Asterisk came up or was lost."""
        if isinstance(link, LinkUp):
            self._seen.link_up(link.at, link.boot.at, restarted=link.restarted)
        else:
            self._seen.link_lost(link.at, link.why, link.heard_at or link.at)
        self._nudged.set()

    def see_journal(self, sight: Sight, at: datetime, detail: str) -> None:
        """How the journal is to be read. Called some ten times a second."""
        self._seen.see_journal(sight, at, detail)
        if sight is Sight.READ_UP:
            self._read_up.set()

    def see_gaps(self, gaps: Iterable[Gap], at: datetime) -> None:
        """Lines of the journal are gone."""
        reasons = [f"{gap.source}: {gap.reason}" for gap in gaps]
        if reasons:
            self._seen.lines_lost(reasons, at)
            self._nudged.set()

    async def run(self) -> None:
        """Recall, then keep account until cancelled. A Postgres that is away is asked again each second."""
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._pulse(), name="coverage pulse")
            loops.create_task(self._keep(), name="coverage account")

    async def _keep(self) -> None:
        try:
            while True:
                if self.recalled.is_set():
                    await self._done(self._store)
                    await self._wait()
                elif not await self._done(self._recall):
                    await asyncio.sleep(RETRY_SECONDS)
        finally:
            if self.recalled.is_set():
                await self._say_farewell()

    async def _done(self, work: Callable[[], Awaitable[None]]) -> bool:
        """Whether Postgres was there for it."""
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await work()
        except AWAY as error:
            log.debug("Coverage waits for Postgres", why=in_one_line(error))
            return False
        return True

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(MARK_SECONDS):
                await self._nudged.wait()
        self._nudged.clear()

    async def _recall(self) -> None:
        async with self._engine.connect() as connection:
            last = await read_mark(connection, self._pbx)
            known = await open_intervals(connection, self._pbx)
            before = None if last else await first_stored_at(connection, self._pbx)
        self._watched_since = min(self._watched_since, last.watched_since if last else before or self._watched_since)
        self._seen.recall(last, known)
        self.recalled.set()

    async def _store(self, *, stopped: bool = False) -> None:
        changes = self._seen.take_changes()
        mark = Mark(self._watched_since, clock.now(), self._seen.read_up_at, stopped)
        try:
            async with self._engine.begin() as connection:
                await store_intervals(connection, self._pbx, changes)
                self.check_asked_at = await store_mark(connection, self._pbx, mark, journal=self._journal)
        except BaseException:
            self._seen.give_back(changes)
            raise
        for each in changes:
            log.warning("Blind interval", **_facts(each))

    async def _say_farewell(self) -> None:
        """Stopped in order: the next start says so. A Postgres that does not answer now is not waited for."""
        with suppress(*AWAY):
            async with asyncio.timeout(FAREWELL_SECONDS):
                await self._store(stopped=True)

    async def _pulse(self) -> None:
        """Notices that we did not run: stopped by a signal, or with the machine."""
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(PULSE_SECONDS)
            stood = loop.time() - before
            if stood >= FROZEN_SECONDS:
                now = clock.now()
                self._seen.frozen(now - timedelta(seconds=stood), now)
                self._nudged.set()
            self._seen.tick(clock.now())


def _facts(interval: Interval) -> dict[str, str]:
    """For the log; an empty value is left out."""
    facts = {name: getattr(interval, name) for name in ("source", "cause", "since", "until", "filled_by", "detail")}
    return {name: str(value) for name, value in facts.items() if value}
