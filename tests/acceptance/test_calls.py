"""Real calls with audio: each leaves exactly one record, with the right outcome, times and recording."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import quote

import pytest

from callcenter.journal.facts import parse_lines
from tests.acceptance.evidence import (
    assert_talk_is_heard,
    audio_of,
    instant,
    lasted,
    new_caller,
    record_of,
    records_of,
)
from tests.acceptance.hotline import RunningHotline
from tests.acceptance.phones import Softphone, dial
from tests.acceptance.rawsip import Invite
from tests.acceptance.schedules import in_force

HOTLINE, EMERGENCY = "12333", "12334"
SECOND = 1.0
"""The figures of a record may be so far from what the phones saw."""


@pytest.fixture
async def opened(hotline: RunningHotline) -> RunningHotline:
    await schedule(hotline, "open")
    return hotline


@pytest.fixture
async def shut(hotline: RunningHotline) -> RunningHotline:
    await schedule(hotline, "close")
    return hotline


async def schedule(hotline: RunningHotline, word: str) -> None:
    code, said = await hotline.command("schedule", word, "--until", "+1h")
    assert code == 0, said
    await in_force(hotline, "open" if word == "open" else "closed", within=10)


@asynccontextmanager
async def agent(hotline: RunningHotline, number: str = "1001", answer: float | None = 0.5) -> AsyncIterator[Softphone]:
    """An agent's phone that answers after so many seconds, or lets it ring."""
    async with hotline.phone(number) as phone:
        if answer is not None:
            phone.send(f"auto {answer}")
        yield phone


def near(seconds: float) -> Any:
    return pytest.approx(seconds, abs=SECOND)


async def talk(caller: Softphone, phone: Softphone, seconds: float) -> float:
    """Let an answered call last; returns when the agent answered."""
    answered = await phone.expect("answered", within=30)
    await caller.expect("answered")
    await asyncio.sleep(seconds)
    return float(answered["at"])


async def test_answered(opened: RunningHotline) -> None:
    number = new_caller()
    async with agent(opened, answer=1.0) as phone, dial(HOTLINE, opened.sip_server, caller=number) as caller:
        dialled = await caller.expect("dialling")
        ringing = await phone.expect("incoming", within=30)
        answered = await talk(caller, phone, 4)
        caller.send("hangup")
        ended = await caller.expect("ended")
    record = await record_of(opened, number)
    assert (record["outcome"], record["agent"], record["hung_up_by"]) == ("answered", "1001", "caller")
    assert (record["line"], record["did"], record["direction"]) == ("hotline", HOTLINE, "inbound")
    assert record["notice_played"] is True
    assert instant(record["started_at"]) == near(dialled["at"])
    assert instant(record["answered_at"]) == near(answered)
    assert instant(record["ended_at"]) == near(ended["at"])
    assert record["talk_seconds"] == near(ended["at"] - answered)
    assert record["ring_seconds"] == near(answered - ringing["at"])
    audio = await audio_of(opened, record)
    assert audio.seconds == near(lasted(record))
    assert_talk_is_heard(audio, record)


async def test_abandoned_while_a_phone_rings(opened: RunningHotline) -> None:
    number = new_caller()
    async with agent(opened, answer=None) as phone, dial(HOTLINE, opened.sip_server, caller=number) as caller:
        await phone.expect("incoming", within=30)
        await asyncio.sleep(2)
        caller.send("hangup")
        await caller.expect("ended")
    record = await record_of(opened, number)
    assert (record["outcome"], record["hung_up_by"], record["agent"]) == ("abandoned_ringing", "caller", None)
    assert record["wait_seconds"] == near(2)
    assert record["talk_seconds"] == 0
    assert (await audio_of(opened, record)).seconds == near(lasted(record))


