"""The routing facts as last known: read when told of a change and every half minute; kept while Postgres is away."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter import clock
from callcenter.routing.facts import RoutingFacts, read_routing_facts
from callcenter.storage.away import AWAY
from callcenter.storage.changes import CHANNEL
from callcenter.storage.listening import listening

log = structlog.get_logger(__name__)

REFRESH_SECONDS = 30.0
QUERY_SECONDS = 5.0
RETRY_SECONDS = 1.0


class FactsWatch:
    """Keeps `facts` up to date; `None` until they were read for the first time."""

    def __init__(
        self,
        engine: AsyncEngine,
        pbx: str,
        on_change: Callable[[RoutingFacts], None],
        *,
        return_within: timedelta | None = None,
    ) -> None:
        self.facts: RoutingFacts | None = None
        self._engine, self._pbx, self._on_change, self._return_within = engine, pbx, on_change, return_within
        self._told = asyncio.Event()

    async def run(self) -> None:
        """Watch until cancelled; a Postgres that is away is asked again each second."""
        while True:
            try:
                await self._watch()
            except AWAY as error:
                log.warning("Routing facts can't be read, the last known ones hold", error=str(error)[:200])
                await asyncio.sleep(RETRY_SECONDS)

    async def _watch(self) -> None:
        async with listening(self._engine, CHANNEL, self._wake) as connection:
            while not connection.is_closed():
                self._told.clear()
                await self._refresh()
                with suppress(TimeoutError):
                    async with asyncio.timeout(REFRESH_SECONDS):
                        await self._told.wait()
        raise ConnectionError("the listening connection was closed")

    async def _refresh(self) -> None:
        async with asyncio.timeout(QUERY_SECONDS), self._engine.connect() as plain:
            connection = await plain.execution_options(isolation_level="REPEATABLE READ")
            facts = await read_routing_facts(connection, clock.now(), pbx=self._pbx, return_within=self._return_within)
        if facts != self.facts:
            self.facts = facts
            self._on_change(facts)

    def _wake(self, *_: object) -> None:
        self._told.set()
