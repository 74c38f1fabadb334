"""A listener that knows its PBX by AMI alone writes the records that Asterisk's files give, and says what it missed."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio

from tests.acceptance.agents import agents_hotline, answering
from tests.acceptance.evidence import new_caller, record_of
from tests.acceptance.hotline import RunningHotline
from tests.acceptance.observer import AmiObserver, differences, largest
from tests.acceptance.phones import Softphone, dial
from tests.acceptance.relay import Relay
from tests.acceptance.test_calls import schedule
from tests.acceptance.test_hotline_hours import said

HOTLINE, EMERGENCY = "12333", "12334"
BOTH = {
    "cel_over_ami": True, "ring_seconds": 3, "queue_timeout_seconds": 12, "voicemail": True, "outbound_prefixes": ["1"],
    "emergency_step_seconds": 5,
}  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def watched() -> AsyncIterator[tuple[RunningHotline, AmiObserver, Relay]]:
    """A hotline, and an observer whose link can be cut."""
    async with AsyncExitStack() as stack:
        hotline = await stack.enter_async_context(agents_hotline(**BOTH))
        relay = await stack.enter_async_context(Relay(hotline.settings.ami_port))
        observer = await stack.enter_async_context(AmiObserver(hotline, ami_port=relay.port))
        yield hotline, observer, relay


Watched = tuple[RunningHotline, AmiObserver, Relay]


async def compared(hotline: RunningHotline, observer: AmiObserver, numbers: dict[str, str]) -> dict[str, Any]:
    """The journal's record of each caller, after AMI's was found to be the same; prints how near they are."""
    told: dict[str, Any] = {}
    faults: list[str] = []
    for story, number in numbers.items():
        told[story] = await record_of(hotline, number)
        found = await observer.differences(told[story])
        seen = await observer.record_of(number)
        print(f"{story:28} {told[story]['outcome']:20} {largest(told[story], seen):9.6f} s  {len(found)} differences")
        faults += [f"{story}: {difference}" for difference in found]
    assert faults == [], "\n".join(faults)
    return told


async def test_calls_that_reach_nobody(watched: Watched) -> None:
    """A message after hours; then nobody logged in, the notice not heard out, a number that is not ours."""
    hotline, observer, _ = watched
    stories = ("message after hours", "nobody logged in", "left during the notice", "not our number")
    numbers = {story: new_caller() for story in stories}
    server = hotline.sip_server
    await schedule(hotline, "close")
    async with dial(HOTLINE, server, caller=numbers["message after hours"]) as late:
        await said(hotline, numbers["message after hours"], "voicemail_begins", late)
        await asyncio.sleep(3)
        late.send("hangup")
        await late.expect("ended")
    await schedule(hotline, "open")
    async with (
        dial(HOTLINE, server, caller=numbers["nobody logged in"]) as alone,
        dial(HOTLINE, server, caller=numbers["left during the notice"]) as hasty,
        dial("99999", server, caller=numbers["not our number"]) as wrong,
    ):
        await hasty.expect("answered")
        hasty.send("hangup")
        await wrong.expect("ended")
        await said(hotline, numbers["nobody logged in"], "hotline;JOINEMPTY", alone)
        alone.send("hangup")
        await alone.expect("ended")
    told = await compared(hotline, observer, numbers)
    assert [record["outcome"] for record in told.values()] == ["closed", "no_agent", "invalid", "blocked"]


async def test_callers_who_give_up(watched: Watched) -> None:
    """One phone that nobody answers: who waits behind the ringing one, who presses the callback's key, who stays."""
    hotline, observer, _ = watched
    stories = ("gives up while it rings", "gives up in the queue", "leaves by a key", "times out")
    numbers = {story: new_caller() for story in stories}
    async with hotline.phone("1001") as phone, AsyncExitStack() as stack:
        rings, queued, key, stays = [
            await stack.enter_async_context(dial(HOTLINE, hotline.sip_server, caller=n)) for n in numbers.values()
        ]
        for number, caller in zip(numbers.values(), (rings, queued, key, stays), strict=True):
            await said(hotline, number, "APP_START", caller)
        await phone.expect("incoming", within=30)
        for caller in (rings, queued):
            caller.send("hangup")
            await caller.expect("ended")
        key.send("digits 5")
        await said(hotline, numbers["leaves by a key"], "callback_offered", key)
        key.send("hangup")
        await said(hotline, numbers["times out"], "hotline;TIMEOUT", stays)
        stays.send("hangup")
        await stays.expect("ended")
    told = await compared(hotline, observer, numbers)
    outcomes = {story: record["outcome"] for story, record in told.items()}
    assert outcomes["times out"] == "timed_out" and "abandoned_ringing" in outcomes.values(), outcomes
    assert any(visit["unanswered"] for record in told.values() for visit in record["queue_visits"]), told


