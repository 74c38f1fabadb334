"""A recording is paused, and our listener dies: the next one knows, and ends the pause at its limit."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from callcenter.local import addresses, places
from callcenter.recordings.pauses import Pause, pauses_of
from callcenter.recordings.tables import recordings
from callcenter.storage.engine import make_engine
from tests.acceptance.agents import agents_hotline, answering, silent_seconds, tone_seconds
from tests.acceptance.evidence import AGENT_HERTZ, CALLER_HERTZ, audio_of, new_caller, record_of
from tests.acceptance.hotline import RunningHotline
from tests.acceptance.phones import dial

HOTLINE = "12333"
LIMIT = 20
"""Longer than our listener takes to be there again on a busy machine"""
STARTS_WITHIN = 30
"""Our listener, after the supervisor's delay, which grows with each death"""
EDGE = 0.5


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def paused() -> AsyncIterator[RunningHotline]:
    async with agents_hotline(menu=False, callback=False, recording_pause_seconds=LIMIT) as hotline:
        yield hotline


async def newest_recording(hotline: RunningHotline) -> str:
    """Of the call that is up."""
    newest = await hotline.api.get("/v1/recordings", params={"limit": 1})
    return str(newest.json()["items"][0]["id"])


async def row_of(hotline: RunningHotline, recording: str) -> Any:
    engine = make_engine(addresses.database_url(hotline.settings))
    try:
        async with engine.connect() as connection:
            return (await connection.execute(select(recordings).where(recordings.c.id == recording))).one()
    finally:
        await engine.dispose()


async def resumed(hotline: RunningHotline, recording: str, within: float) -> None:
    """Until its life says that it goes on."""
    deadline = time.monotonic() + within
    while "resumed" not in {step["state"] for step in (await row_of(hotline, recording)).life}:
        assert time.monotonic() < deadline, hotline.logs()
        await asyncio.sleep(0.2)


async def die(hotline: RunningHotline) -> None:
    """Killed within the 0.2 s that a step of a life waits to be stored."""
    await hotline.kill("listen")


async def hang_and_die(hotline: RunningHotline) -> None:
    """It is away for longer than the limit."""
    listener = hotline.process("listen")
    os.kill(listener.pid, signal.SIGSTOP)
    await asyncio.sleep(LIMIT + 3)
    await hotline.kill("listen")


async def test_hung_up_while_paused(paused: RunningHotline) -> None:
    """The pause lasts until the end, and nobody tries to end it later."""
    number = new_caller()
    async with answering(paused, "1001") as phone, dial(HOTLINE, paused.sip_server, caller=number) as caller:
        await phone.expect("answered", within=30)
        await asyncio.sleep(3)
        recording = await newest_recording(paused)
        assert (await paused.api.post(f"/v1/recordings/{recording}/pause")).status_code == 200
        await asyncio.sleep(2)
        caller.send("hangup")
        await phone.expect("ended")
    assert (await record_of(paused, number))["recordings"][0]["flags"] == ["paused"]
    row = await row_of(paused, recording)
    (pause,) = pauses_of(row.life, row.started_at, row.seconds)
    assert pause.end == row.seconds
    await asyncio.sleep(LIMIT)
    said = (places.log_dir(paused.settings) / "listen.log").read_text()
    assert "Pauses and wrap-ups not looked at" not in said


async def test_resumed_by_api_after_a_restart(paused: RunningHotline) -> None:
    """The new listener knows which channel it is, and the limit does not end it again."""
    number = new_caller()
    async with answering(paused, "1001") as phone, dial(HOTLINE, paused.sip_server, caller=number) as caller:
        await phone.expect("answered", within=30)
        await asyncio.sleep(3)
        recording = await newest_recording(paused)
        assert (await paused.api.post(f"/v1/recordings/{recording}/pause")).status_code == 200
        await paused.kill("listen")
        deadline = time.monotonic() + 20
        while (answer := await paused.api.post(f"/v1/recordings/{recording}/resume")).status_code != 200:
            assert answer.status_code == 503 and time.monotonic() < deadline, answer.text  # no listener yet
        await asyncio.sleep(LIMIT + 2)
        caller.send("hangup")
        await phone.expect("ended")
    record = await record_of(paused, number)
    assert record["recordings"][0]["flags"] == ["paused"]
    row = await row_of(paused, recording)
    steps = [(s["state"], s["cause"].partition(" ")[0]) for s in row.life if s["state"] in {"paused", "resumed"}]
    assert steps == [("paused", "key"), ("resumed", "key")]


@pytest.mark.parametrize(
    ("fault", "lasts"), [(die, (LIMIT, LIMIT + 2)), (hang_and_die, (LIMIT + 3, LIMIT + 3 + STARTS_WITHIN))]
)
async def test_the_next_listener_ends_it(paused: RunningHotline, fault: Any, lasts: tuple[float, float]) -> None:
    number = new_caller()
    async with answering(paused, "1001") as phone, dial(HOTLINE, paused.sip_server, caller=number) as caller:
        await phone.expect("answered", within=30)
        await asyncio.sleep(3)
        recording = await newest_recording(paused)
        asked_at = datetime.now(UTC)
        answer = await paused.api.post(f"/v1/recordings/{recording}/pause")
        assert answer.status_code == 200, answer.text
        await fault(paused)
        await resumed(paused, recording, within=LIMIT + STARTS_WITHIN)
        await asyncio.sleep(4)
        caller.send("hangup")
        await phone.expect("ended")
    record = await record_of(paused, number)
    assert record["recordings"][0]["flags"] == ["paused"]
    row = await row_of(paused, recording)
    steps = [(s["state"], s["cause"]) for s in row.life if s["state"] in {"paused", "resumed"}]
    assert [state for state, _ in steps] == ["paused", "resumed"]
    assert steps[0][1].startswith("key ") and steps[1][1] == f"nobody: its limit of {LIMIT} s was over"
    (pause,) = pauses_of(row.life, row.started_at, row.seconds)
    print(fault.__name__, pause)
    assert pause.start == pytest.approx((asked_at - row.started_at).total_seconds(), abs=1.0)
    assert lasts[0] <= pause.end - pause.start <= lasts[1]
    await silence_is_the_pause(paused, record, pause)


async def silence_is_the_pause(hotline: RunningHotline, record: dict[str, Any], pause: Pause) -> None:
    """Neither side is heard in it, both are after it."""
    audio = await audio_of(hotline, record)
    wanted = pause.end - pause.start - 2 * EDGE
    assert silent_seconds(audio, pause.start + EDGE, pause.end - EDGE) == pytest.approx((wanted, wanted), abs=0.1)
    assert tone_seconds(audio.part("left", pause.end + EDGE, audio.seconds), CALLER_HERTZ) > 2
    assert tone_seconds(audio.part("right", pause.end + EDGE, audio.seconds), AGENT_HERTZ) > 2
