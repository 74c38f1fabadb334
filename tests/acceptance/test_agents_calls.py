"""Transfers of each kind, hold, park, pickup and three-way from agents' phones: each call leaves one right record."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from callcenter.local import places
from tests.acceptance.agents import THIRD_HERTZ, agents_hotline, answering, press, samples_heard, tone_seconds
from tests.acceptance.evidence import (
    AGENT_HERTZ,
    CALLER_HERTZ,
    RATE,
    audio_of,
    has_tone,
    new_caller,
    record_adds_up,
    record_of,
    share_of,
)
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


async def test_three_way_by_code(phones: RunningHotline, tmp_path: Path) -> None:
    """*3 and the colleague's number: all hear each other; then the agent leaves, and the two go on."""
    number = new_caller()
    ears = {who: tmp_path / who for who in ("caller", "first", "second")}
    for folder in ears.values():
        folder.mkdir()
    async with (
        answering(phones, "1001", record=ears["first"]) as first,
        dial(HOTLINE, phones.sip_server, caller=number, record=ears["caller"]) as caller,
    ):
        await first.expect("answered", within=30)
        async with answering(phones, "1002", tone=THIRD_HERTZ, record=ears["second"]) as second:
            await asyncio.sleep(1)
            await press(first, "*3")
            await asyncio.sleep(1)
            await press(first, "1002#")
            await second.expect("answered")
            await asyncio.sleep(4)
            first.send("hangup")
            await first.expect("ended")
            await asyncio.sleep(3)
            caller.send("hangup")
            await second.expect("ended")
    record = await record_of(phones, number)
    assert (record["outcome"], record["agent"], record["hung_up_by"]) == ("answered", "1001", "caller")
    assert record["marks"] == ["conference"] and set(talks(record)) == {"1001", "1002"}
    assert talks(record)["1002"] == near(7)
    right = (await audio_of(phones, record)).right
    assert tone_seconds(right, THIRD_HERTZ) == near(3)
    assert "Agent and caller in a conference" in (places.log_dir(phones.settings) / "listen.log").read_text()
    together = {who: last_seconds(ears[who], 6, 4) for who in ("caller", "second")}
    together["first"] = last_seconds(ears["first"], 3, 1)
    others = {"caller": (AGENT_HERTZ, THIRD_HERTZ), "first": (CALLER_HERTZ, THIRD_HERTZ)}
    others["second"] = (CALLER_HERTZ, AGENT_HERTZ)
    for who, tones in others.items():
        assert all(share_of(together[who], hertz) > 0.2 for hertz in tones), who
    assert has_tone(last_seconds(ears["caller"], 2, 1), THIRD_HERTZ)
    assert has_tone(last_seconds(ears["second"], 2, 1), CALLER_HERTZ)


async def test_third_party_who_is_nobody(phones: RunningHotline) -> None:
    """A number that may not be dialled: the agent is told, the call goes on."""
    number = new_caller()
    async with answering(phones, "1001") as agent, dial(HOTLINE, phones.sip_server, caller=number) as caller:
        await agent.expect("answered", within=30)
        await press(agent, "*3")
        await asyncio.sleep(1)
        await press(agent, "13800138000#")
        await asyncio.sleep(4)
        caller.send("hangup")
        await agent.expect("ended")
    record = await record_of(phones, number)
    assert (record["outcome"], record["marks"], record["agent"]) == ("answered", [], "1001")
    assert has_tone((await audio_of(phones, record)).part("right", -2, -1), AGENT_HERTZ)


async def test_caller_hears_music_on_hold_and_ringing_after_a_transfer(phones: RunningHotline, tmp_path: Path) -> None:
    """His own ears, not the recording's: that has it even when nothing was sent to him (docs/decisions/0014)."""
    number = new_caller()
    async with (
        answering(phones, "1001") as agent,
        dial(HOTLINE, phones.sip_server, caller=number, record=tmp_path) as caller,
    ):
        await agent.expect("answered", within=30)
        await asyncio.sleep(2)
        agent.send("hold")
        await asyncio.sleep(4)
        music = samples_heard(tmp_path)[-2 * RATE :]
        agent.send("resume")
        await asyncio.sleep(1)
        async with phones.phone("1002"):
            agent.send("manual")
            agent.transfer("1002")
            await asyncio.sleep(3.5)
            ringing = samples_heard(tmp_path)[-3 * RATE :]
            await asyncio.sleep(6)
            queue = samples_heard(tmp_path)[-2 * RATE :]
        caller.send("hangup")
    assert (loudness(music), loudness(ringing), loudness(queue)) == (AnyAbove(300), AnyAbove(100), AnyAbove(300))


class AnyAbove(float):
    """Equal to whatever is more."""

    __hash__ = float.__hash__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int | float) and float(other) > float(self)


def loudness(samples: list[int]) -> float:
    """Root mean square, out of 32767."""
    return (sum(s * s for s in samples) / max(1, len(samples))) ** 0.5


def last_seconds(folder: Path, begin: float, end: float) -> list[int]:
    """What a phone heard from `begin` to `end` seconds before its call ended."""
    samples = samples_heard(folder)
    return samples[len(samples) - int(begin * RATE) : len(samples) - int(end * RATE)]


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


async def test_the_record_adds_up(phones: RunningHotline) -> None:
    """Runs last: Asterisk counted as many calls in all of the above as the journal tells of."""
    await record_adds_up(phones)