async def test_abandoned_in_the_queue(opened: RunningHotline) -> None:
    """The only agent talks with somebody else: nobody's phone rings for the second caller."""
    first, second = new_caller(), new_caller()
    async with agent(opened) as phone, dial(HOTLINE, opened.sip_server, caller=first) as busy:
        await phone.expect("answered", within=30)
        async with dial(HOTLINE, opened.sip_server, caller=second) as waiting:
            await waiting.expect("answered")
            await asyncio.sleep(8)
            waiting.send("hangup")
            await waiting.expect("ended")
        busy.send("hangup")
        await busy.expect("ended")
    record = await record_of(opened, second)
    assert (record["outcome"], record["hung_up_by"]) == ("abandoned_in_queue", "caller")
    assert record["ring_seconds"] == 0
    assert (await record_of(opened, first))["outcome"] == "answered"


async def test_nobody_answers(opened: RunningHotline) -> None:
    number = new_caller()
    async with agent(opened, answer=None) as phone, dial(HOTLINE, opened.sip_server, caller=number) as caller:
        await phone.expect("incoming", within=30)
        await caller.expect("ended", within=40)
    record = await record_of(opened, number)
    assert (record["outcome"], record["hung_up_by"]) == ("timed_out", "system")
    assert record["wait_seconds"] == near(opened.settings.queue_timeout_seconds)
    (visit,) = record["queue_visits"]
    assert set(visit["unanswered"]) == {"1001"}


async def test_left_during_the_notice(opened: RunningHotline) -> None:
    number = new_caller()
    async with dial(HOTLINE, opened.sip_server, caller=number) as caller:
        await caller.expect("answered")
        await asyncio.sleep(2)
        caller.send("hangup")
        await caller.expect("ended")
    record = await record_of(opened, number)
    assert (record["outcome"], record["notice_played"], record["hung_up_by"]) == ("invalid", False, "caller")
    assert lasted(record) == near(2)
    assert record["queue_visits"] == []


async def test_nobody_logged_in(opened: RunningHotline) -> None:
    number = new_caller()
    async with dial(HOTLINE, opened.sip_server, caller=number) as caller:
        await caller.expect("ended", within=40)
    record = await record_of(opened, number)
    assert (record["outcome"], record["hung_up_by"]) == ("no_agent", "system")


async def test_closed(shut: RunningHotline) -> None:
    number = new_caller()
    async with agent(shut) as phone, dial(HOTLINE, shut.sip_server, caller=number) as caller:
        await caller.expect("ended", within=60)
        assert not [e for e in phone.events if e["event"] == "incoming"]
    record = await record_of(shut, number)
    assert (record["outcome"], record["hung_up_by"], record["agent"]) == ("closed", "system", None)
    assert record["service"] == "closed"
    assert (await audio_of(shut, record)).seconds == near(lasted(record))


async def test_emergency_while_the_hotline_is_closed(shut: RunningHotline) -> None:
    number = new_caller()
    async with agent(shut) as phone, dial(EMERGENCY, shut.sip_server, caller=number) as caller:
        await talk(caller, phone, 3)
        caller.send("hangup")
        await caller.expect("ended")
    record = await record_of(shut, number)
    assert (record["outcome"], record["line"], record["agent"]) == ("answered", "emergency", "1001")
    assert record["talk_seconds"] == near(3)
    assert_talk_is_heard(await audio_of(shut, record), record)


async def test_five_at_once(opened: RunningHotline) -> None:
    numbers = [new_caller() for _ in range(5)]
    async with AsyncExitStack() as stack:
        phones = [await stack.enter_async_context(agent(opened, f"100{n}")) for n in range(1, 5)]
        calling = [dial(HOTLINE, opened.sip_server, caller=n) for n in numbers]
        callers = [await stack.enter_async_context(c) for c in calling]
        await asyncio.gather(*(_leave_when_heard(phone) for phone in phones))
        last = await _the_one_still_waiting(phones)
        await asyncio.sleep(3)
        last.send("hangup")
        for caller in callers:
            await caller.expect("ended", within=30)
    records = [await record_of(opened, n) for n in numbers]
    assert {r["outcome"] for r in records} == {"answered"}
    assert {r["agent"] for r in records} == {"1001", "1002", "1003", "1004"}
    assert len({r["recordings"][0]["id"] for r in records}) == 5
    for record in records:
        assert record["talk_seconds"] == near(3)
        assert_talk_is_heard(await audio_of(opened, record), record)


