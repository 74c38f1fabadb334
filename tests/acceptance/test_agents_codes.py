"""Feature codes from agents' phones: log in and out, pause, wrap-up, complaint, recording pause, supervisors."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from callcenter.local import addresses
from callcenter.local.secrets import load_or_make
from callcenter.publishing.tables import live_states
from callcenter.recordings.pauses import pauses_of
from callcenter.recordings.tables import recordings
from callcenter.storage.engine import make_engine
from tests.acceptance.agents import (
    THIRD_HERTZ,
    agents_hotline,
    answering,
    press,
    samples_heard,
    silent_seconds,
    tone_seconds,
)
from tests.acceptance.evidence import (
    AGENT_HERTZ,
    CALLER_HERTZ,
    Audio,
    audio_of,
    instant,
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


async def code(phone: Softphone, digits: str, *, pin: str = "", times: int = 1) -> None:
    """Dial a code, say the PIN when it is asked for, and listen to the end."""
    phone.dial(digits)
    dialled = await phone.expect("dialling")
    await phone.expect("answered", call=dialled["call"])
    for _ in range(times if pin else 0):
        await asyncio.sleep(1)
        await press(phone, f"{pin}#", dialled["call"])
        await asyncio.sleep(2.5)  # the next prompt
    await phone.expect("ended", within=25, call=dialled["call"])


async def acts(hotline: RunningHotline, agent: str) -> list[tuple[str, str]]:
    """The operation log, oldest first."""
    exit_code, said = await hotline.command("agents", "log", agent, "--json")
    assert exit_code == 0, said
    return [(act["event"], act["reason"]) for act in reversed(json.loads(said))]


async def until_logged(hotline: RunningHotline, agent: str, act: tuple[str, str]) -> list[tuple[str, str]]:
    deadline = time.monotonic() + 10
    while act not in (found := await acts(hotline, agent)):
        assert time.monotonic() < deadline, (act, found, hotline.logs())
        await asyncio.sleep(0.2)
    return found


async def state_of(hotline: RunningHotline, agent: str) -> dict[str, Any]:
    """What the live view says of an agent."""
    engine = make_engine(addresses.database_url(hotline.settings))
    try:
        async with engine.connect() as connection:
            mine = select(live_states.c.payload).where(live_states.c.kind == "agent", live_states.c.key == agent)
            return dict((await connection.execute(mine)).scalar() or {"state": "unknown"})
    finally:
        await engine.dispose()


async def until_state(hotline: RunningHotline, agent: str, wanted: str, within: float = 10) -> dict[str, Any]:
    deadline = time.monotonic() + within
    while (seen := await state_of(hotline, agent))["state"] != wanted:
        assert time.monotonic() < deadline, (wanted, seen)
        await asyncio.sleep(0.1)
    return seen


def pin_of(hotline: RunningHotline, agent: str) -> str:
    return load_or_make(hotline.settings).agent_pins[agent]


async def test_log_out_and_in(phones: RunningHotline) -> None:
    async with phones.phone("1001") as phone:
        await until_state(phones, "1001", "available")
        await code(phone, "*11", pin=pin_of(phones, "1001"))
        await until_logged(phones, "1001", ("logout", ""))
        await until_state(phones, "1001", "logged_out")
        await asyncio.sleep(6)  # longer than the control loop takes to look: it obeys
        assert (await state_of(phones, "1001"))["state"] == "logged_out"
        await code(phone, "*10", pin=pin_of(phones, "1001"))
        await until_state(phones, "1001", "available")
    assert (await acts(phones, "1001"))[-2:] == [("logout", ""), ("login", "")]
    journal = phones.settings.cel_path.read_text()
    assert pin_of(phones, "1001") not in journal
    assert '"DTMF"' not in journal


async def test_log_in_without_our_service(phones: RunningHotline) -> None:
    """`callcenter run` killed: log-out and log-in work, and calls go where they should."""
    number = new_caller()
    async with phones.phone("1001") as phone:
        os.kill(phones.run.pid, signal.SIGKILL)
        await phones.run.wait()
        await phones.kill("listen")
        await code(phone, "*11", pin=pin_of(phones, "1001"))
        async with dial(HOTLINE, phones.sip_server, caller=number) as caller:
            await caller.expect("answered")
            await asyncio.sleep(10)
            assert not [e for e in phone.events if e["event"] == "incoming"]
        await code(phone, "*10", pin=pin_of(phones, "1001"))
        phone.send("auto 0.2")
        second = new_caller()
        async with dial(HOTLINE, phones.sip_server, caller=second):
            await phone.expect("incoming", within=20)
            await phone.expect("answered")
            await asyncio.sleep(1)
        await phone.expect("ended")
        await phones.start()
    assert (await record_of(phones, second))["agent"] == "1001"
    assert (await acts(phones, "1001"))[-2:] == [("logout", ""), ("login", "")]


async def test_wrong_pins_lock(phones: RunningHotline) -> None:
    async with phones.phone("1004") as phone:
        await code(phone, "*10", pin="918273", times=3)
        found = await until_logged(phones, "1004", ("pin_locked", "300"))
        assert found[-3:] == [("pin_wrong", "1"), ("pin_wrong", "2"), ("pin_locked", "300")]
        phone.dial("*10")
        dialled = await phone.expect("dialling")
        await phone.expect("ended", within=20, call=dialled["call"])  # refused unasked, with the right PIN, too
        assert ("login", "") not in await acts(phones, "1004")
    exit_code, said = await phones.command("alerts")
    assert exit_code == 0 and "1004" in said, said


async def test_a_new_pin(phones: RunningHotline) -> None:
    exit_code, said = await phones.command("agents", "pin", "set", "1003", "--pin", "123456")
    assert exit_code == 1 and "too easy" in said
    exit_code, said = await phones.command("agents", "pin", "set", "1003", "--pin", "837261")
    assert exit_code == 0, said
    await asyncio.sleep(5)
    async with phones.phone("1003") as phone:
        await code(phone, "*10", pin="837261")
        await until_logged(phones, "1003", ("login", ""))
    exit_code, said = await phones.command("agents", "pin", "list")
    assert "1003" in said and "837261" not in said


async def test_pause_with_reason(phones: RunningHotline) -> None:
    async with phones.phone("1001") as phone:
        await until_state(phones, "1001", "available")
        await code(phone, "*122")
        seen = await until_state(phones, "1001", "paused")
        assert seen["pause_reason"] == "meal"
        await code(phone, "*13")
        assert (await until_state(phones, "1001", "available"))["pause_reason"] is None
        phone.dial("*12")
        dialled = await phone.expect("dialling")
        await phone.expect("answered", call=dialled["call"])
        await asyncio.sleep(1)
        await press(phone, "3", dialled["call"])
        seen = await until_state(phones, "1001", "paused")
        assert seen["pause_reason"] == "training"
        await phone.expect("ended", call=dialled["call"])
        await code(phone, "*13")
        await until_state(phones, "1001", "available")
    expected = [("pause", "meal"), ("unpause", ""), ("pause", "training"), ("unpause", "")]
    assert (await acts(phones, "1001"))[-4:] == expected


async def test_codes_leave_no_call_records(phones: RunningHotline) -> None:
    items = (await phones.api.get("/v1/cdrs", params={"direction": "internal", "limit": 500})).json()["items"]
    assert [r["did"] for r in items if r["did"].startswith("*")] == []


async def test_wrap_up_ends_by_itself(phones: RunningHotline) -> None:
    async with phones.phone("1001") as phone:
        await until_state(phones, "1001", "available")
        await code(phone, "*14")
        began = time.monotonic()
        await until_state(phones, "1001", "wrap_up")
        await until_state(phones, "1001", "available", within=12)
        assert time.monotonic() - began < 9


async def test_wrap_up_asked_for_during_the_call(phones: RunningHotline) -> None:
    number = new_caller()
    async with answering(phones, "1001") as phone, dial(HOTLINE, phones.sip_server, caller=number) as caller:
        await phone.expect("answered", within=30)
        await press(phone, "*14")
        await asyncio.sleep(7)  # longer than the wrap-up, which has not begun
        caller.send("hangup")
        await phone.expect("ended")
        await until_state(phones, "1001", "wrap_up")
        await until_state(phones, "1001", "available", within=12)


async def test_complaint_during_the_call_and_after(phones: RunningHotline) -> None:
    first, second = new_caller(), new_caller()
    async with answering(phones, "1001") as phone:
        async with dial(HOTLINE, phones.sip_server, caller=first) as caller:
            await phone.expect("answered", within=30)
            await asyncio.sleep(1)
            await press(phone, "*15")
            await asyncio.sleep(3)
            caller.send("hangup")
            await phone.expect("ended")
        async with dial(HOTLINE, phones.sip_server, caller=second) as caller:
            await phone.expect("answered", within=30)
            await asyncio.sleep(1)
            caller.send("hangup")
            await phone.expect("ended")
        assert (await record_of(phones, first))["marks"] == ["complaint"]
        assert (await record_of(phones, second))["marks"] == []
        await code(phone, "*15")
        await until_logged(phones, "1001", ("complaint", "last"))
    await until_marked(phones, second, "complaint")
    for number in (first, second):
        assert await holds_of(phones, number) == [("complaint", "mark complaint", None)]


async def test_complaint_long_after(phones: RunningHotline) -> None:
    """The tracker has forgotten the call (30 s), and was started anew: the record is marked all the same."""
    number, other = new_caller(), new_caller()
    async with answering(phones, "1001") as phone:
        async with dial(HOTLINE, phones.sip_server, caller=number) as caller:
            await phone.expect("answered", within=30)
            caller.send("hangup")
            await phone.expect("ended")
        await record_of(phones, number)
        await asyncio.sleep(32)
        async with dial(HOTLINE, phones.sip_server, caller=other):  # facts go on, so that the tracker forgets
            await asyncio.sleep(1)
        await phones.kill("listen")
        await asyncio.sleep(3)
        await code(phone, "*15")
    await until_marked(phones, number, "complaint")


async def holds_of(hotline: RunningHotline, number: str) -> list[tuple[str, str, str | None]]:
    """What keeps the recordings of a caller's call: why, by whom, until when."""
    asked = {"call_id": (await record_of(hotline, number))["id"]}
    items = (await hotline.api.get("/v1/retention/holds", params=asked)).json()["items"]
    return [(each["why"], each["by"], each["ended_at"]) for each in items]


