"""After hours, closing time with waiters, estimated wait, duty: real calls at a shifted clock, moved forward only."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio

from callcenter.clock import LOCAL_ZONE
from callcenter.local.ports import passing_port
from tests.acceptance.agents import answering
from tests.acceptance.evidence import CALLER_HERTZ, audio_of, has_tone, new_caller, record_of
from tests.acceptance.hearing import heard_in_order, not_heard
from tests.acceptance.hotline import RunningHotline
from tests.acceptance.phones import Softphone, dial
from tests.acceptance.schedules import in_force

pytestmark = pytest.mark.asyncio(loop_scope="module")

GRACE = 15
"""Seconds that those who wait at closing time are still served."""
OFFER = 14.0
"""Seconds that the offer of a callback and the number read back take, at least."""
READ = 1.5
"""Until every process has read the new clock (`clock.READ_EVERY_SECONDS`)."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hotline() -> AsyncIterator[RunningHotline]:
    """Wednesday night before the National Day holidays."""
    settings: dict[str, Any] = {
        "agents": ["1001", "1002"], "closing_grace_seconds": GRACE, "queue_timeout_seconds": 600,
        "voicemail": True,
        "outbound_prefixes": ["139"], "trunk_port": passing_port(),
    }  # fmt: skip
    async with RunningHotline(clock="2026-09-30 20:30", **settings) as hotline:
        yield hotline


@asynccontextmanager
async def caller(hotline: RunningHotline, number: str, **options: Any) -> AsyncIterator[Softphone]:
    async with dial("12333", hotline.sip_server, caller=number, **options) as phone:
        await phone.expect("answered")
        yield phone


async def move(hotline: RunningHotline, wall: str, mode: str) -> None:
    """Move the clock on, and wait until the control loop has pushed what holds then."""
    hotline.set_clock(wall)
    await asyncio.sleep(READ)
    await in_force(hotline, mode)


async def at(hotline: RunningHotline, wall: str) -> None:
    """Wait until the hotline's clock says so."""
    assert hotline.clock is not None
    moment = datetime.fromisoformat(wall).replace(tzinfo=LOCAL_ZONE).timestamp()
    ahead = moment - (time.time() + hotline.clock.shift)
    assert ahead > -0.5, f"{wall} was {-ahead:.1f} s ago"
    await asyncio.sleep(max(0.0, ahead))


async def hang_up(phone: Softphone) -> None:
    phone.send("hangup")
    await phone.expect("ended")


def details(record: dict[str, Any], kind: str) -> list[str]:
    return [entry["detail"] for entry in record["timeline"] if entry["kind"] == kind]


async def test_closed_prompt_says_the_next_opening_and_takes_a_message(hotline: RunningHotline) -> None:
    """Eight days of holiday lie ahead: 十月八号，星期四，九点. Then the message, kept for somebody to hear."""
    number = new_caller()
    async with caller(hotline, number) as phone:
        await said(hotline, number, "voicemail_begins", phone)
        await asyncio.sleep(6)
        await hang_up(phone)
    record = await record_of(hotline, number)
    assert (record["outcome"], record["service"], record["marks"]) == ("closed", "closed", ["voicemail"])
    assert details(record, "next_opening_told") == ["2026-10-08 09:00"]
    assert 4.5 < float(details(record, "voicemail")[0]) < 7.5
    audio = await audio_of(hotline, record)
    places = heard_in_order(
        hotline, audio, "hotline-notice", "hotline-closed", "next-opening", "month-10", "digits/8", "day-of-month",
        "weekday-4", "digits/9", "oclock", "closed-emergency", "voicemail-intro", "beep",
    )  # fmt: skip
    assert has_tone(audio.part("left", places[-1] + 1.5, places[-1] + 5), CALLER_HERTZ)
    entry = await listed(hotline, "/v1/follow-ups", number)
    assert (entry["kind"], entry["state"], entry["call_id"]) == ("voicemail", "open", record["id"])
    assert local(entry["due_at"]) == "2026-10-08 13:00"


