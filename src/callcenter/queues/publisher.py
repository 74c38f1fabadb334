"""Announces live states that changed, all of one moment in one transaction; only the newest state matters."""

import asyncio
from collections.abc import Iterable
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.publishing.outbox import Announcement, announce, topic_level
from callcenter.publishing.tables import live_states
from callcenter.queues.live_view import LiveView, State
from callcenter.storage.away import AWAY

log = structlog.get_logger(__name__)

DEBOUNCE_SECONDS = 0.25
RETRY_SECONDS = 1.0
WRITE_SECONDS = 10.0
TOPICS = {"queue": "queues", "agent": "agents"}


class LivePublisher:
    """Compares the live view with what was announced last and announces the difference."""

    def __init__(self, engine: AsyncEngine, pbx: str, view: LiveView) -> None:
        self._engine, self._pbx, self._view = engine, pbx, view
        self._announced: dict[State, dict[str, Any]] | None = None
        self._remembered = False
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        """Something may have changed."""
        self._nudged.set()

    async def run(self) -> None:
        """Announce until cancelled. While Postgres is away nothing piles up: the newest state waits."""
        while True:
            await self._nudged.wait()
            await asyncio.sleep(DEBOUNCE_SECONDS)
            self._nudged.clear()
            try:
                await self._announce_changes()
            except AWAY as error:
                log.warning("Live states can't be announced", error=str(error)[:200])
                self._announced = None  # not known whether it was stored: read it again
                self._nudged.set()
                await asyncio.sleep(RETRY_SECONDS)

    async def _announce_changes(self) -> None:
        if not self._view.complete:
            return
        self._view.changed = False
        async with asyncio.timeout(WRITE_SECONDS), self._engine.begin() as connection:
            announced = self._announced
            if announced is None:
                announced = await self._stored(connection)
                self._remember(announced)
            states = self._view.states()
            changed = {state: each for state, each in states.items() if announced.get(state) != each}
            gone = announced.keys() - states.keys()
            await announce(connection, self._pbx, [*_announcements(changed), *_farewells(gone)])
        self._announced = states

    def _remember(self, stored: dict[State, dict[str, Any]]) -> None:
        """Once: what was stored during a later outage would be older than what we saw."""
        if not self._remembered:
            self._remembered = True
            self._view.agents.remember(each for (kind, _), each in stored.items() if kind == "agent")

    async def _stored(self, connection: Any) -> dict[State, dict[str, Any]]:
        columns = (live_states.c.kind, live_states.c.key, live_states.c.payload)
        ours = (live_states.c.pbx == self._pbx) & live_states.c.kind.in_(TOPICS)
        rows = (await connection.execute(select(*columns).where(ours))).all()
        return {(kind, key): payload for kind, key, payload in rows}


def _announcements(changed: dict[State, dict[str, Any]]) -> Iterable[Announcement]:
    for (kind, key), payload in changed.items():
        yield Announcement(f"{TOPICS[kind]}/{topic_level(key)}", kind, key, payload, retain=True)


def _farewells(gone: Iterable[State]) -> Iterable[Announcement]:
    for kind, key in gone:
        yield Announcement(f"{TOPICS[kind]}/{topic_level(key)}", kind, key, None, retain=True)
