"""Transfers of each kind, hold, park, pickup and three-way from agents' phones: each call leaves one right record."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.acceptance.agents import THIRD_HERTZ, agents_hotline, answering, press, tone_seconds
from tests.acceptance.evidence import AGENT_HERTZ, CALLER_HERTZ, audio_of, new_caller, record_of, share_of
from tests.acceptance.hotline import RunningHotline
from tests.acceptance.phones import Softphone, dial

HOTLINE = "12333"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def phones() -> AsyncIterator[RunningHotline]:
    async with agents_hotline() as hotline:
        yield hotline


def near(seconds: float) -> Any:
    return pytest.approx(seconds, abs=1.2)


def talks(record: dict[str, Any]) -> dict[str, float]:
    """Agent → seconds of talk."""
    found: dict[str, float] = {}
    for leg in record["legs"]:
        if leg["agent"] and leg["talk_seconds"] > 0:
            found[leg["agent"]] = found.get(leg["agent"], 0) + leg["talk_seconds"]
    return found


async def test_hold_and_resume(phones: RunningHotline) -> None:
    number = new_caller()
    async with answering(phones, "1001") as agent, dial(HOTLINE, phones.sip_server, caller=number) as caller:
        await agent.expect("answered", within=30)
        await asyncio.sleep(2)
        agent.send("hold")
        await asyncio.sleep(3)
        agent.send("resume")
        await asyncio.sleep(2)
        caller.send("hangup")
        await agent.expect("ended")
    record = await record_of(phones, number)
    assert (record["outcome"], record["agent"], record["hung_up_by"]) == ("answered", "1001", "caller")
    assert (record["talk_seconds"], record["hold_seconds"]) == (near(4), near(3))
    assert tone_seconds((await audio_of(phones, record)).right, AGENT_HERTZ) == near(4)


async def test_blind_transfer(phones: RunningHotline) -> None:
    number = new_caller()
    async with answering(phones, "1001") as first, dial(HOTLINE, phones.sip_server, caller=number) as caller:
        await first.expect("answered", within=30)
        async with answering(phones, "1002", tone=THIRD_HERTZ) as second:
            await asyncio.sleep(2)
            first.transfer("1002")
            await second.expect("answered")
            await asyncio.sleep(3)
            caller.send("hangup")
            await second.expect("ended")
    record = await record_of(phones, number)
    assert (record["outcome"], record["agent"], record["hung_up_by"]) == ("answered", "1001", "caller")
    assert talks(record) == {"1001": near(2), "1002": near(3)}
    audio = await audio_of(phones, record)
    assert tone_seconds(audio.right, AGENT_HERTZ) == near(2)
    assert tone_seconds(audio.right, THIRD_HERTZ) == near(3)


async def test_attended_transfer(phones: RunningHotline) -> None:
    number = new_caller()
    async with answering(phones, "1001") as first, dial(HOTLINE, phones.sip_server, caller=number) as caller:
        await first.expect("answered", within=30)
        async with answering(phones, "1002", tone=THIRD_HERTZ) as second:
            await asyncio.sleep(2)
            first.consult("1002")
            await second.expect("answered")
            await asyncio.sleep(2)
            first.send("complete")
            await first.expect("ended")
            await asyncio.sleep(3)
            second.send("hangup")
            await caller.expect("ended")
    record = await record_of(phones, number)
    assert (record["outcome"], record["agent"], record["hung_up_by"]) == ("answered", "1001", "agent")
    assert talks(record) == {"1001": near(2), "1002": near(3)}
    assert tone_seconds((await audio_of(phones, record)).right, THIRD_HERTZ) == near(3)


async def test_consult_and_cancel(phones: RunningHotline) -> None:
    """The colleague is asked, hangs up, and the first agent goes on."""
    number = new_caller()
    async with answering(phones, "1001") as first, dial(HOTLINE, phones.sip_server, caller=number) as caller:
        await first.expect("answered", within=30)
        async with answering(phones, "1002", tone=THIRD_HERTZ) as second:
            await asyncio.sleep(1)
            first.consult("1002")
            await second.expect("answered")
            await asyncio.sleep(2)
            second.send("hangup")
            await first.expect("ended", call=2)
            first.send("resume #1")
            await asyncio.sleep(2)
            caller.send("hangup")
            await first.expect("ended", call=1)
    record = await record_of(phones, number)
    assert talks(record) == {"1001": near(3)}
    assert record["hold_seconds"] == near(2.5)
    assert tone_seconds((await audio_of(phones, record)).right, THIRD_HERTZ) == 0


async def test_three_way_in_the_phone(phones: RunningHotline) -> None:
    number = new_caller()
    async with answering(phones, "1001") as first, dial(HOTLINE, phones.sip_server, caller=number) as caller:
        await first.expect("answered", within=30)
        async with answering(phones, "1002", tone=THIRD_HERTZ) as second:
            first.consult("1002")
            await second.expect("answered")
            first.send("resume #1")
            await asyncio.sleep(1)
            first.send("conference #2")
            await first.expect("conference")
            await asyncio.sleep(3)
            caller.send("hangup")
            await first.expect("ended", call=1)
    record = await record_of(phones, number)
    assert (record["outcome"], record["agent"]) == ("answered", "1001")
    right = (await audio_of(phones, record)).part("right", -4, -1)
    assert share_of(right, AGENT_HERTZ) > 0.2 and share_of(right, THIRD_HERTZ) > 0.2


async def test_three_way_by_code(phones: RunningHotline) -> None:
    """*2, the colleague's number, and *3 when he has answered; then the agent leaves, and the two go on."""
    number = new_caller()
    async with answering(phones, "1001") as first, dial(HOTLINE, phones.sip_server, caller=number) as caller:
        await first.expect("answered", within=30)
        async with answering(phones, "1002", tone=THIRD_HERTZ) as second:
            await asyncio.sleep(1)
            await press(first, "*2")
            await asyncio.sleep(1)
            await press(first, "1002")
            await second.expect("answered")
            await asyncio.sleep(1)
            await press(first, "*3")
            await asyncio.sleep(3)
            first.send("hangup")
            await first.expect("ended")
            await asyncio.sleep(3)
            caller.send("hangup")
            await second.expect("ended")
    record = await record_of(phones, number)
    assert (record["outcome"], record["agent"], record["hung_up_by"]) == ("answered", "1001", "caller")
    assert set(talks(record)) == {"1001", "1002"}
    assert talks(record)["1002"] == near(7)
    right = (await audio_of(phones, record)).right
    assert tone_seconds(right, THIRD_HERTZ) == near(3)
    together = right[-6 * 8000 : -4 * 8000]
    assert share_of(together, AGENT_HERTZ) > 0.2 and share_of(together, THIRD_HERTZ) > 0.2