async def until_marked(hotline: RunningHotline, number: str, mark: str) -> None:
    deadline = time.monotonic() + 20
    while mark not in (marks := (await record_of(hotline, number))["marks"]):
        assert time.monotonic() < deadline, (marks, hotline.logs())
        await asyncio.sleep(0.2)


async def test_recording_pause(phones: RunningHotline) -> None:
    """Five seconds of silence in both legs, no shorter and no longer file, and the record says when."""
    number = new_caller()
    async with answering(phones, "1001") as phone, dial(HOTLINE, phones.sip_server, caller=number) as caller:
        await phone.expect("answered", within=30)
        await asyncio.sleep(2)
        await press(phone, "*16")
        await asyncio.sleep(6)
        await press(phone, "*17")
        await asyncio.sleep(5)
        caller.send("hangup")
        await phone.expect("ended")
    record = await record_of(phones, number)
    assert "recording_paused" in record["marks"]
    at = {entry["kind"]: instant(entry["at"]) for entry in record["timeline"]}
    begin = at["recording_paused"] - instant(record["recordings"][0]["started_at"])
    end = at["recording_resumed"] - instant(record["recordings"][0]["started_at"])
    audio = await audio_of(phones, record)
    lasted = instant(record["ended_at"]) - instant(record["recordings"][0]["started_at"])
    assert audio.seconds == pytest.approx(lasted, abs=1)
    left, right = silent_seconds(audio, begin + 0.2, end - 0.5)
    gap = end - begin - 0.7
    assert gap > 4
    assert left == pytest.approx(gap, abs=0.1) and right == pytest.approx(gap, abs=0.1)
    tail = Audio(audio.part("left", end + 0.5, audio.seconds), audio.part("right", end + 0.5, audio.seconds))
    assert share_of(tail.left, CALLER_HERTZ) > 0.9
    assert tone_seconds(tail.right, AGENT_HERTZ) > 1
    assert record["recordings"][0]["flags"] == ["paused"]


