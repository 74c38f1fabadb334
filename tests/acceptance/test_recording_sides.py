"""Both sides of a call carry audio, or people are told while it runs; what is legitimate raises nothing.

A side that stops sending is told when that is certain: 8 s of zeros in its file, whose blocks are 2.05 s, and no packet
within another second. `TOLD_WITHIN` is the worst case of it.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.acceptance.agents import agents_hotline, answering
from tests.acceptance.evidence import CALLER_HERTZ, new_caller, record_of
from tests.acceptance.hotline import RunningHotline
from tests.acceptance.phones import Softphone, dial
from tests.acceptance.pjsua import tone_file

HOTLINE = "12333"
TOLD_WITHIN = 13.0
OVER_WITHIN = 6.0
LEGITIMATE_SECONDS = 18.0
"""Longer than it takes to be told"""
KIND = "recording_one_sided"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sides() -> AsyncIterator[RunningHotline]:
    async with agents_hotline(menu=False, callback=False, agents=("1001", "1002", "1003", "1004")) as hotline:
        yield hotline


async def standing(hotline: RunningHotline) -> dict[str, Any] | None:
    """What the alert says, if it stands."""
    answer = await hotline.api.get("/v1/alerts")
    return next((alert for alert in answer.json()["items"] if alert["kind"] == KIND), None)


async def until(hotline: RunningHotline, stands: bool, within: float) -> tuple[float, dict[str, Any] | None]:
    """Seconds until the alert stands, or does not, and what it says."""
    began = time.monotonic()
    while bool(said := await standing(hotline)) is not stands:
        assert time.monotonic() - began < within, (stands, said, hotline.logs())
        await asyncio.sleep(0.1)
    return time.monotonic() - began, said


async def life_of(hotline: RunningHotline, record: dict[str, Any]) -> list[tuple[str, str]]:
    """The steps of the call's one recording, with their causes."""
    (recording,) = record["recordings"]
    answer = await hotline.api.get(f"/v1/recordings/{recording['id']}")
    assert answer.status_code == 200, answer.text
    return [(step["state"], step["cause"]) for step in answer.json()["life"]]


@pytest.mark.parametrize("side", ["caller", "agent"])
async def test_a_side_stops_and_comes_back(sides: RunningHotline, side: str) -> None:
    number = new_caller()
    async with answering(sides, "1001") as phone, dial(HOTLINE, sides.sip_server, caller=number) as caller:
        await phone.expect("answered", within=30)
        await asyncio.sleep(4)
        frozen = caller if side == "caller" else phone
        frozen.send("cut")
        took, said = await until(sides, stands=True, within=TOLD_WITHIN)
        assert said is not None and took > 8
        other = "agents" if side == "caller" else "callers"
        assert (said["facts"]["calls"], said["facts"][other]) == (1, "–")
        assert said["facts"][f"{side}s"] != "–"
        frozen.send("mend")
        took_back, _ = await until(sides, stands=False, within=OVER_WITHIN)
        print(f"{side} stopped: told after {took:.1f} s, over {took_back:.1f} s after it came back")
        caller.send("hangup")
        await phone.expect("ended")
    record = await record_of(sides, number)
    assert record["recordings"][0]["flags"] == ["one_sided"]
    life = await life_of(sides, record)
    stopped, back = f"no audio came from the {side} for 8 s", f"audio comes from the {side} again"
    assert [step for step in life if step[0] in {"one_sided", "both_sides"}] == [
        ("one_sided", stopped),
        ("both_sides", back),
    ]


async def test_over_when_the_call_ends(sides: RunningHotline) -> None:
    """The phone never came back."""
    number = new_caller()
    async with answering(sides, "1001") as phone, dial(HOTLINE, sides.sip_server, caller=number) as caller:
        await phone.expect("answered", within=30)
        await asyncio.sleep(4)
        phone.send("cut")
        await until(sides, stands=True, within=TOLD_WITHIN)
        caller.send("hangup")
        await caller.expect("ended")
        await until(sides, stands=False, within=OVER_WITHIN)
    assert "one_sided" in (await record_of(sides, number))["recordings"][0]["flags"]


async def test_what_is_legitimate(sides: RunningHotline, tmp_path: Path) -> None:
    """Hold without a packet from who holds, a muted phone, long pauses: four calls at once, no alarm, no mark."""
    pausing = tone_file(CALLER_HERTZ, on=1.0, off=11.0)
    stories = [
        story(sides, "agent holds", ["hold", "cut"], []),
        story(sides, "caller holds", [], ["hold", "cut"]),
        story(sides, "agent is muted", ["mute"], [], codec="PCMU"),
        story(sides, "caller pauses", [], [], codec="PCMU", say=pausing),
    ]
    try:
        alarmed, *flags = await asyncio.gather(watch_for_alarm(sides, LEGITIMATE_SECONDS + 8), *stories)
    finally:
        pausing.unlink()
    assert alarmed == []
    assert flags == [[], [], [], []]


async def watch_for_alarm(hotline: RunningHotline, seconds: float) -> list[dict[str, Any]]:
    """Every alarm of that time."""
    seen, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        if said := await standing(hotline):
            seen.append(said)
        await asyncio.sleep(0.25)
    return seen


_free = iter(("1001", "1002", "1003", "1004"))


async def story(
    hotline: RunningHotline, what: str, agent_does: list[str], caller_does: list[str], **options: Any
) -> list[str]:
    """A call in which both do something and stay with it; its recording's flags."""
    number = new_caller()
    codec = {"codec": options["codec"]} if "codec" in options else {}
    async with (
        answering(hotline, next(_free), **codec) as phone,
        dial(HOTLINE, hotline.sip_server, caller=number, **options) as caller,
    ):
        await caller.expect("answered", within=30)
        await asyncio.sleep(6)
        await act(phone, agent_does)
        await act(caller, caller_does)
        await asyncio.sleep(LEGITIMATE_SECONDS)
        caller.send("hangup")
        await caller.expect("ended")
    flags: list[str] = (await record_of(hotline, number, within=40))["recordings"][0]["flags"]
    print(what, flags)
    return flags


async def act(phone: Softphone, commands: list[str]) -> None:
    for command in commands:
        phone.send(command)
        await asyncio.sleep(0.5)


async def test_zeros_of_a_paused_recording(sides: RunningHotline) -> None:
    """Both files are zero, both phones send."""
    number = new_caller()
    async with answering(sides, "1001") as phone, dial(HOTLINE, sides.sip_server, caller=number) as caller:
        await phone.expect("answered", within=30)
        await asyncio.sleep(2)
        newest = await sides.api.get("/v1/recordings", params={"limit": 1})  # a call's number is stored at its end
        recording = newest.json()["items"][0]["id"]
        assert (await sides.api.post(f"/v1/recordings/{recording}/pause")).status_code == 200
        assert await watch_for_alarm(sides, LEGITIMATE_SECONDS) == []
        assert (await sides.api.post(f"/v1/recordings/{recording}/resume")).status_code == 200
        caller.send("hangup")
        await phone.expect("ended")
    assert (await record_of(sides, number))["recordings"][0]["flags"] == ["paused"]
