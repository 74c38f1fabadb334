"""The outbox leaves for the MQTT broker: at least once, in order, with an event id (docs/mqtt.md).

The one module that knows aiomqtt. It has no reconnect of its own, so the connection is made anew with back-off; a
publication whose acknowledgement did not come is sent again and keeps its event id.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit

import aiomqtt
import orjson
import structlog
from sqlalchemy import ARRAY, BigInteger, any_, bindparam, delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.errors import InvalidInput, in_one_line
from callcenter.publishing.tables import live_states, outbox
from callcenter.storage.away import AWAY

log = structlog.get_logger()

BATCH = 500
POLL_SECONDS = 1.0
ACK_SECONDS = 5.0
KEEPALIVE_SECONDS = 10
BACKOFF_SECONDS = (0.5, 1.0, 2.0, 5.0)
o = outbox.c
WAITING = (
    select(o.id, o.event_id, o.topic, o.kind, o.payload, o.retain)
    .where(o.pbx == bindparam("pbx"), o.published_at.is_(None))
    .order_by(o.id)
    .limit(BATCH)
)
MARK = update(outbox).where(o.id == any_(bindparam("ids", type_=ARRAY(BigInteger)))).values(published_at=func.now())
"""One text for any number of ids: Postgres plans it once."""
KEPT_FOR = text("interval '7 days'")
"""Published rows stay so long for clients of /v1/live that resume."""

Health = Callable[[str, bool, str], None]


class Publisher:
    """Publishes one PBX's outbox to the broker at `url` (`mqtt://user:password@host:port`)."""

    def __init__(self, engine: AsyncEngine, pbx: str, url: str, health: Health) -> None:
        self._engine = engine
        self._each_alone = engine.execution_options(isolation_level="AUTOCOMMIT")
        """For single statements: without BEGIN and COMMIT they are one round trip instead of three."""
        self._pbx = pbx
        self._broker = broker_address(url)
        self._health = health
        self._service_topic = f"callcenter/{pbx}/service"
        self._wake = asyncio.Event()

    def nudge(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        """Publish until cancelled; a lost broker or database is waited out."""
        attempt = 0
        while True:
            try:
                async with self._client() as client:
                    attempt = 0
                    await self._greet(client)
                    await _first_to_end(self._publish_for_ever(client), _until_disconnected(client))
            except (aiomqtt.MqttError, *AWAY) as error:
                why = in_one_line(error)
                self._health("mqtt", False, why)
                if attempt == 0:
                    log.warning("mqtt_waits", why=why)
            await asyncio.sleep(BACKOFF_SECONDS[min(attempt, len(BACKOFF_SECONDS) - 1)])
            attempt += 1

    def _client(self) -> aiomqtt.Client:
        will = aiomqtt.Will(self._service_topic, self._service("offline"), qos=1, retain=True)
        return aiomqtt.Client(
            **self._broker,
            identifier=f"callcenter-{self._pbx}",
            keepalive=KEEPALIVE_SECONDS,
            timeout=ACK_SECONDS,
            will=will,
        )

    def _service(self, state: str) -> bytes:
        return orjson.dumps({"pbx": self._pbx, "state": state})

    async def _greet(self, client: aiomqtt.Client) -> None:
        """Say that we are there, and every retained state again: the broker may have lost them."""
        await client.publish(self._service_topic, self._service("online"), qos=1, retain=True)
        async with self._engine.connect() as connection:
            s = live_states.c
            rows = await connection.execute(select(s.kind, s.key, s.payload).where(s.pbx == self._pbx))
            for kind, key, payload in rows:
                topic = f"callcenter/{self._pbx}/{kind}s/{key}"
                await client.publish(topic, orjson.dumps({"pbx": self._pbx, **payload}), qos=1, retain=True)
        self._health("mqtt", True, "connected")
        log.info("mqtt_connected", host=self._broker["hostname"], port=self._broker["port"])

    async def _publish_for_ever(self, client: aiomqtt.Client) -> None:
        while True:
            self._wake.clear()
            rows = await self._waiting()
            for row in rows:
                await client.publish(row.topic, self._payload(row), qos=1, retain=row.retain)
            await self._mark([row.id for row in rows])
            self._health("mqtt", True, "connected")
            if len(rows) < BATCH:
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._wake.wait()

    def _payload(self, row: Any) -> bytes:
        if row.payload is None:
            return b""  # clears a retained state
        return orjson.dumps({"event_id": str(row.event_id), "pbx": self._pbx, "kind": row.kind, **row.payload})

    async def _waiting(self) -> Sequence[Any]:
        async with self._each_alone.connect() as connection:
            return (await connection.execute(WAITING, {"pbx": self._pbx})).all()

    async def _mark(self, ids: list[int]) -> None:
        if ids:
            async with self._each_alone.connect() as connection:
                await connection.execute(MARK, {"ids": ids})


async def _until_disconnected(client: aiomqtt.Client) -> None:
    """Raises when the broker goes away, also while we have nothing to say."""
    async for _ in client.messages:
        pass


async def _first_to_end(*coroutines: Coroutine[Any, Any, None]) -> None:
    tasks = [asyncio.ensure_future(c) for c in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def forget_published(engine: AsyncEngine) -> int:
    """Delete rows published more than seven days ago; returns how many."""
    async with engine.begin() as connection:
        old = delete(outbox).where(outbox.c.published_at < func.now() - KEPT_FOR)
        return (await connection.execute(old)).rowcount


def broker_address(url: str) -> dict[str, Any]:
    """aiomqtt's arguments for `mqtt[s]://[user[:password]@]host[:port]`. Raises `InvalidInput`."""
    parts = urlsplit(url)
    mend = "write mqtt://user:password@host:1883 or mqtts://…"
    try:
        port = parts.port
    except ValueError as error:
        raise InvalidInput(where="CALLCENTER_MQTT_URL", what=str(error), mend=mend) from None
    if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
        raise InvalidInput(where="CALLCENTER_MQTT_URL", what=f"scheme {parts.scheme!r}", mend=mend)
    secure = parts.scheme == "mqtts"
    return {
        "hostname": parts.hostname,
        "port": port or (8883 if secure else 1883),
        "username": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
        "tls_params": aiomqtt.TLSParameters() if secure else None,
    }