async def test_recording_pause_by_api(phones: RunningHotline) -> None:
    """As by code: silence of equal length, and the recording's life says who paused it and when."""
    number = new_caller()
    async with answering(phones, "1001") as phone, dial(HOTLINE, phones.sip_server, caller=number) as caller:
        await phone.expect("answered", within=30)
        await asyncio.sleep(2)
        engine = make_engine(addresses.database_url(phones.settings))
        async with engine.connect() as connection:
            running = select(recordings.c.id).where(recordings.c.ended_at.is_(None))
            recording_id = (await connection.execute(running)).scalar_one()
        for what, held in (("pause", True), ("resume", False)):
            answer = await phones.api.post(f"/v1/recordings/{recording_id}/{what}")
            assert (answer.status_code, answer.json().get("paused")) == (200, held), answer.text
            await asyncio.sleep(4)
        caller.send("hangup")
        await phone.expect("ended")
    record = await record_of(phones, number)
    audio = await audio_of(phones, record)
    assert record["recordings"][0]["flags"] == ["paused"]
    async with engine.connect() as connection:
        row = (await connection.execute(select(recordings).where(recordings.c.id == recording_id))).one()
    await engine.dispose()
    (pause,) = pauses_of(row.life, row.started_at, row.seconds)
    assert pause.by.startswith("key local")
    assert silent_seconds(audio, pause.start + 0.2, pause.end - 0.2)[0] == pytest.approx(4 - 0.4, abs=0.3)
    over = await phones.api.post(f"/v1/recordings/{recording_id}/pause")
    assert (over.status_code, over.json()["code"]) == (422, "invalid_input")


