"""The record plane's loop: journals → facts → tracker → one transaction. Asterisk's files are the write-ahead log.

Theory of operation. Every reading becomes a chunk with an id taken from Postgres beforehand; the id is the *mark* that
the tracker remembers for each running call. The oldest mark still needed is stored with the place read up to, so a new
start reads the raw chunks from there, feeds them silently and stands where the last commit stood. A batch that could
not be committed is kept and sent again, never fed again.
"""

import asyncio
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callcenter import clock
from callcenter.calls.announcements import announcement_of
from callcenter.calls.emergency import alarms_of
from callcenter.calls.events import (
    AgentActed,
    Anomaly,
    CallAbsorbed,
    CallEnded,
    CallEvent,
    CallMarked,
    RecordingExpected,
    RecordingOver,
)
from callcenter.calls.store import POISON, Batch, HoldComplaints, KeepActs, sift, store
from callcenter.calls.tracker import CallTracker
from callcenter.errors import in_one_line
from callcenter.journal import repository
from callcenter.journal.facts import Reject, parse_lines
from callcenter.journal.follower import CHUNK_BYTES, Chunk, Follower, Place
from callcenter.journal.repository import Displaced, RawChunk
from callcenter.journal.sight import JournalUnreadable, SeeJournal, Sight, look_away
from callcenter.storage.away import AWAY

log = structlog.get_logger()

POLL_SECONDS = 0.4
"""How late we are while AMI does not tell us when to look: looking costs the processor that carries the audio."""
PROMPT_POLL_SECONDS = 0.02
PROMPT_POLLS = 3
"""After a nudge we look so often so soon: AMI may speak before the journal's line is written."""
IDS_AHEAD = 50
RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)

Health = Callable[[str, bool, str], None]


