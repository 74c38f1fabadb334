"""Alerts from loops that may not wait for Postgres: what is to be said waits here and is tried again."""

import asyncio
from collections.abc import Mapping

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.alerts.model import Alert
from callcenter.alerts.repository import clear_alert, raise_alert
from callcenter.storage.away import AWAY

log = structlog.get_logger(__name__)

RETRY_SECONDS = 1.0
WRITE_SECONDS = 10.0
Named = tuple[str, str]
"""Kind and key"""


class AlertKeeper:
    """One listener's alerts. `stand` and `over` return at once; of what waits for one alert the last word counts.

    The first word on an alert is always stored: an earlier run of ours may have left it standing.
    """

    def __init__(self, engine: AsyncEngine, pbx: str) -> None:
        self._engine, self._pbx = engine, pbx
        self._waiting: dict[Named, Alert | None] = {}
        self._said: dict[Named, Alert | None] = {}
        self._nudged = asyncio.Event()

    def stand(self, alert: Alert) -> None:
        """Let it stand. The same alert with the same facts again changes nothing; `count` does."""
        if self._said.get((alert.kind, alert.key)) != alert:
            self.count(alert)

    def count(self, alert: Alert) -> None:
        """Let it stand; one that stands already is counted once more and gets these facts."""
        self._put((alert.kind, alert.key), alert)

    def over(self, kind: str, key: str) -> None:
        """It is over, if it stood."""
        name = (kind, key)
        if name not in self._said or self._said[name] is not None:
            self._put(name, None)

    async def run(self) -> None:
        """Store until cancelled; a Postgres that is away is asked again each second."""
        while True:
            await self._nudged.wait()
            self._nudged.clear()
            waiting, self._waiting = self._waiting, {}
            try:
                await self._store(waiting)
            except AWAY as error:
                log.warning("Alerts can't be stored yet", kinds=[kind for kind, _ in waiting], error=str(error)[:200])
                self._waiting = waiting | self._waiting
                self._nudged.set()
                await asyncio.sleep(RETRY_SECONDS)

    def _put(self, name: Named, alert: Alert | None) -> None:
        self._said[name] = self._waiting[name] = alert
        self._nudged.set()

    async def _store(self, waiting: Mapping[Named, Alert | None]) -> None:
        async with asyncio.timeout(WRITE_SECONDS), self._engine.begin() as connection:
            for (kind, key), alert in waiting.items():
                if alert is None:
                    await clear_alert(connection, self._pbx, kind, key)
                else:
                    await raise_alert(connection, self._pbx, alert)
