"""The hotline's queue: position told, overflow of each kind, the agent of last time, the block list."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio

from tests.acceptance.agents import answering
from tests.acceptance.evidence import Audio, audio_of, calls_found, new_caller, record_of
from tests.acceptance.hearing import heard_in_order, not_heard
from tests.acceptance.hotline import RunningHotline
from tests.acceptance.phones import Softphone, dial
from tests.acceptance.schedules import keep_open

pytestmark = pytest.mark.asyncio(loop_scope="module")

OVERFLOW_SECONDS = 8
FIRST, SECOND = "1001", "1002"
"""One agent of the first line, one of the second."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two_lines() -> AsyncIterator[RunningHotline]:
    settings: dict[str, Any] = {
        "agents": [FIRST, SECOND], "overflow_agents": [SECOND], "overflow_after_seconds": OVERFLOW_SECONDS,
        "overflow_ratio": 2, "queue_timeout_seconds": 40, "return_to_last_agent": True,
    }  # fmt: skip
    async with RunningHotline(**settings) as hotline:
        await keep_open(hotline)
        yield hotline


@asynccontextmanager
async def caller(hotline: RunningHotline, number: str) -> AsyncIterator[Softphone]:
    async with dial("12333", hotline.sip_server, caller=number) as phone:
        await phone.expect("answered")
        yield phone


@asynccontextmanager
async def first_line_busy(hotline: RunningHotline) -> AsyncIterator[Softphone]:
    """The first line's only agent in a talk; yields the caller who keeps him there."""
    async with answering(hotline, FIRST) as phone, caller(hotline, new_caller()) as keeper:
        await phone.expect("answered")
        yield keeper


async def hang_up(phone: Softphone) -> None:
    phone.send("hangup")
    await phone.expect("ended")


async def heard_by(hotline: RunningHotline, number: str) -> tuple[dict[str, Any], Audio]:
    record = await record_of(hotline, number)
    return record, await audio_of(hotline, record)


async def test_long_wait_is_offered_to_the_second_line(two_lines: RunningHotline) -> None:
    """Not before the time set for it, and he keeps his place meanwhile."""
    number = new_caller()
    async with answering(two_lines, SECOND) as second, first_line_busy(two_lines), caller(two_lines, number) as waits:
        await second.expect("answered", within=OVERFLOW_SECONDS + 12)
        await asyncio.sleep(1)
        await hang_up(waits)
    record = await record_of(two_lines, number)
    assert (record["outcome"], record["agent"], record["marks"]) == ("answered", SECOND, ["overflow"])
    assert ("overflow", "wait") in [(e["kind"], e["detail"]) for e in record["timeline"]]
    assert OVERFLOW_SECONDS <= record["wait_seconds"] < OVERFLOW_SECONDS + 4


async def test_many_waiters_send_new_callers_to_the_second_line(two_lines: RunningHotline) -> None:
    """Three wait for one agent, which is more than two: the next caller goes to a free agent of the second line."""
    numbers = [new_caller() for _ in range(4)]
    async with AsyncExitStack() as calls, second_line_there(two_lines) as second:
        await calls.enter_async_context(first_line_busy(two_lines))
        waiting = [await calls.enter_async_context(caller(two_lines, number)) for number in numbers[:3]]
        await asyncio.sleep(4)
        second.send("auto 0.2")
        newest = await calls.enter_async_context(caller(two_lines, numbers[3]))
        await second.expect("answered", within=8)
        for phone in (newest, *waiting):
            await hang_up(phone)
    record = await record_of(two_lines, numbers[3])
    assert (record["outcome"], record["agent"], record["marks"]) == ("answered", SECOND, ["overflow"])
    assert ("overflow", "ratio") in [(e["kind"], e["detail"]) for e in record["timeline"]]
    assert record["queue_visits"][0]["queue"] == "hotline-overflow" and record["wait_seconds"] < 3


@asynccontextmanager
async def second_line_there(hotline: RunningHotline) -> AsyncIterator[Softphone]:
    """The second line's phone, there but not answering until it is told to."""
    async with hotline.phone(SECOND) as phone:
        yield phone


