"""Callbacks on a real Asterisk: the citizen hangs up, keeps his place and is rung when it is his turn."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest_asyncio
from sqlalchemy import update

from callcenter.callbacks.tables import callbacks
from callcenter.local import addresses
from callcenter.local.ports import passing_port
from callcenter.storage.engine import make_engine
from tests.acceptance.evidence import (
    assert_talk_is_heard,
    audio_of,
    calls_found,
    instant,
    new_caller,
    record_adds_up,
    record_of,
)
from tests.acceptance.hotline import RunningHotline
from tests.acceptance.made import is_concluded
from tests.acceptance.phones import Softphone, dial

MENU_SECONDS = 3
"""Until a caller has heard the notice and waits in the queue."""
TYPING_SECONDS = 11
"""Until his own number was read to him, digit by digit."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def busy_hotline() -> AsyncIterator[RunningHotline]:
    """One agent, two attempts, and a trunk that takes calls."""
    settings: dict[str, Any] = {
        "pbx": "callbacks", "agents": ["1001"], "outbound_prefixes": ["13"], "trunk_port": passing_port(),
        "callback_attempts": 2, "callback_retry_seconds": 5, "queue_timeout_seconds": 90,
        "outbound_night_lock": False,
    }  # fmt: skip
    async with RunningHotline(brief=True, **settings) as hotline:
        assert (await hotline.command("schedule", "open", "--until", "+6h"))[0] == 0
        yield hotline


@pytest_asyncio.fixture(loop_scope="session")
async def capped_hotline() -> AsyncIterator[RunningHotline]:
    """No call goes out through the trunk today."""
    settings: dict[str, Any] = {
        "pbx": "capped", "agents": ["1001"], "outbound_prefixes": ["13"], "trunk_port": passing_port(),
        "callback_attempts": 1, "outbound_daily_cap": 0, "queue_timeout_seconds": 90,
    }  # fmt: skip
    async with RunningHotline(brief=True, **settings) as hotline:
        assert (await hotline.command("schedule", "open", "--until", "+6h"))[0] == 0
        yield hotline


@asynccontextmanager
async def citizen(hotline: RunningHotline, number: str, **options: Any) -> AsyncIterator[Softphone]:
    """The provider's side of the trunk: rings for whatever number is dialled through it."""
    port = hotline.settings.trunk_port
    async with Softphone(number, hotline.sip_server, bind="127.0.0.9", port=port, tone=440, **options) as phone:
        yield phone


@asynccontextmanager
async def busy_agent(hotline: RunningHotline) -> AsyncIterator[tuple[Softphone, Softphone]]:
    """The only agent, in a talk that lasts until its caller hangs up; answers every call after 0.2 s."""
    async with hotline.phone("1001") as agent:
        agent.send("auto 0.2")
        async with dial("12333", hotline.sip_server, caller=new_caller()) as first:
            await agent.expect("answered")
            yield agent, first


async def ask_for_callback(hotline: RunningHotline, number: str, keys: tuple[str, ...] = ("1",)) -> None:
    """Ring, wait in the queue, press 5, then say what to do until the hotline says goodbye."""
    async with dial("12333", hotline.sip_server, caller=number) as caller:
        await caller.expect("answered")
        await asyncio.sleep(MENU_SECONDS)
        caller.send("digits 5")
        for key in keys[:-1]:
            await asyncio.sleep(TYPING_SECONDS)
            caller.send(f"digits {key}")
        await press_until_ended(caller, keys[-1])


async def press_until_ended(caller: Softphone, key: str) -> None:
    """A key that is pressed while a prompt plays is not taken: press it again."""
    for _ in range(25):
        caller.send(f"digits {key}")
        try:
            await caller.expect("ended", within=2)
            return
        except AssertionError:
            continue
    raise AssertionError(f"the hotline never ended the call: {caller.events}")