async def said(hotline: RunningHotline, number: str, note: str, phone: Softphone) -> None:
    """Wait until the journal has this note of a caller whose call goes on."""
    async with asyncio.timeout(60):
        while True:
            path = hotline.settings.cel_path
            lines = path.read_text("utf-8", "replace").splitlines() if path.exists() else []
            if any(note in line and number in line for line in lines):
                return
            assert not [e for e in phone.events if e["event"] == "ended"], phone.events
            await asyncio.sleep(0.1)


async def listed(hotline: RunningHotline, path: str, number: str) -> dict[str, Any]:
    """The entry of a number in a list of the API, once it is there: the dialer looks every few seconds."""
    async with asyncio.timeout(20):
        while True:
            items = (await hotline.api.get(path, params={"limit": 100})).json()["items"]
            if found := [item for item in items if item["number"] == number]:
                return dict(found[0])
            await asyncio.sleep(0.2)


def local(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(LOCAL_ZONE):%Y-%m-%d %H:%M}"


async def test_who_says_nothing_leaves_no_message(hotline: RunningHotline) -> None:
    number = new_caller()
    async with caller(hotline, number, tone=0) as phone:
        await phone.expect("ended", within=90)
    record = await record_of(hotline, number)
    assert (record["outcome"], record["marks"], record["hung_up_by"]) == ("closed", [], "system")
    assert details(record, "voicemail_empty") == [""]
    heard_in_order(hotline, await audio_of(hotline, record), "beep", "goodbye")


async def test_estimated_wait_is_told(hotline: RunningHotline) -> None:
    """After somebody waited for minutes, the second in line hears that it will take as long."""
    await move(hotline, "2026-10-08 10:00:00", "open")
    number = new_caller()
    async with hotline.phone("1001") as agent, caller(hotline, new_caller()) as patient:
        await agent.expect("incoming", within=12)
        for wall in ("2026-10-08 10:01:50", "2026-10-08 10:03:40"):
            hotline.set_clock(wall)
            await asyncio.sleep(2 * READ)
        agent.send("auto 0.2")
        await agent.expect("answered", within=20)
        async with caller(hotline, new_caller()), caller(hotline, number) as second:
            await asyncio.sleep(15)
            await hang_up(second)
        await hang_up(patient)
    record = await record_of(hotline, number)
    assert record["queue_visits"][0]["position"] == 2
    heard_in_order(
        hotline, await audio_of(hotline, record), "queue-thereare", "digits/2", "queue-callswaiting", "queue-holdtime",
        "digits/4", "queue-minutes",
    )  # fmt: skip


async def test_closing_time_with_waiters(hotline: RunningHotline) -> None:
    """A talk goes on; one waiter is served within the grace, the next is told and keeps his place by a callback."""
    talking, served, told, late = (new_caller() for _ in range(4))
    await move(hotline, "2026-11-25 16:59:35", "open")
    async with AsyncExitStack() as calls:
        agent = await calls.enter_async_context(answering(hotline, "1001"))
        first = await calls.enter_async_context(caller(hotline, talking))
        await agent.expect("answered", within=15)
        second = await calls.enter_async_context(caller(hotline, served))
        third = await calls.enter_async_context(caller(hotline, told))
        await at(hotline, "2026-11-25 17:00:02")
        async with caller(hotline, late) as fourth:
            await at(hotline, "2026-11-25 17:00:04")
            await hang_up(first)
            await agent.expect("answered", within=10)  # he may just be told his place: only then is he offered again
            await said(hotline, late, "next_opening_told", fourth)
            await hang_up(fourth)
        await said(hotline, told, "callback_offered", third)
        await asyncio.sleep(OFFER)
        await accept_callback(third)
        await hang_up(second)
    record = await record_of(hotline, talking)
    assert (record["outcome"], record["hung_up_by"]) == ("answered", "caller")
    assert local_second(record["ended_at"]) >= "17:00:03"
    record = await record_of(hotline, served)
    assert (record["outcome"], record["hung_up_by"], record["service"]) == ("answered", "caller", "open")
    assert record["talk_seconds"] > 25 and local_second(record["answered_at"]) > "17:00:03"
    assert (await record_of(hotline, late))["outcome"] == "closed"
    record = await record_of(hotline, told)
    assert (record["outcome"], record["service"]) == ("timed_out", "open")
    assert record["marks"] == ["callback", "callback_offered"]
    assert "17:00:14" <= local_second(noted(record, "closing")) <= "17:00:18"
    audio = await audio_of(hotline, record)
    heard_in_order(hotline, audio, "hotline-notice", "closing-sorry", "callback-offer", "callback-number",
                   *(f"digits/{digit}" for digit in told), "callback-confirmed")  # fmt: skip
    item = await listed(hotline, "/v1/callbacks", told)
    assert item["state"] == "waiting"
    assert (await hotline.api.post(f"/v1/callbacks/{item['id']}/cancel")).status_code == 200


