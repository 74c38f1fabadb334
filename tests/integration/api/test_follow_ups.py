"""Callbacks and the worklist: from stored calls to what the API, the command line and the page show."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.integration.api.conftest import Api

from callcenter.access.keys import issue
from callcenter.callbacks import repository
from callcenter.callbacks.command import cancel_callback, close_follow_up, print_callbacks, print_follow_ups
from callcenter.callbacks.follow_up_repository import add_failed_callbacks, take_lost_calls
from callcenter.callbacks.tables import callbacks, follow_up_calls
from callcenter.clock import now
from callcenter.errors import InvalidInput, NotFound
from callcenter.reports.periods import Period
from callcenter.reports.traffic import traffic

AddCall = Callable[..., Awaitable[UUID]]
AN_HOUR_AGO = timedelta(hours=1)


@pytest.fixture
def lost(add_call: AddCall) -> AddCall:
    """Stores a call that nobody took, an hour ago."""

    async def add(number: str = "13800138000", *, ago: timedelta = AN_HOUR_AGO, **facts: Any) -> UUID:
        at = now() - ago
        usual = {"outcome": "abandoned_in_queue", "agent": None, "answered_at": None, "talk_seconds": 0.0}
        return await add_call(caller_number=number, started_at=at, ended_at=at + timedelta(seconds=30), **usual | facts)

    return add


async def look(engine: AsyncEngine) -> None:
    """What the dialer does at each step with stored calls."""
    async with engine.begin() as connection:
        await repository.take_requests(connection, "hotline")
        await take_lost_calls(connection, "hotline", timedelta(hours=4), now())


async def listed(api: Api, **asked: Any) -> list[dict[str, Any]]:
    answer = await api.client.get("/v1/follow-ups", params=asked)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_lost_callers_once_each(api: Api, lost: AddCall) -> None:
    """Three calls of one number are one entry; who can't be rung, who was told that it is closed, who asked for a
    callback and who spoke are none."""
    first = await lost()
    await lost(ago=timedelta(minutes=50), outcome="timed_out")
    await lost(ago=timedelta(minutes=40), outcome="no_agent")
    await lost("anonymous")
    await lost("13800138001", outcome="closed")
    await lost("13800138002", marks=["callback"])
    await lost("13800138003", outcome="answered", agent="1001", answered_at=now(), talk_seconds=9.0)
    for _ in range(3):
        await look(api.engine)
    items = await listed(api)
    assert [(i["number"], i["calls"], i["kind"], i["state"]) for i in items] == [("13800138000", 3, "lost", "open")]
    detail = (await api.client.get(f"/v1/follow-ups/{items[0]['id']}")).json()
    assert len(detail["call_ids"]) == 3 and detail["call_id"] in detail["call_ids"] and str(first) in detail["call_ids"]


async def test_two_at_once_list_nobody_twice(api: Api, lost: AddCall) -> None:
    for n in range(20):
        await lost(f"1390000{n:04}")

    async def one() -> None:
        async with api.engine.begin() as connection:
            if await repository.one_at_a_time(connection, "hotline"):
                await take_lost_calls(connection, "hotline", timedelta(hours=4), now())

    await asyncio.gather(*(one() for _ in range(5)))
    await one()
    assert [i["calls"] for i in await listed(api)] == [1] * 20


async def test_lines_are_apart_and_emergency_is_due_at_once(api: Api, lost: AddCall) -> None:
    await lost()
    await lost(line="emergency")
    await look(api.engine)
    hotline, emergency = sorted(await listed(api), key=lambda i: i["line"], reverse=True)
    assert emergency["due_at"] == emergency["lost_at"]
    assert hotline["due_at"] > hotline["lost_at"]


@pytest.mark.parametrize("direction", ["inbound", "outbound"])
async def test_reached_by_either_side(api: Api, lost: AddCall, add_call: AddCall, direction: str) -> None:
    await lost()
    await look(api.engine)
    at = now() - timedelta(minutes=10)
    who = {"inbound": {"caller_number": "13800138000"}, "outbound": {"caller_number": "1001", "did": "13800138000"}}
    talk = await add_call(direction=direction, started_at=at, answered_at=at, ended_at=at, **who[direction])
    await look(api.engine)
    (entry,) = await listed(api)
    assert (entry["state"], entry["closed_by"], entry["reached_call_id"]) == ("reached", "callcenter", str(talk))
    await lost(ago=timedelta(minutes=1))
    await look(api.engine)
    assert [i["state"] for i in await listed(api)].count("open") == 1, "lost anew: a new entry"


async def test_an_older_talk_reaches_nobody(api: Api, lost: AddCall, add_call: AddCall) -> None:
    at = now() - timedelta(hours=2)
    await add_call(started_at=at, answered_at=at, ended_at=at)
    await lost()
    await look(api.engine)
    assert (await listed(api))[0]["state"] == "open"


async def test_voicemail_plays_in_place(api: Api, lost: AddCall, add_recording: AddCall) -> None:
    """A voicemail outside the hours is listed with its recording, and stays until somebody has heard it."""
    call = await lost(outcome="closed", marks=["voicemail"])
    recording = await add_recording(call, state="archived")
    await look(api.engine)
    (entry,) = await listed(api, kind="voicemail")
    assert (entry["call_id"], entry["recording_id"]) == (str(call), str(recording))
    page = (await api.client.get("/follow-ups", params={"lang": "zh"})).text
    assert f'href="/recordings/{recording}?lang=zh"' in page and "留言" in page
    assert f'data-entry="{entry["id"]}"' in page


async def test_take_note_close(api: Api, lost: AddCall) -> None:
    await lost()
    await look(api.engine)
    (entry,) = await listed(api)
    path = f"/v1/follow-ups/{entry['id']}"
    assert (await api.client.post(f"{path}/take")).json()["taken_by"] == "test"
    other = await issue(api.engine, "other", may_change=True)
    reader = await issue(api.engine, "reader", may_change=False)
    async with httpx.AsyncClient(base_url=api.url) as client:
        refused = await client.post(f"{path}/take", headers={"X-API-Key": other})
        assert refused.status_code == 422 and "taken by test" in refused.json()["detail"]
        assert (await client.post(f"{path}/take", headers={"X-API-Key": reader})).status_code == 403
    await api.client.post(f"{path}/notes", json={"note": "晚些再打"})
    closed = await api.client.post(f"{path}/close", json={"state": "given_up", "note": "三次无人接听"})
    assert closed.json()["state"] == "given_up" and closed.json()["closed_by"] == "test"
    assert [(n["action"], n["note"]) for n in closed.json()["notes"]] == [
        ("taken", ""), ("noted", "晚些再打"), ("given_up", "三次无人接听"),
    ]  # fmt: skip
    assert (await api.client.post(f"{path}/close", json={"state": "reached"})).status_code == 422
    assert (await api.client.post(f"{path}/close", json={"state": "open"})).status_code == 422
    assert (await api.client.post("/v1/follow-ups/999999/take")).status_code == 404


async def test_pages_and_csv(api: Api, lost: AddCall) -> None:
    for n in range(7):
        await lost(f"1390000000{n}", ago=timedelta(minutes=60 - n), line="emergency")
    await look(api.engine)
    seen, cursor = [], None
    for _ in range(5):
        asked = {"limit": 3, **({"cursor": cursor} if cursor else {})}
        answer = (await api.client.get("/v1/follow-ups", params=asked)).json()
        seen += [item["number"] for item in answer["items"]]
        if (cursor := answer["next"]) is None:
            break
    assert seen == [f"1390000000{n}" for n in range(7)]
    first = (await api.client.get("/v1/follow-ups", params={"limit": 3})).json()["next"]
    other = await api.client.get("/v1/follow-ups", params={"cursor": first, "kind": "lost"})
    assert other.status_code == 422
    due = await listed(api, due_before=(now() - timedelta(minutes=57, seconds=20)).isoformat())
    assert [item["number"] for item in due] == seen[:3]
    table = (await api.client.get("/v1/follow-ups", params={"format": "csv"})).text
    assert table.startswith("\ufeffid,pbx,kind") and table.count("\r\n") == 8


async def test_callback_of_a_record_once(api: Api, lost: AddCall) -> None:
    """Made from the call's record, however often it is looked at; cancelled once; no lost caller."""
    at = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    visit = {"queue": "hotline", "entered_at": at.isoformat()}
    timeline = [{"at": at.isoformat(), "kind": "callback", "detail": "13711112222;hotline;1795395600"}]
    call = await lost(marks=["callback"], timeline=timeline, queue_visits=[visit])
    await look(api.engine)
    await look(api.engine)
    (row,) = (await api.client.get("/v1/callbacks")).json()["items"]
    assert (row["number"], row["call_id"], row["state"], row["attempts"]) == ("13711112222", str(call), "waiting", 0)
    assert datetime.fromisoformat(row["place_at"]) == at
    assert (await api.client.get("/v1/callbacks", params={"before": row["id"]})).json() == {"items": [], "next": None}
    assert (await api.client.post(f"/v1/callbacks/{row['id']}/cancel")).json()["cancelled_by"] == "test"
    assert (await api.client.post(f"/v1/callbacks/{row['id']}/cancel")).status_code == 422
    assert await listed(api) == []


