"""The outbox reaches a real broker: in order, at least once, with retained state and a last will."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import aiomqtt
import orjson
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.integration.conftest import eventually

from callcenter.errors import InvalidInput
from callcenter.publishing.mqtt import Publisher, broker_address
from callcenter.publishing.outbox import Announcement, announce, topic_level
from callcenter.publishing.tables import live_states, outbox


@asynccontextmanager
async def publishing(engine: AsyncEngine, pbx: str, broker: str) -> AsyncIterator[asyncio.Task[None]]:
    publisher = Publisher(engine, pbx, broker, lambda *_: None)
    task = asyncio.create_task(publisher.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def subscribed(broker: str, pbx: str) -> AsyncIterator[list[tuple[str, Any, bool]]]:
    """Everything below callcenter/<pbx>/ as (topic, payload, retained)."""
    heard: list[tuple[str, Any, bool]] = []
    async with aiomqtt.Client(**broker_address(broker)) as client:
        await client.subscribe(f"callcenter/{pbx}/#", qos=1)

        async def listen() -> None:
            async for message in client.messages:
                body = orjson.loads(message.payload) if message.payload else None
                heard.append((str(message.topic).partition(f"{pbx}/")[2], body, message.retain))

        task = asyncio.create_task(listen())
        yield heard
        task.cancel()


def call_event(number: int) -> Announcement:
    return Announcement(f"calls/{number}/started", "call", str(number), {"event": "started", "number": number})


@pytest.fixture
def pbx() -> str:
    """A PBX of this test's own: one broker serves them all."""
    return f"pbx-{uuid4().hex[:8]}"


async def add(engine: AsyncEngine, pbx: str, *announcements: Announcement) -> None:
    async with engine.begin() as connection:
        await announce(connection, pbx, announcements)


async def unpublished(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        query = select(func.count()).select_from(outbox).where(outbox.c.published_at.is_(None))
        return int((await connection.execute(query)).scalar_one())


async def _all_published(engine: AsyncEngine) -> bool:
    return await unpublished(engine) == 0


async def test_events_arrive_in_order_with_an_id(engine: AsyncEngine, broker: str, pbx: str) -> None:
    async with subscribed(broker, pbx) as heard, publishing(engine, pbx, broker):
        await add(engine, pbx, *(call_event(n) for n in range(700)))

        async def all_there() -> bool:
            return len(heard) >= 701

        await eventually(all_there, 20)
    events = [body for topic, body, _ in heard if topic.startswith("calls/")]
    assert [e["number"] for e in events] == list(range(700))
    assert len({e["event_id"] for e in events}) == 700
    assert all(e["pbx"] == pbx for e in events)


async def test_state_is_retained_and_can_be_cleared(engine: AsyncEngine, broker: str, pbx: str) -> None:
    def queue(waiting: int | None) -> Announcement:
        payload = None if waiting is None else {"queue": "hotline", "waiting_count": waiting}
        return Announcement("queues/hotline", "queue", "hotline", payload, retain=True)

    async with publishing(engine, pbx, broker):
        await add(engine, pbx, queue(1), queue(2))
        await eventually(lambda: _all_published(engine))
        async with subscribed(broker, pbx) as heard:
            await eventually(lambda: _has(heard, "queues/hotline"))
        assert [b["waiting_count"] for t, b, retained in heard if t == "queues/hotline" and retained] == [2]
        await add(engine, pbx, queue(None))
        await eventually(lambda: _all_published(engine))
    async with subscribed(broker, pbx) as heard:
        await eventually(lambda: _has(heard, "service"))
        assert not [t for t, _, _ in heard if t == "queues/hotline"]
    async with engine.connect() as connection:
        assert (await connection.execute(select(func.count()).select_from(live_states))).scalar() == 0


async def _has(heard: list[tuple[str, Any, bool]], topic: str) -> bool:
    return any(t == topic for t, _, _ in heard)


PUBLISH = """
import asyncio, sys
from callcenter.publishing.mqtt import Publisher
from callcenter.storage.engine import make_engine
url, pbx, broker = sys.argv[1:]
asyncio.run(Publisher(make_engine(url), pbx, broker, lambda *_: None).run())
"""


async def test_the_will_speaks_when_we_are_killed(database_url: str, broker: str, pbx: str) -> None:
    async with subscribed(broker, pbx) as heard:
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", PUBLISH, database_url, pbx, broker)
        try:
            await eventually(lambda: _said(heard, "online"), 20)
        finally:
            child.kill()
            await child.wait()
        await eventually(lambda: _said(heard, "offline"), 20)


async def _said(heard: list[tuple[str, Any, bool]], state: str) -> bool:
    return any(topic == "service" and body["state"] == state for topic, body, _ in heard)


async def test_what_waited_is_sent_after_a_restart(engine: AsyncEngine, broker: str, pbx: str) -> None:
    await add(engine, pbx, call_event(1))
    async with subscribed(broker, pbx) as heard:
        async with publishing(engine, pbx, broker):
            await eventually(lambda: _has(heard, "calls/1/started"))
            await eventually(lambda: _all_published(engine))
        await add(engine, pbx, call_event(2))
        async with publishing(engine, pbx, broker):
            await eventually(lambda: _has(heard, "calls/2/started"))
    assert [t for t, _, _ in heard if t == "calls/1/started"] == ["calls/1/started"]


async def test_an_event_is_stored_once(engine: AsyncEngine, pbx: str) -> None:
    event = call_event(1)
    await add(engine, pbx, event)
    await add(engine, pbx, event)
    assert await unpublished(engine) == 1


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mqtt://h", ("h", 1883, None, None)),
        ("mqtts://u:p%40ss@h", ("h", 8883, "u", "p@ss")),
        ("mqtt://[::1]:1884", ("::1", 1884, None, None)),
    ],
)
def test_broker_addresses(url: str, expected: tuple[Any, ...]) -> None:
    found = broker_address(url)
    assert (found["hostname"], found["port"], found["username"], found["password"]) == expected


@pytest.mark.parametrize("url", ["http://h", "mqtt://", "mqtt://h:99999", "h:1883", ""])
def test_bad_broker_addresses_say_how_to_write_them(url: str) -> None:
    with pytest.raises(InvalidInput, match="mqtt://user:password@host"):
        broker_address(url)


def test_outside_data_is_one_topic_level() -> None:
    assert topic_level("a/b+#\x00c") == "a_b___c"
    assert topic_level("") == "_"