async def _leave_when_heard(phone: Softphone) -> None:
    await phone.expect("answered", within=30)
    await asyncio.sleep(3)
    phone.send("hangup")


async def _the_one_still_waiting(phones: list[Softphone]) -> Softphone:
    """The agent to whom the fifth caller came."""
    tasks = {asyncio.create_task(p.expect("answered", within=30)): p for p in phones}
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    return tasks[done.pop()]


async def test_the_agent_hangs_up_first(opened: RunningHotline) -> None:
    number = new_caller()
    async with agent(opened) as phone, dial(HOTLINE, opened.sip_server, caller=number) as caller:
        await talk(caller, phone, 3)
        phone.send("hangup")
        await caller.expect("ended")
    record = await record_of(opened, number)
    assert (record["outcome"], record["hung_up_by"]) == ("answered", "agent")
    assert record["talk_seconds"] == near(3)


@pytest.mark.parametrize("name", ["王小明", "'; DROP TABLE calls; --", "🙂 emoji", "xAction: Originate", "<b>&amp;"])
async def test_caller_names(opened: RunningHotline, name: str) -> None:
    number = new_caller()
    async with dial(HOTLINE, opened.sip_server, caller=number, name=name) as caller:
        await caller.expect("answered")
        caller.send("hangup")
        await caller.expect("ended")
    record = await record_of(opened, number)
    assert record["caller_name"] == name


async def test_our_service_killed_in_mid_call(opened: RunningHotline) -> None:
    """kill -9 of the listener: the call goes on, its record is complete after the restart."""
    number = new_caller()
    async with agent(opened) as phone, dial(HOTLINE, opened.sip_server, caller=number) as caller:
        await talk(caller, phone, 1)
        await opened.kill("listen")
        await asyncio.sleep(3)
        assert not [e for e in caller.events if e["event"] == "ended"]
        caller.send("hangup")
        await caller.expect("ended")
    record = await record_of(opened, number, within=30)
    assert (record["outcome"], record["hung_up_by"]) == ("answered", "caller")
    assert record["talk_seconds"] == near(4)
    assert_talk_is_heard(await audio_of(opened, record), record)


async def test_everything_of_ours_killed_in_mid_call(opened: RunningHotline) -> None:
    """kill -9 of `callcenter run`, listener and API; the call ends while nobody looks; then a new start."""
    number = new_caller()
    async with agent(opened) as phone, dial(HOTLINE, opened.sip_server, caller=number) as caller:
        await talk(caller, phone, 1)
        os.kill(opened.run.pid, signal.SIGKILL)
        await opened.run.wait()
        await asyncio.sleep(2)
        caller.send("hangup")
        await caller.expect("ended")
        await opened.start()
    record = await record_of(opened, number, within=30)
    assert record["outcome"] == "answered"
    assert record["talk_seconds"] == near(3)
    assert_talk_is_heard(await audio_of(opened, record), record)


async def test_postgres_hangs_for_a_minute(opened: RunningHotline) -> None:
    """Calls begin, talk and end while the database answers nothing; every record comes afterwards."""
    numbers = [new_caller() for _ in range(3)]
    async with agent(opened) as phone, opened.postgres_frozen():
        for number in numbers:
            async with dial(HOTLINE, opened.sip_server, caller=number) as caller:
                await talk(caller, phone, 3)
                caller.send("hangup")
                await caller.expect("ended")
        await asyncio.sleep(25)
    code, said = await opened.command("wait", "--ready", "--timeout", "60")
    assert code == 0, said
    for number in numbers:
        record = await record_of(opened, number, within=40)
        assert record["outcome"] == "answered"
        assert record["talk_seconds"] == near(3)
        assert_talk_is_heard(await audio_of(opened, record), record)