async def callback_of(hotline: RunningHotline, number: str, within: float = 15, **facts: Any) -> dict[str, Any]:
    """The newest callback to a number, once it has these facts."""
    deadline = time.monotonic() + within
    while True:
        items = (await hotline.api.get("/v1/callbacks")).json()["items"]
        found: list[dict[str, Any]] = [item for item in items if item["number"] == number]
        if found and facts.items() <= found[0].items():
            return found[0]
        assert time.monotonic() < deadline, f"{number}: {found} · {hotline.logs()}"
        await asyncio.sleep(0.1)


async def follow_ups_of(hotline: RunningHotline, number: str, within: float = 10, **facts: Any) -> dict[str, Any]:
    deadline = time.monotonic() + within
    while True:
        items = (await hotline.api.get("/v1/follow-ups", params={"limit": 1000})).json()["items"]
        found: list[dict[str, Any]] = [i for i in items if i["number"] == number and facts.items() <= i.items()]
        if found:
            return found[0]
        assert time.monotonic() < deadline, f"{number} {facts}: {items} · {hotline.logs()}"
        await asyncio.sleep(0.1)


async def received(hotline: RunningHotline) -> int:
    answer = await hotline.api.get("/v1/reports/traffic", params={"period": "day"})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["total"]["received"])


async def test_place_is_kept(busy_hotline: RunningHotline, tmp_path: Path) -> None:
    """He is rung before a later waiter gets the agent, is heard and hears, and the record says so."""
    hotline, asker, later_number = busy_hotline, new_caller(), new_caller()
    async with busy_agent(hotline) as (agent, first), citizen(hotline, asker) as mobile:
        await ask_for_callback(hotline, asker)
        row = await callback_of(hotline, asker, state="waiting")
        async with dial("12333", hotline.sip_server, caller=later_number) as later:
            await later.expect("answered")
            await asyncio.sleep(MENU_SECONDS)
            freed_at = time.time()
            first.send("hangup")
            rung = await mobile.expect("incoming", within=5)
            assert rung["at"] - freed_at < 2
            mobile.send("answer")
            await agent.expect("answered", within=20)
            await callback_of(hotline, asker, state="reached")
            await asyncio.sleep(3)
            mobile.send("hangup")
            await agent.expect("answered", within=20)
            await asyncio.sleep(1.5)
    ended = await callback_of(hotline, asker, state="done", agent="1001", attempts=1)
    tried = (await hotline.api.get(f"/v1/callbacks/{row['id']}")).json()["tried"]
    record = (await hotline.api.get(f"/v1/cdrs/{tried[0]['call_id']}")).json()
    assert (record["direction"], record["outcome"], record["marks"]) == ("outbound", "answered", ["callback"])
    assert (record["caller_number"], record["agent"], record["notice_played"]) == (asker, "1001", True)
    assert ("callback_call", str(ended["id"])) in [(e["kind"], e["detail"]) for e in record["timeline"]]
    await recorded(hotline, tried[0]["call_id"])
    record = (await hotline.api.get(f"/v1/cdrs/{tried[0]['call_id']}")).json()
    assert_talk_is_heard(await audio_of(hotline, record), record)
    after = await record_of(hotline, later_number)
    assert instant(record["answered_at"]) < instant(after["answered_at"])
    first_call = (await hotline.api.get(f"/v1/cdrs/{ended['call_id']}")).json()
    assert first_call["marks"] == ["callback", "callback_offered"]
    assert abs(instant(ended["place_at"]) - instant(first_call["queue_visits"][0]["entered_at"])) < 0.001
    await only_real_calls(hotline, {asker: 2, later_number: 1})


async def recorded(hotline: RunningHotline, call_id: str) -> None:
    for _ in range(200):
        record = (await hotline.api.get(f"/v1/cdrs/{call_id}")).json()
        if all(is_concluded(each) for each in record["recordings"]):
            return
        await asyncio.sleep(0.1)