class Ingest:
    """Follows the journals of one PBX. `files` maps a source (`cel`, `queue_log`) to its path."""

    def __init__(
        self,
        engine: AsyncEngine,
        pbx: str,
        files: dict[str, Path],
        health: Health,
        on_stored: Callable[[Batch], None] = lambda _: None,
        on_read: Callable[[Batch], None] = lambda _: None,
        keep_acts: KeepActs | None = None,
        see_journal: SeeJournal = look_away,
        hold_complaints: HoldComplaints | None = None,
    ) -> None:
        self._engine = engine
        self._see_journal = see_journal
        self._keep_acts, self._hold_complaints = keep_acts, hold_complaints
        self._on_stored, self._on_read = on_stored, on_read
        self._prompt = 0
        self._pbx = pbx
        self._files = files
        self._health = health
        self._tracker = CallTracker(pbx)
        self._followers: list[Follower] = []
        self._places: dict[str, Place | None] = {}
        self._ids: list[int] = []
        self._storing: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._far_behind = False
        self._waits = False
        """queue_log does, for CEL"""

    def nudge(self) -> None:
        """Something happened in Asterisk: read now instead of at the next poll."""
        self._prompt = PROMPT_POLLS
        self._wake.set()

    async def run(self) -> None:
        """Recover, then follow until cancelled. Faults of disk and database are waited out."""
        while True:
            try:
                await self._recover()
                while True:
                    await self._step()
            except Displaced as error:
                log.error("journal_displaced", why=str(error))
                self._health("journal", False, str(error))
                await asyncio.sleep(RETRY_SECONDS[-1])
            except AWAY as error:
                if isinstance(error, JournalUnreadable):
                    self._see_journal(Sight.UNREADABLE, clock.now(), str(error))
                log.warning("journal_waits", why=in_one_line(error))
                self._health("journal", False, in_one_line(error))
                await asyncio.sleep(RETRY_SECONDS[2])
            finally:
                await self._close()

    async def _close(self) -> None:
        if self._storing is not None:
            self._storing.cancel()
            await asyncio.gather(self._storing, return_exceptions=True)
            self._storing = None
        for follower in self._followers:
            follower.close()

    async def _recover(self) -> None:
        """Stand where the last commit stood: places, and the tracker's memory of running calls.

        Ids taken before are let go: another listener may have stored under later ones, and ids are the chunks' order.
        """
        self._ids, running = [], Running()
        async with self._engine.connect() as connection:
            self._places = {**await repository.stored_places(connection, self._pbx)}
            self._tracker = CallTracker(self._pbx)
            async for mark, source, start, drained, data in repository.needed_chunks(connection, self._pbx):
                running.see(feed_lines(self._tracker, source, data, start, mark)[0])
                if drained:
                    running.see(self._tracker.settle())
                else:
                    self._tracker.relieve()
            for agent, call_id in await last_calls(connection, self._pbx):
                self._tracker.last_calls.remember(agent, call_id)
        self._followers = [Follower(s, p, self._places.get(s)) for s, p in self._files.items()]
        self._on_read(Batch(expected=list(running.expected.values()), read_at=clock.now()))
        log.info("journal_recovered", running=self._tracker.running)

    async def _step(self) -> None:
        if len(self._ids) < len(self._files):
            await self._take_ids()
        self._wake.clear()
        looked_at = clock.now()
        chunks = await asyncio.to_thread(self._read)
        if chunks or any(f.gaps for f in self._followers):
            batch = await asyncio.to_thread(self._batch, chunks)
            batch.read_at = looked_at
            self._on_read(batch)
            await self._stored()
            self._storing = asyncio.create_task(self._store(batch))
        self._far_behind = any(_is_large(c) for c in chunks)
        if self._far_behind:
            return  # far behind: read on while this is being stored
        await self._stored()
        self._say_health(looked_at)
        with suppress(TimeoutError):
            # not wait_for, here and elsewhere: in Python 3.11 it may swallow a cancellation, and the loop never ends
            async with asyncio.timeout(self._poll_seconds()):
                await self._wake.wait()

    def _poll_seconds(self) -> float:
        if self._prompt:
            self._prompt -= 1
            return PROMPT_POLL_SECONDS
        return POLL_SECONDS

    async def _stored(self) -> None:
        """Wait for the batch under way: there is one at most, and they are stored in order."""
        if self._storing is not None:
            storing, self._storing = self._storing, None
            await storing

    async def _take_ids(self) -> None:
        async with self._engine.begin() as connection:
            self._ids = (await repository.take_ids(connection, IDS_AHEAD))[::-1]

    def _read(self) -> list[Chunk]:
        """One chunk a source at most, queue_log first: what it tells of has then been written to CEL.

        It has an eighth of CEL's bytes: while we are far behind it waits for CEL, else what it tells of calls that CEL
        has not come to would fill the memory.
        """
        self._waits = self._far_behind and self._tracker.is_ahead("queue_log")
        order = sorted(self._followers, key=lambda f: f.source != "queue_log")
        order = [f for f in order if not (self._waits and f.source == "queue_log")]
        try:
            return [chunk for follower in order if (chunk := follower.read()) is not None]
        except OSError as error:
            raise JournalUnreadable(*error.args) from error

    def _batch(self, chunks: list[Chunk]) -> Batch:
        batch = Batch(before={c.source: self._places.get(c.source) for c in chunks})
        events: list[CallEvent] = []
        for chunk in chunks:
            mark = self._ids.pop()
            batch.chunks.append(RawChunk(mark, chunk, zlib.compress(chunk.data, 1)))
            self._places[chunk.source] = chunk.after
            new, rejects = feed_lines(self._tracker, chunk.source, chunk.data, chunk.start, mark)
            events += new
            batch.rejects += [(chunk.source, r) for r in rejects]
        batch.drained = bool(chunks) and not self._waits and not any(_is_large(c) for c in chunks)
        if batch.drained:
            events += self._tracker.settle()
        else:
            self._tracker.relieve()
        for follower in self._followers:
            batch.gaps += follower.gaps
            follower.gaps = []
        _sort_out(batch, events)
        batch.low_water = self._tracker.low_water()
        return batch

    async def _store(self, batch: Batch) -> None:
        """Commit, again and again until it is in: the tracker has seen these facts and will not see them again."""
        _tell(batch)
        attempt = 0
        while True:
            try:
                await store(self._engine, self._pbx, batch, self._keep_acts, self._hold_complaints)
                return self._on_stored(batch)
            except POISON as error:
                log.error("batch_refused", why=in_one_line(error))
                if not await sift(self._engine, batch):
                    raise
            except AWAY as error:
                wait = RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)]
                self._health("journal", False, f"cannot store: {in_one_line(error)}")
                if attempt == 0:
                    log.warning("store_waits", why=in_one_line(error))
                attempt += 1
                await asyncio.sleep(wait)

    def _say_health(self, looked_at: datetime) -> None:
        absent = [path for path in self._files.values() if not path.parent.is_dir()]
        if absent:
            why = f"{absent[0].parent} does not exist: Asterisk cannot write its journal"
            self._see_journal(Sight.MISSING, looked_at, why)
            self._health("journal", False, why)
        else:
            self._see_journal(Sight.READ_UP, looked_at, "")
            self._health("journal", True, f"{self._tracker.running} calls running")