async def test_claimed_by_one_of_two(api: Api, lost: AddCall) -> None:
    """Two listeners that want to ring the same citizen at once: one does."""
    await lost(marks=["callback"])
    await look(api.engine)

    async def one() -> bool:
        async with api.engine.begin() as connection:
            (row,) = await repository.open_callbacks(connection, "hotline")
            claimed = await repository.claim(connection, "hotline", row.id, now())
            await asyncio.sleep(0.1)
            return claimed is not None

    assert sorted(await asyncio.gather(one(), one())) == [False, True]
    async with api.engine.connect() as connection:
        (row,) = await repository.open_callbacks(connection, "hotline")
    assert (row.state, row.attempts) == ("dialing", 1)


async def test_too_old_expires_into_the_worklist(api: Api, lost: AddCall) -> None:
    await lost(marks=["callback"])
    await look(api.engine)
    async with api.engine.begin() as connection:
        await connection.execute(update(callbacks).values(requested_at=now() - timedelta(days=8)))
        moment = now()
        expired = await repository.expire(connection, "hotline", moment)
        await add_failed_callbacks(connection, expired, moment)
    assert (await api.client.get("/v1/callbacks")).json()["items"][0]["state"] == "expired"
    (entry,) = await listed(api)
    assert (entry["kind"], entry["number"]) == ("callback_failed", "13800138000")