async def test_calls_that_are_answered(watched: Watched) -> None:
    """Rung in vain, rejected, answered, held, transferred blindly; then a transfer with announcement; an emergency."""
    hotline, observer, _ = watched
    numbers = {story: new_caller() for story in ("passed on blindly", "passed on with words", "emergency")}
    async with hotline.phone("1001"), hotline.phone("1002") as rejects, answering(hotline, "1003") as third:
        rejecting = asyncio.create_task(_reject(rejects))
        async with dial(HOTLINE, hotline.sip_server, caller=numbers["passed on blindly"]) as caller:
            await third.expect("answered", within=40)
            third.send("hold")
            await asyncio.sleep(1)
            third.send("resume")
            await asyncio.sleep(1)
            async with answering(hotline, "1004") as fourth:
                third.transfer("1004")
                await fourth.expect("answered")
                await asyncio.sleep(1)
                fourth.send("hangup")
                await caller.expect("ended")
        rejecting.cancel()
    async with (
        answering(hotline, "1003") as third,
        dial(HOTLINE, hotline.sip_server, caller=numbers["passed on with words"]) as caller,
    ):
        await third.expect("answered", within=40)
        async with answering(hotline, "1004") as fourth:
            third.consult("1004")
            await fourth.expect("answered")
            await asyncio.sleep(1)
            third.send("complete")
            await asyncio.sleep(2)
            caller.send("hangup")
            await fourth.expect("ended")
    async with (
        answering(hotline, "1003") as third,
        dial(EMERGENCY, hotline.sip_server, caller=numbers["emergency"]) as caller,
    ):
        await third.expect("answered", within=40)
        await asyncio.sleep(1)
        caller.send("hangup")
        await caller.expect("ended")
    told = await compared(hotline, observer, numbers)
    assert {record["outcome"] for record in told.values()} == {"answered"}
    assert told["emergency"]["line"] == "emergency"
    assert told["passed on blindly"]["hold_seconds"] > 0


async def _reject(phone: Softphone) -> None:
    while True:
        await phone.expect("incoming", within=60)
        phone.send("reject")


async def test_what_happens_while_the_link_is_down(watched: Watched) -> None:
    """One call ends unseen, one goes on, one begins unseen: none stays open, and each says what was not seen."""
    hotline, observer, relay = watched
    ended, lasting, late = new_caller(), new_caller(), new_caller()
    server = hotline.sip_server
    async with answering(hotline, "1003") as third, answering(hotline, "1004") as fourth, AsyncExitStack() as stack:
        leaves = await stack.enter_async_context(dial(HOTLINE, server, caller=ended))
        stays = await stack.enter_async_context(dial(HOTLINE, server, caller=lasting))
        await third.expect("answered", within=30)
        await fourth.expect("answered", within=30)
        await asyncio.sleep(2)
        relay.cut()
        assert "blind" in await observer.part_is("ami_journal", ok=False)
        await asyncio.sleep(2)
        leaves.send("hangup")
        await leaves.expect("ended")
        begins = await stack.enter_async_context(dial(HOTLINE, server, caller=late))
        await begins.expect("answered")
        await asyncio.sleep(1)
        relay.mend()
        await observer.part_is("ami_journal", ok=True)
        gone = await observer.record_of(ended)
        await asyncio.sleep(3)
        for caller in (stays, begins):
            caller.send("hangup")
            await caller.expect("ended")
    told, went_on = await record_of(hotline, ended), await observer.record_of(lasting)
    assert (gone["outcome"], gone["evidence"], gone["hung_up_by"]) == ("answered", "blind_interval", None)
    assert "blind_interval" in gone["anomalies"]
    assert told["talk_seconds"] - 5 < gone["talk_seconds"] < told["talk_seconds"]
    whole = await record_of(hotline, lasting)
    assert "blind_interval" in went_on["anomalies"] and went_on["evidence"] == "channel_ends"
    assert [d for d in differences(whole, went_on) if not d.startswith(("anomalies", "timeline"))] == []
    began = await observer.record_of(late)
    assert "start_missing" in began["anomalies"], began
    assert len(await observer.records_of(late)) == 1


async def test_our_own_absence_is_a_blind_interval(watched: Watched) -> None:
    """kill -9 of the listener; the call ends while it is away; the next start closes it."""
    hotline, observer, _ = watched
    number = new_caller()
    async with answering(hotline, "1003") as agent, dial(HOTLINE, hotline.sip_server, caller=number) as caller:
        await agent.expect("answered", within=30)
        await asyncio.sleep(2)
        await observer.stop(signal.SIGKILL)
        caller.send("hangup")
        await caller.expect("ended")
    await observer.start()
    record = await observer.record_of(number)
    assert (record["outcome"], record["evidence"], record["hung_up_by"]) == ("answered", "blind_interval", None)
    assert record["talk_seconds"] == pytest.approx((await record_of(hotline, number))["talk_seconds"], abs=3)