async def test_a_number_that_is_not_ours(opened: RunningHotline) -> None:
    number = new_caller()
    async with dial("99999", opened.sip_server, caller=number) as caller:
        ended = await caller.expect("ended")
    assert ended["code"] == 404
    record = await record_of(opened, number)
    assert (record["outcome"], record["line"], record["answered_at"]) == ("blocked", None, None)


FORGED = '{"eventtype":"CHAN_START","eventenum":"CHAN_START","uniqueid":"forged-1.1"}'


@pytest.mark.parametrize(
    ("user", "display", "shown", "kept"),
    [
        ("{number}", '"a\\"b\\\\c" ', "{number}", "abc"),
        ("{number}", '"x\\",\\"uniqueid\\":\\"forged-1.1" ', "{number}", "x,uniqueid:forged-1.1"),
        ("{number}%0a%7b%22uniqueid%22%7d", "", "{number}uniqueid", ""),
        ("{number}", '"\udcff\udcfe bad" ', "{number}", "\ufffd\ufffd bad"),
        ("{number}", '"${{EPOCH}} $[1+1] , ) (" ', "{number}", "${{EPOCH}} $[1+1] , ) ("),
        ("{number}", "王小明 ", "{number}", "王小明"),
        ("{number}", '"' + "n" * 2000 + '" ', "{number}", None),
    ],
)
async def test_what_a_caller_says_of_himself(
    opened: RunningHotline, user: str, display: str, shown: str, kept: str | None
) -> None:
    """Quotes, line ends, dialplan syntax, bad UTF-8: kept as text or cleaned away, never a line of the journal."""
    number = new_caller()
    invite = Invite(opened.settings.sip_port, HOTLINE, user.format(number=number), display.format())
    assert await invite.send() == 200
    record = await record_of(opened, shown.format(number=number))
    assert record["outcome"] == "invalid"
    if kept is not None:
        assert record["caller_name"] == kept.format()
    assert_journal_is_sound(opened)


@pytest.mark.parametrize("did", ["12333%0a" + quote(FORGED), "12333%22", "h", "s", "", "9" * 40, "${{HOTLINE_NUMBER}}"])
async def test_dialled_nonsense_makes_no_channel(opened: RunningHotline, did: str) -> None:
    number = new_caller()
    assert await Invite(opened.settings.sip_port, did.format(), number).send() in {400, 404, 416, 484, 0}
    assert await records_of(opened, number) == []
    assert_journal_is_sound(opened)


async def test_requests_that_are_no_sip(opened: RunningHotline) -> None:
    """Garbage, a header of 60 kB: dropped, and the next caller is served."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as raw:
        raw.bind(("127.0.0.9", 0))
        for junk in (b"", b"\0" * 100, b"INVITE", b"INVITE sip:12333 SIP/2.0\r\n\r\n", os.urandom(4000)):
            raw.sendto(junk, ("127.0.0.1", opened.settings.sip_port))
    number = new_caller()
    await Invite(opened.settings.sip_port, HOTLINE, number, headers="X-Long: " + "l" * 60_000).send()
    number = new_caller()
    assert await Invite(opened.settings.sip_port, HOTLINE, number).send() == 200
    assert (await record_of(opened, number))["outcome"] == "invalid"


def assert_journal_is_sound(hotline: RunningHotline) -> None:
    facts, rejects = parse_lines("cel", hotline.settings.cel_path.read_bytes(), 0)
    assert rejects == []
    assert all(fact.uniqueid.startswith("acceptance-") for fact in facts)


async def test_the_records_can_be_computed_again(hotline: RunningHotline) -> None:
    """Runs last: a replay of everything above changes nothing."""
    code, said = await hotline.command("replay")
    assert code == 0, said
    assert "0 were changed, 0 were added" in said


async def test_no_call_has_two_records(hotline: RunningHotline) -> None:
    everything = (await hotline.api.get("/v1/cdrs", params={"limit": 1000, "direction": "inbound"})).json()["items"]
    numbers = [r["caller_number"] for r in everything]
    assert len(numbers) == len(set(numbers))
    assert await records_of(hotline, "19999999999") == []