async def accept_callback(phone: Softphone) -> None:
    """Press 1 until the hotline has said goodbye: a key is not taken while a prompt plays."""
    for _ in range(20):
        phone.send("digits 1")
        try:
            await phone.expect("ended", within=1.5)
            return
        except AssertionError:
            continue
    raise AssertionError(f"never said goodbye to: {phone.events}")


def noted(record: dict[str, Any], kind: str) -> str:
    (entry,) = (entry for entry in record["timeline"] if entry["kind"] == kind)
    return str(entry["at"])


def local_second(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(LOCAL_ZONE):%H:%M:%S}"


async def test_closed_by_a_person_who_waits_is_served_then_told(hotline: RunningHotline) -> None:
    """A person closes in mid-day: nobody new, the grace for those who wait, then the control loop takes them out."""
    await move(hotline, "2026-11-26 11:00:00", "open")
    waits = new_caller()
    async with answering(hotline, "1001") as agent, caller(hotline, new_caller()) as first:
        await agent.expect("answered")
        async with caller(hotline, waits) as second:
            await asyncio.sleep(6)
            decided = time.monotonic()
            assert (await hotline.command("schedule", "close", "--until", "+2h", "--reason", "停电"))[0] == 0
            closing_took = time.monotonic() - decided
            await said(hotline, waits, "NOTE", second)
            await hang_up(second)
        assert not [e for e in first.events if e["event"] == "ended"]
        await hang_up(first)
    record = await record_of(hotline, waits)
    assert record["outcome"] in ("timed_out", "abandoned_in_queue") and details(record, "closing") == [""]
    assert GRACE <= record["wait_seconds"] <= GRACE + 15 + closing_took
    assert (await hotline.command("schedule", "clear"))[0] == 0


async def test_duty_period(hotline: RunningHotline) -> None:
    """Saturday night, a major event: own prompt, own staff; then it is over and the line is closed again."""
    number, later = new_caller(), new_caller()
    await move(hotline, "2026-11-28 20:00:00", "closed")
    async with answering(hotline, "1001") as usual, answering(hotline, "1002") as staff:
        code, text = await hotline.command("schedule", "duty", "add", "国际会议", "--until", "+2h", "--staff", "1002")
        assert code == 0, text
        await in_force(hotline, "duty")
        await asyncio.sleep(1)
        async with caller(hotline, number) as phone:
            await staff.expect("answered", within=20)
            await asyncio.sleep(2)
            await hang_up(phone)
        assert not [e for e in usual.events if e["event"] == "incoming"]
        await move(hotline, "2026-11-28 22:00:30", "closed")
        async with caller(hotline, later) as phone:
            await asyncio.sleep(3)
            await hang_up(phone)
    record = await record_of(hotline, number)
    assert (record["outcome"], record["agent"], record["service"]) == ("answered", "1002", "duty")
    assert record["service_reason"].startswith("duty-")
    audio = await audio_of(hotline, record)
    heard_in_order(hotline, audio, "hotline-notice", "duty-notice")
    not_heard(hotline, audio, "hotline-closed")
    assert (await record_of(hotline, later))["service"] == "closed"