async def test_calls_back_are_not_inbound(api: Api, add_call: AddCall) -> None:
    """A day with one call in and one call back has received one call."""
    await add_call()
    await add_call(direction="outbound", marks=["callback"], service=None)
    report = (await traffic(api.engine, Period.DAY, datetime(2026, 11, 23).date())).report
    assert (report.total.received, report.total.figures["inbound"].value) == (1, 1)


async def test_commands(api: Api, lost: AddCall, capsys: pytest.CaptureFixture[str]) -> None:
    await lost(marks=["callback"])
    await lost("13800138009")
    await look(api.engine)
    await print_callbacks(api.engine, None, limit=10, as_json=False, language="zh")
    await print_follow_ups(api.engine, "open", None, limit=10, as_json=False, language="en")
    said = capsys.readouterr().out
    assert "等待回拨" in said and "lost call" in said and "13800138009" in said
    (row,) = (await api.client.get("/v1/callbacks")).json()["items"]
    await cancel_callback(api.engine, row["id"])
    with pytest.raises(InvalidInput):
        await cancel_callback(api.engine, row["id"])
    with pytest.raises(NotFound):
        await close_follow_up(api.engine, 999, "somebody", "reached", "")
    with pytest.raises(InvalidInput):
        await print_follow_ups(api.engine, "odd", None, limit=10, as_json=False, language="zh")


async def test_page_colours_what_is_late(api: Api, lost: AddCall) -> None:
    await lost(line="emergency")
    await look(api.engine)
    answer = await api.client.get("/follow-ups", params={"lang": "en"})
    assert answer.status_code == 200 and 'class="due-overdue"' in answer.text
    assert '<h3>overdue</h3><b class="figure">1</b>' in answer.text
    assert (await api.stranger.get("/follow-ups")).status_code == 401


async def test_every_lost_call_is_linked(api: Api, lost: AddCall) -> None:
    """Also those that make no entry, so that they are looked at once."""
    await lost("anonymous")
    await look(api.engine)
    async with api.engine.connect() as connection:
        rows = (await connection.execute(select(follow_up_calls.c.follow_up_id))).scalars().all()
    assert rows == [None]