LAST_CALLS = text(
    "SELECT DISTINCT ON (said ->> 'detail') said ->> 'detail' AS agent, id FROM calls,"
    " jsonb_array_elements(timeline) AS said WHERE pbx = :pbx AND direction <> 'internal'"
    " AND started_at > now() - interval '1 day' AND said ->> 'kind' = 'talking'"
    " ORDER BY said ->> 'detail', said ->> 'at' DESC"
)
"""Whom a complaint is about that is noted after a restart of ours: as `LastCalls.note` has it, however short it was."""


async def last_calls(connection: AsyncConnection, pbx: str) -> list[tuple[str, UUID]]:
    """Each agent's last call with a citizen in a day."""
    return [(row.agent, row.id) for row in await connection.execute(LAST_CALLS, {"pbx": pbx})]


class Running:
    """Recordings of calls that are up, found while the tracker's memory is recovered: they are to be watched on."""

    def __init__(self) -> None:
        self.expected: dict[UUID, RecordingExpected] = {}

    def see(self, events: Iterable[CallEvent]) -> None:
        for event in events:
            if isinstance(event, RecordingExpected):
                self.expected[event.ref.id] = event
            elif isinstance(event, RecordingOver):
                self.expected.pop(event.recording_id, None)
            elif isinstance(event, CallEnded):
                for ref in event.record.recordings:
                    self.expected.pop(ref.id, None)


def _is_large(chunk: Chunk) -> bool:
    """More is waiting behind it."""
    return len(chunk.data) > CHUNK_BYTES // 2


def feed_lines(
    tracker: CallTracker, source: str, data: bytes, start: int, mark: int
) -> tuple[list[CallEvent], list[Reject]]:
    """Feed whole lines of one source: the same way when they are new, after a restart and in a replay.

    A fact that the tracker cannot take, by a fault of ours, costs that fact and no record of another call.
    """
    facts, rejects = parse_lines(source, data, start)
    events: list[CallEvent] = []
    for fact in facts:
        try:
            events += tracker.feed(fact, mark)
        except Exception:
            log.exception("fact_not_understood", uniqueid=fact.uniqueid[:64])
    return events, rejects


def _sort_out(batch: Batch, events: list[CallEvent]) -> None:
    """The last record of each call, and an announcement for each event."""
    for event in events:
        if isinstance(event, CallEnded):
            batch.records[event.record.id] = event.record
        elif isinstance(event, CallAbsorbed):
            batch.records.pop(event.call_id, None)
            batch.absorbed.append((event.call_id, event.into))
        elif isinstance(event, RecordingExpected):
            batch.expected.append(event)
        elif isinstance(event, RecordingOver):
            batch.over.add(event.recording_id)
        elif isinstance(event, CallMarked):
            batch.late_marks.append(event)
        elif isinstance(event, AgentActed):
            batch.acts.append(event)
        elif isinstance(event, Anomaly):
            log.warning("call_anomaly", kind=event.kind, detail=event.detail)
        batch.alarms += alarms_of((event,))
        announcement = announcement_of(event)
        if announcement is not None:
            batch.announcements.append(announcement)


def _tell(batch: Batch) -> None:
    for source, reject in batch.rejects:
        log.error("journal_line_rejected", source=source, position=reject.position, reason=reject.reason)
    for gap in batch.gaps:
        log.error("journal_gap", source=gap.source, reason=gap.reason)
