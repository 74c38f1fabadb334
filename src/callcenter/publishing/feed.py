"""The outbox as a live feed inside the API process.

Theory of operation. One connection LISTENs for all clients. A NOTIFY names the ids that a transaction added; they
are read and handed to every client's bounded queue. Ids are given out before commit, so a range may hold rows of
transactions still open (they come with their own NOTIFY) and rows already handed out (remembered and skipped).
When Postgres goes away, the feed reconnects and reads on from a little before the last id, with the same memory.
"""

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

import asyncpg
import structlog
from sqlalchemy import ColumnElement, RowMapping, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callcenter.errors import PartUnavailable
from callcenter.publishing.outbox import CHANNEL
from callcenter.publishing.tables import live_states, outbox
from callcenter.storage.reading import reading

log = structlog.get_logger(__name__)

OVERLAP = 1000
"""After a reconnect, ids so far below the last one are looked at again: they may have committed late."""
REMEMBERED = 4 * OVERLAP
PROBE_SECONDS = 10.0
READY_SECONDS = 5.0
RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0)
QUEUE_LENGTH = 1000
REPLAY_LIMIT = 10_000

COLUMNS = (
    outbox.c.id, outbox.c.event_id, outbox.c.pbx, outbox.c.topic, outbox.c.kind, outbox.c.key,
    outbox.c.payload, outbox.c.retain, outbox.c.created_at,
)  # fmt: skip

Event = dict[str, Any]


def _plain(row: RowMapping) -> Event:
    """A row with `str` keys: SQLAlchemy's are a kind of its own that JSON encoders refuse."""
    return {str(name): value for name, value in row.items()}


class Subscriber:
    """One client's share: events wait here; a client that lets too many wait is cut off and may resume."""

    def __init__(self) -> None:
        self._waiting: deque[Event] = deque()
        self._changed = asyncio.Event()
        self.closed = False

    def offer(self, event: Event) -> None:
        if len(self._waiting) >= QUEUE_LENGTH:
            return self.close()
        self._waiting.append(event)
        self._changed.set()

    def close(self) -> None:
        """End the stream; what waited is not lost, the client resumes after the last event it got."""
        self.closed = True
        self._waiting.clear()
        self._changed.set()

    async def next(self, seconds: float) -> Event | None:
        """The next event; None when closed or nothing came for so long."""
        if not self._waiting and not self.closed:
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._changed.wait()
        return self._waiting.popleft() if self._waiting else None