async def test_recording_goes_on_without_our_service(phones: RunningHotline) -> None:
    number = new_caller()
    async with answering(phones, "1001") as phone, dial(HOTLINE, phones.sip_server, caller=number) as caller:
        await phone.expect("answered", within=30)
        listener = phones.process("listen")
        os.kill(listener.pid, signal.SIGSTOP)
        try:
            await press(phone, "*16")
            await asyncio.sleep(6)
        finally:
            os.kill(listener.pid, signal.SIGCONT)
            await asyncio.sleep(0.1)
        caller.send("hangup")
        await phone.expect("ended")
    record = await record_of(phones, number, within=40)
    assert "recording_paused" not in record["marks"]
    assert "recording_pause_failed" in {entry["kind"] for entry in record["timeline"]}
    audio = await audio_of(phones, record)
    assert tone_seconds(audio.left, CALLER_HERTZ) > 0


@pytest.mark.parametrize(("digits", "mode"), [("*18", "listen"), ("*19", "whisper"), ("*20", "barge")])
async def test_supervisor(phones: RunningHotline, tmp_path: Path, digits: str, mode: str) -> None:
    """Who hears whom, from recordings of all three phones: 440 Hz caller, 880 Hz agent, 1320 Hz supervisor."""
    number = new_caller()
    folders = {who: tmp_path / who for who in ("caller", "agent", "supervisor")}
    for folder in folders.values():
        folder.mkdir()
    async with (
        answering(phones, "1001", record=folders["agent"]) as agent,
        dial(HOTLINE, phones.sip_server, caller=number, record=folders["caller"]) as caller,
        phones.phone("1010", tone=THIRD_HERTZ, record=folders["supervisor"]) as supervisor,
    ):
        await agent.expect("answered", within=30)
        await asyncio.sleep(1)
        supervisor.dial(f"{digits}1001")
        await supervisor.expect("answered")
        await asyncio.sleep(4)
        caller.send("hangup")
        await caller.expect("ended")
        agent.send("hangup")  # after a barge two are left in the bridge
        await agent.expect("ended")
        await supervisor.expect("ended")
    record = await record_of(phones, number)
    assert record["marks"] == (["conference", "supervised"] if mode == "barge" else ["supervised"])
    assert ("supervised", f"1010 {mode}") in {(e["kind"], e["detail"]) for e in record["timeline"]}
    ears = {who: heard(folder) for who, folder in folders.items()}
    assert ears["supervisor"][CALLER_HERTZ] > 0.2 and ears["supervisor"][AGENT_HERTZ] > 0.2
    assert (ears["agent"][THIRD_HERTZ] > 0.2) == (mode != "listen"), ears
    assert (ears["caller"][THIRD_HERTZ] > 0.2) == (mode == "barge"), ears
    recorded = share_of((await audio_of(phones, record)).right[-3 * 8000 :], THIRD_HERTZ)
    assert (recorded > 0.2) == (mode == "barge"), recorded