async def only_real_calls(hotline: RunningHotline, expected: dict[str, int]) -> None:
    """What kept the place left no record, and a call back is no inbound call."""
    for number, count in expected.items():
        assert len(await calls_found(hotline, count, number=number)) == count
    everything = await calls_found(hotline, sum(expected.values()))
    assert all(item["caller_number"] for item in everything)
    inbound = [item for item in everything if item["direction"] == "inbound"]
    assert await received(hotline) == len(inbound) < len(everything)


async def test_busy_twice_is_a_follow_up(busy_hotline: RunningHotline) -> None:
    """Busy, then nobody answers: failed, and a person takes it up; an answered call closes the entry."""
    hotline, asker = busy_hotline, new_caller()
    async with busy_agent(hotline) as (agent, first), citizen(hotline, asker) as mobile:
        await ask_for_callback(hotline, asker)
        first.send("hangup")
        await mobile.expect("incoming", within=5)
        mobile.send("reject 486")
        await callback_of(hotline, asker, state="waiting", cause="busy", attempts=1)
        await mobile.expect("incoming", within=15)
        await callback_of(hotline, asker, within=45, state="failed", cause="no_answer", attempts=2)
        await mobile.expect("ended", within=5)
        entry = await follow_ups_of(hotline, asker, kind="callback_failed", state="open")
        async with dial("12333", hotline.sip_server, caller=asker) as again:
            await agent.expect("answered", within=20)
            await asyncio.sleep(1)
            again.send("hangup")
        closed = await follow_ups_of(hotline, asker, id=entry["id"], state="reached", closed_by="callcenter")
    reached = (await hotline.api.get(f"/v1/cdrs/{closed['reached_call_id']}")).json()
    assert (reached["caller_number"], reached["outcome"]) == (asker, "answered")


async def test_hours_end_and_another_number(busy_hotline: RunningHotline) -> None:
    """Another number is typed; nobody is rung while the hotline is closed; when it opens he is."""
    hotline, asker, wanted = busy_hotline, new_caller(), new_caller()
    async with busy_agent(hotline) as (agent, first), citizen(hotline, wanted) as mobile:
        await ask_for_callback(hotline, asker, ("2", f"{wanted}#", "1"))
        await callback_of(hotline, wanted, state="waiting")
        assert (await hotline.command("schedule", "close", "--until", "+2h"))[0] == 0
        first.send("hangup")
        await agent.expect("ended", within=10)
        await asyncio.sleep(6)
        assert not [e for e in mobile.events if e["event"] == "incoming"]
        assert (await hotline.command("schedule", "open", "--until", "+6h"))[0] == 0
        await mobile.expect("incoming", within=10)
        mobile.send("answer")
        await agent.expect("answered", within=20)
        mobile.send("hangup")
    await callback_of(hotline, wanted, state="done")


async def test_cancelled_is_not_rung(busy_hotline: RunningHotline) -> None:
    hotline, asker = busy_hotline, new_caller()
    async with busy_agent(hotline) as (agent, first), citizen(hotline, asker) as mobile:
        await ask_for_callback(hotline, asker)
        row = await callback_of(hotline, asker, state="waiting")
        answer = await hotline.api.post(f"/v1/callbacks/{row['id']}/cancel")
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
        again = await hotline.api.post(f"/v1/callbacks/{row['id']}/cancel")
        assert again.status_code == 422 and "cancelled" in again.json()["detail"]
        first.send("hangup")
        await agent.expect("ended", within=10)
        await asyncio.sleep(5)
        assert not [e for e in mobile.events if e["event"] == "incoming"]


