"""GET /v1/live: snapshot first, then what commits; resume; Postgres away and back; slow clients; the end."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import text

from callcenter.publishing import feed as feed_module
from callcenter.publishing.feed import Subscriber
from callcenter.publishing.outbox import Announcement, announce

CUT_THE_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND datname = current_database()
"""


def call_event(n: int) -> Announcement:
    return Announcement(f"calls/{n}/queued", "call", str(n), {"n": n, "name": "王小明\r\n\nevent: evil"})


def queue_state(waiting: int) -> Announcement:
    return Announcement("queues/hotline", "queue", "hotline", {"waiting_count": waiting}, retain=True)


async def say(api: Any, *announcements: Announcement) -> None:
    async with api.engine.begin() as connection:
        await announce(connection, "hotline", announcements)


@asynccontextmanager
async def listening(api: Any, last_id: str | None = None) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    headers = {} if last_id is None else {"Last-Event-ID": last_id}
    async with api.client.stream("GET", "/v1/live", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield events(answer)


async def events(answer: Any) -> AsyncIterator[dict[str, Any]]:
    event: dict[str, Any] = {}
    async for line in answer.aiter_lines():
        if line == "" and event:
            yield event | {"data": json.loads(event["data"])}
            event = {}
        elif line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            event[name] = value


async def take(stream: AsyncIterator[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(15):
        return [await anext(stream) for _ in range(count)]


async def test_snapshot_then_events(api: Any) -> None:
    await say(api, queue_state(3), call_event(0))
    async with listening(api) as stream:
        (snapshot,) = await take(stream, 1)
        assert snapshot["event"] == "snapshot"
        assert [state["payload"] for state in snapshot["data"]["states"]] == [{"waiting_count": 3}]
        await say(api, call_event(1), queue_state(4))
        first, second = await take(stream, 2)
    assert (first["event"], first["data"]["payload"]["n"]) == ("call", 1)
    assert first["data"]["topic"] == "callcenter/hotline/calls/1/queued"
    assert first["data"]["payload"]["name"] == "王小明\r\n\nevent: evil"
    assert (second["event"], second["data"]["payload"]) == ("queue", {"waiting_count": 4})
    assert int(second["id"]) > int(first["id"]) > int(snapshot["id"])


async def test_resume_gives_what_was_missed(api: Any) -> None:
    async with listening(api) as stream:
        last = (await take(stream, 1))[0]["id"]
    await say(api, call_event(1), queue_state(1), call_event(2))
    async with listening(api, last) as stream:
        snapshot, *missed = await take(stream, 3)
        await say(api, call_event(3))
        missed += await take(stream, 1)
    assert snapshot["data"]["complete"] is True
    assert [event["data"]["payload"].get("n") for event in missed] == [1, 2, 3]


async def test_an_unknown_last_id_is_told(api: Any) -> None:
    async with listening(api, "999999") as stream:
        assert (await take(stream, 1))[0]["data"]["complete"] is False
    answer = await api.client.get("/v1/live", headers={"Last-Event-ID": "1; DROP"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


async def test_rows_that_commit_out_of_order_all_come(api: Any) -> None:
    async with listening(api) as stream:
        await take(stream, 1)
        async with api.engine.begin() as slow:
            await announce(slow, "hotline", [call_event(1)])
            await say(api, call_event(2))
            early = await take(stream, 1)
        late = await take(stream, 1)
    assert [event["data"]["payload"]["n"] for event in early + late] == [2, 1]


async def test_the_feed_comes_back_with_postgres(api: Any) -> None:
    async with listening(api) as stream:
        await take(stream, 1)
        await say(api, call_event(1))
        await take(stream, 1)
        async with api.engine.begin() as connection:
            await connection.execute(text(CUT_THE_OTHERS))
            await announce(connection, "hotline", [call_event(2)])
        assert (await take(stream, 1))[0]["data"]["payload"]["n"] == 2
        await say(api, call_event(3))
        assert (await take(stream, 1))[0]["data"]["payload"]["n"] == 3


async def test_streams_end_at_once_when_the_server_stops(api: Any) -> None:
    async with listening(api) as stream:
        await take(stream, 1)
        api.server.should_exit = True
        async with asyncio.timeout(3):
            assert [event async for event in stream] == []


async def test_a_client_that_leaves_is_forgotten(api: Any) -> None:
    async with listening(api) as stream:
        await take(stream, 1)
    async with asyncio.timeout(10):
        while len(api.app.state.feed._subscribers):
            await asyncio.sleep(0.02)


async def test_a_slow_client_is_cut() -> None:
    subscriber = Subscriber()
    for n in range(feed_module.QUEUE_LENGTH + 1):
        subscriber.offer({"id": n})
    assert subscriber.closed
    assert await subscriber.next(1) is None