def heard(folder: Path) -> dict[int, float]:
    """Share of each tone in the last 3 s of what a phone heard, the very end left out."""
    part = samples_heard(folder)[-28000:-4000]
    return {hertz: share_of(part, hertz) for hertz in (CALLER_HERTZ, AGENT_HERTZ, THIRD_HERTZ)}


async def test_others_may_not_listen_in(phones: RunningHotline) -> None:
    number = new_caller()
    async with (
        answering(phones, "1001") as agent,
        dial(HOTLINE, phones.sip_server, caller=number) as caller,
        phones.phone("1002") as curious,
    ):
        await agent.expect("answered", within=30)
        await code(curious, "*181001")
        await code(curious, "*181010")
        caller.send("hangup")
        await agent.expect("ended")
    assert (await acts(phones, "1002"))[-2:] == [("refused", ""), ("refused", "")]
    assert (await record_of(phones, number))["marks"] == []


async def test_two_colleagues_are_not_listened_to(phones: RunningHotline) -> None:
    async with (
        answering(phones, "1001") as one,
        phones.phone("1002") as two,
        phones.phone("1010") as supervisor,
    ):
        two.dial("1001")
        await one.expect("answered")
        await code(supervisor, "*181001")
        two.send("hangup #1")
        await one.expect("ended")
    assert ("listen", "1001") not in (await acts(phones, "1010"))[-1:]


async def test_no_transfer_to_a_code(phones: RunningHotline) -> None:
    """A caller whom an agent transfers to a feature code or to the trunk gets neither."""
    number = new_caller()
    async with answering(phones, "1001") as agent, dial(HOTLINE, phones.sip_server, caller=number) as caller:
        await agent.expect("answered", within=30)
        for target in ("*13", "*181002", "701", "13800138000"):
            agent.transfer(target)
            refused = await agent.expect("transferred", final=True)
            assert refused["code"] >= 400, (target, refused)
        caller.send("hangup")
        await agent.expect("ended")
    assert (await record_of(phones, number))["outcome"] == "answered"


async def test_a_replay_changes_nothing(phones: RunningHotline) -> None:
    exit_code, said = await phones.command("replay")
    assert exit_code == 0 and "0 were changed, 0 were added" in said, said


async def test_the_record_adds_up(phones: RunningHotline) -> None:
    """Runs last: Asterisk counted as many calls in all of the above as the journal tells of."""
    await record_adds_up(phones)