async def test_nobody_of_the_first_line_is_there(two_lines: RunningHotline) -> None:
    number = new_caller()
    async with answering(two_lines, SECOND) as second, caller(two_lines, number) as waits:
        await second.expect("answered", within=12)
        await asyncio.sleep(1)
        await hang_up(waits)
    record = await record_of(two_lines, number)
    assert (record["outcome"], record["agent"], record["marks"]) == ("answered", SECOND, ["overflow"])
    assert ("overflow", "nobody") in [(e["kind"], e["detail"]) for e in record["timeline"]]
    assert record["wait_seconds"] < 3


async def test_nobody_is_there_at_all(two_lines: RunningHotline) -> None:
    """He is told so at once; a queue without agents keeps nobody."""
    number = new_caller()
    async with caller(two_lines, number) as waits:
        await waits.expect("ended", within=25)
    record, audio = await heard_by(two_lines, number)
    assert (record["outcome"], record["hung_up_by"]) == ("no_agent", "system")
    heard_in_order(two_lines, audio, "hotline-notice", "hotline-no-agent", "call-again")


async def test_position_is_told_and_patience_ends(two_lines: RunningHotline) -> None:
    """The second in line hears which place is his, and whoever waited in vain is told."""
    numbers = [new_caller(), new_caller()]
    async with first_line_busy(two_lines) as keeper:
        async with caller(two_lines, numbers[0]) as first:
            await asyncio.sleep(1)
            async with caller(two_lines, numbers[1]) as second:
                await second.expect("ended", within=70)
            await first.expect("ended", within=5)
        await hang_up(keeper)
    record, audio = await heard_by(two_lines, numbers[1])
    assert (record["outcome"], record["queue_visits"][0]["position"]) == ("timed_out", 2)
    heard_in_order(two_lines, audio, "queue-thereare", "digits/2", "queue-callswaiting", "hotline-timeout")
    record, audio = await heard_by(two_lines, numbers[0])
    assert record["outcome"] == "timed_out"
    not_heard(two_lines, audio, "queue-thereare")


async def test_agent_of_last_time_is_rung_first(two_lines: RunningHotline) -> None:
    """Twice the first line's agent was free as well; the one who knows the case was rung."""
    number = new_caller()
    async with answering(two_lines, SECOND) as second, caller(two_lines, number) as citizen:
        await second.expect("answered", within=12)
        await asyncio.sleep(1)
        await hang_up(citizen)
    await record_of(two_lines, number)
    async with answering(two_lines, FIRST) as first, answering(two_lines, SECOND) as second:
        await remembered(two_lines)
        async with caller(two_lines, number) as citizen:
            await second.expect("answered", within=12)
            await asyncio.sleep(1)
            await hang_up(citizen)
        assert not [e for e in first.events if e["event"] == "incoming"]
    newest = (await calls_found(two_lines, 2, number=number))[0]
    record = (await two_lines.api.get(f"/v1/cdrs/{newest['id']}")).json()
    assert (record["outcome"], record["agent"]) == ("answered", SECOND)
    assert ("last_agent", SECOND) in [(e["kind"], e["detail"]) for e in record["timeline"]]


async def remembered(hotline: RunningHotline) -> None:
    """The control loop pushes who served whom within its half minute; a change that it hears of makes it look now."""
    await keep_open(hotline)
    await asyncio.sleep(1)


async def test_blocked_number_is_refused_on_the_hotline_alone(two_lines: RunningHotline) -> None:
    number = new_caller()
    code, said = await two_lines.command("blocked", "add", number, "--until", "+1h", "--reason", "骚扰")
    assert code == 0, said
    await asyncio.sleep(1)
    async with dial("12333", two_lines.sip_server, caller=number) as phone:
        assert (await phone.expect("ended"))["code"] == 403
    record = await record_of(two_lines, number)
    assert (record["outcome"], record["marks"], record["recordings"]) == ("blocked", ["blocked"], [])
    async with dial("12334", two_lines.sip_server, caller=number) as phone:
        await phone.expect("answered")
    assert (await two_lines.command("blocked", "remove", number))[0] == 0
    await asyncio.sleep(1)
    async with caller(two_lines, number) as phone:
        await phone.expect("ended", within=25)
    outcomes = [call["outcome"] for call in await calls_found(two_lines, 3, number=number)]
    assert outcomes == ["no_agent", "invalid", "blocked"]