async def test_listener_dies_while_it_rings(busy_hotline: RunningHotline) -> None:
    """`kill -9` in mid-dial: the phone that rings is not rung a second time, and the talk counts."""
    hotline, asker = busy_hotline, new_caller()
    async with busy_agent(hotline) as (agent, first), citizen(hotline, asker) as mobile:
        await ask_for_callback(hotline, asker)
        await callback_of(hotline, asker, state="waiting")
        first.send("hangup")
        await mobile.expect("incoming", within=5)
        await hotline.kill("listen")
        await asyncio.sleep(4)
        mobile.send("answer")
        await agent.expect("answered", within=25)
        await asyncio.sleep(1)
        mobile.send("hangup")
        await callback_of(hotline, asker, within=20, state="done", attempts=1)
        assert sum(e["event"] == "incoming" for e in mobile.events) == 1


async def test_claimed_but_never_dialled(busy_hotline: RunningHotline) -> None:
    """A listener that died between its claim and its call: the attempt does not count and is made."""
    hotline, asker = busy_hotline, new_caller()
    async with busy_agent(hotline) as (agent, first), citizen(hotline, asker) as mobile:
        await ask_for_callback(hotline, asker)
        row = await callback_of(hotline, asker, state="waiting")
        await as_if_claimed(hotline, row["id"])
        await callback_of(hotline, asker, state="waiting", cause="not_made", attempts=0)
        first.send("hangup")
        await mobile.expect("incoming", within=5)
        mobile.send("answer")
        await agent.expect("answered", within=20)
        mobile.send("hangup")
    await callback_of(hotline, asker, state="done", attempts=1)


async def as_if_claimed(hotline: RunningHotline, callback_id: int) -> None:
    engine = make_engine(addresses.database_url(hotline.settings))
    long_ago = datetime.now(UTC) - timedelta(minutes=2)
    claimed = {"state": "dialing", "attempts": 1, "uniqueid": f"callback-{callback_id}-1.0", "dialled_at": long_ago}
    async with engine.begin() as connection:
        await connection.execute(update(callbacks).where(callbacks.c.id == callback_id).values(claimed))
    await engine.dispose()


async def test_no_returns_to_his_place(busy_hotline: RunningHotline) -> None:
    """Who presses 5 and then wants no callback is served before those who came after him."""
    hotline, asker, later_number = busy_hotline, new_caller(), new_caller()
    async with (
        busy_agent(hotline) as (agent, first),
        dial("12333", hotline.sip_server, caller=asker) as caller,
        dial("12333", hotline.sip_server, caller=later_number),
    ):
        await asyncio.sleep(MENU_SECONDS + 2)
        caller.send("digits 5")
        for _ in range(14):
            await asyncio.sleep(1.5)
            caller.send("digits 3")
        first.send("hangup")
        await agent.expect("answered", within=20)
        caller.send("hangup")
        await agent.expect("answered", within=20)
    answered = [instant((await record_of(hotline, number))["answered_at"]) for number in (asker, later_number)]
    assert answered[0] < answered[1]
    kinds = [entry["kind"] for entry in (await record_of(hotline, asker))["timeline"]]
    assert "callback_declined" in kinds and "callback" not in kinds


async def test_outbound_rules_hold(capped_hotline: RunningHotline) -> None:
    """What the outbound check refuses never leaves Asterisk, and a person takes it up."""
    hotline, asker = capped_hotline, new_caller()
    async with busy_agent(hotline) as (_agent, first), citizen(hotline, asker) as mobile:
        await ask_for_callback(hotline, asker)
        first.send("hangup")
        row = await callback_of(hotline, asker, state="failed", cause="not_allowed")
        assert not [e for e in mobile.events if e["event"] == "incoming"]
    await follow_ups_of(hotline, asker, kind="callback_failed")
    tried = (await hotline.api.get(f"/v1/callbacks/{row['id']}")).json()["tried"]
    assert [each["cause"] for each in tried] == ["not_allowed"]
    everything = await calls_found(hotline, 2)
    assert {item["direction"] for item in everything} == {"inbound"} and len(everything) == 2


async def test_the_record_adds_up(busy_hotline: RunningHotline) -> None:
    """Runs last: Asterisk counted as many calls in all of the above as the journal tells of."""
    await record_adds_up(busy_hotline)