async def park(phone: Softphone) -> None:
    """A blind transfer to 700; the phone hangs up when it is told that it went well."""
    phone.transfer("700")
    await phone.expect("transferred", code=200, final=True)
    phone.send("hangup #1")
    await phone.expect("ended", call=1)


async def test_park_and_fetch(phones: RunningHotline) -> None:
    number = new_caller()
    async with answering(phones, "1001") as first, dial(HOTLINE, phones.sip_server, caller=number) as caller:
        await first.expect("answered", within=30)
        async with answering(phones, "1002", tone=THIRD_HERTZ) as second:
            await asyncio.sleep(2)
            await park(first)
            await asyncio.sleep(2)
            second.dial("701")
            await second.expect("answered")
            await asyncio.sleep(3)
            caller.send("hangup")
            await second.expect("ended")
    record = await record_of(phones, number)
    assert (record["outcome"], record["agent"]) == ("answered", "1001")
    assert talks(record) == {"1001": near(2), "1002": near(3)}
    assert {"parked", "unparked"} <= {entry["kind"] for entry in record["timeline"]}
    assert tone_seconds((await audio_of(phones, record)).right, THIRD_HERTZ) == near(3)


async def test_parked_too_long_comes_back(phones: RunningHotline) -> None:
    number = new_caller()
    async with answering(phones, "1001") as first, dial(HOTLINE, phones.sip_server, caller=number) as caller:
        await first.expect("answered", within=30)
        await asyncio.sleep(1)
        await park(first)
        await first.expect("answered", within=15)
        await asyncio.sleep(2)
        caller.send("hangup")
        await first.expect("ended")
    record = await record_of(phones, number)
    assert talks(record) == {"1001": near(3)}
    assert "park_timeout" in {entry["kind"] for entry in record["timeline"]}


async def test_pickup(phones: RunningHotline) -> None:
    """The call rings at 1001 and nobody is there; 1002 takes it."""
    number = new_caller()
    async with phones.phone("1001") as absent, dial(HOTLINE, phones.sip_server, caller=number) as caller:
        await absent.expect("incoming", within=30)
        async with phones.phone("1010", tone=THIRD_HERTZ) as other:
            other.dial("*81001")
            await other.expect("answered")
            await asyncio.sleep(3)
            caller.send("hangup")
            await other.expect("ended")
    record = await record_of(phones, number)
    assert (record["outcome"], record["agent"]) == ("answered", "1010")
    assert talks(record) == {"1010": near(3)}
    assert tone_seconds((await audio_of(phones, record)).right, THIRD_HERTZ) == near(3)


async def test_the_callers_digits_do_nothing(phones: RunningHotline) -> None:
    number = new_caller()
    async with answering(phones, "1001") as agent, dial(HOTLINE, phones.sip_server, caller=number) as caller:
        await agent.expect("answered", within=30)
        for digits in ("*2", "1002#", "*15", "*16"):
            await press(caller, digits)
        await asyncio.sleep(2)
        caller.send("hangup")
        await agent.expect("ended")
    record = await record_of(phones, number)
    assert talks(record).keys() == {"1001"}
    assert record["marks"] == []
    audio = await audio_of(phones, record)
    assert tone_seconds(audio.right, AGENT_HERTZ) == near(record["talk_seconds"])
    assert tone_seconds(audio.left, CALLER_HERTZ) > 0