class Feed:
    """Hands committed outbox rows to subscribers. `run` is its task; `stop` ends it and every stream."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._subscribers: WeakSet[Subscriber] = WeakSet()
        self._last_id: int | None = None
        self._seen: OrderedDict[int, None] = OrderedDict()
        self._wake = asyncio.Event()
        self._ranges: list[tuple[int, int]] = []
        self.stopped = asyncio.Event()
        self.connected = asyncio.Event()

    def subscribe(self) -> Subscriber:
        """A subscriber that gets events for as long as somebody holds it."""
        subscriber = Subscriber()
        self._subscribers.add(subscriber)
        if self.stopped.is_set():
            subscriber.close()
        return subscriber

    async def ready(self) -> None:
        """Return once the feed follows the outbox. Raises `PartUnavailable` when it does not within 5 s."""
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self.connected.wait()
        except TimeoutError:
            raise PartUnavailable(
                part="live feed", why="it has no connection to Postgres", mend="try again shortly"
            ) from None

    def stop(self) -> None:
        """End all streams at once."""
        self.stopped.set()
        self._wake.set()
        for subscriber in tuple(self._subscribers):
            subscriber.close()

    async def run(self) -> None:
        """Listen until stopped; every loss of Postgres is followed by a reconnect."""
        failures = 0
        while not self.stopped.is_set():
            try:
                await self._listen()
            except Exception as error:
                log.warning("live feed lost Postgres", error=str(error))
            failures = 0 if self.connected.is_set() else failures + 1
            self.connected.clear()
            pause = RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self.stopped.wait()

    async def _listen(self) -> None:
        async with self._listening() as connection:
            await self._catch_up(connection)
            self.connected.set()
            while not self.stopped.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PROBE_SECONDS):
                        await self._wake.wait()
                self._wake.clear()
                await self._hand_out_announced(connection)

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[AsyncConnection]:
        self._ranges.clear()
        async with self._engine.connect() as pooled:
            connection = await pooled.execution_options(isolation_level="AUTOCOMMIT")
            raw = (await connection.get_raw_connection()).driver_connection
            assert isinstance(raw, asyncpg.Connection)
            raw.add_termination_listener(self._on_lost)
            await raw.add_listener(CHANNEL, self._on_notify)
            try:
                yield connection
            finally:
                raw.remove_termination_listener(self._on_lost)
                with contextlib.suppress(Exception):
                    await asyncio.wait_for(raw.remove_listener(CHANNEL, self._on_notify), 1)

    def _on_notify(self, connection: Any, pid: int, channel: str, payload: object) -> None:
        first, _, last = str(payload).partition("-")
        if first.isdecimal() and last.isdecimal():
            self._ranges.append((int(first), int(last)))
            self._wake.set()

    def _on_lost(self, connection: Any) -> None:
        self._wake.set()

    async def _catch_up(self, connection: AsyncConnection) -> None:
        """First: what is there is known. Later: what committed while we were away."""
        if self._last_id is None:
            newest = (await connection.execute(select(func.coalesce(func.max(outbox.c.id), 0)))).scalar_one()
            await self._hand_out(connection, outbox.c.id > newest - OVERLAP)
            self._last_id = newest
            return
        await self._hand_out(connection, outbox.c.id > self._last_id - OVERLAP)

    async def _hand_out_announced(self, connection: AsyncConnection) -> None:
        ranges, self._ranges = self._ranges, []
        if not ranges:
            await asyncio.wait_for(connection.execute(select(1)), 5)
            return
        first, last = min(r[0] for r in ranges), max(r[1] for r in ranges)
        await self._hand_out(connection, outbox.c.id.between(first, last))

    async def _hand_out(self, connection: AsyncConnection, wanted: ColumnElement[bool]) -> None:
        """Give rows to all subscribers, each row once."""
        listeners = tuple(self._subscribers)
        columns = COLUMNS if listeners else COLUMNS[:1]  # nobody listens: the ids are enough
        rows = await connection.execute(select(*columns).where(wanted).order_by(outbox.c.id))
        for row in rows.mappings():
            if row["id"] in self._seen:
                continue
            self._remember(row["id"])
            for subscriber in listeners:
                subscriber.offer(_plain(row))

    def _remember(self, row_id: int) -> None:
        self._seen[row_id] = None
        self._last_id = max(self._last_id or 0, row_id)
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The current states, the newest id they include, and what a returning client missed."""

    states: list[dict[str, Any]]
    last_id: int
    missed: list[Event]
    known: set[int]
    """recent ids that the states or `missed` include already"""
    complete: bool
    """False when more was missed than is replayed, or is no longer kept"""


async def take_snapshot(engine: AsyncEngine, after: int | None) -> Snapshot:
    """All live states, and the events (not states: those are in the snapshot) after an id. Raises `PartUnavailable`."""
    async with reading(engine, snapshot=True) as connection:
        columns = (live_states.c.pbx, live_states.c.kind, live_states.c.key, live_states.c.payload)
        found = select(*columns, live_states.c.updated_at).order_by(*columns[:3])
        states = [_plain(row) for row in (await connection.execute(found)).mappings()]
        span = select(func.coalesce(func.min(outbox.c.id), 1), func.coalesce(func.max(outbox.c.id), 0))
        oldest, newest = (await connection.execute(span)).one()
        known = await _included(connection, newest)
        if after is None:
            return Snapshot(states, newest, [], known, complete=True)
        missed = await _missed(connection, after)
    whole = len(missed) <= REPLAY_LIMIT and oldest - 1 <= after <= newest
    known |= {event["id"] for event in missed}
    return Snapshot(states, newest, missed[-REPLAY_LIMIT:], known, complete=whole)


async def _included(connection: AsyncConnection, newest: int) -> set[int]:
    """Recent changes of state that this snapshot sees: they may still be on their way to a new subscriber."""
    recent = (outbox.c.id > newest - OVERLAP) & outbox.c.retain.is_(True)
    return set((await connection.execute(select(outbox.c.id).where(recent))).scalars())


async def _missed(connection: AsyncConnection, after: int) -> list[Event]:
    later = (outbox.c.id > after) & outbox.c.retain.is_(False)
    newest_first = select(*COLUMNS).where(later).order_by(outbox.c.id.desc()).limit(REPLAY_LIMIT + 1)
    return [_plain(row) for row in (await connection.execute(newest_first)).mappings()][::-1]
