"""What was not observed, with real calls: our death, a cut link, lines that are gone; and whether it adds up."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest_asyncio

from callcenter.ami.actions import Action
from callcenter.ami.connection import AmiClient
from callcenter.ami.faults import ActionFailed
from callcenter.ami.model import Address
from callcenter.local import programs
from callcenter.local.processes import send_signal
from tests.acceptance.agents import agents_hotline, answering
from tests.acceptance.evidence import new_caller, record_adds_up, record_of
from tests.acceptance.hotline import RunningHotline
from tests.acceptance.phones import dial
from tests.acceptance.rawsip import Invite

HOTLINE = "12333"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def covered() -> AsyncIterator[RunningHotline]:
    async with agents_hotline(pbx="coverage") as hotline:
        yield hotline


async def coverage(hotline: RunningHotline) -> dict[str, Any]:
    answer = await hotline.api.get("/v1/coverage")
    assert answer.status_code == 200, answer.text
    whole: dict[str, Any] = answer.json()
    return whole


async def span_of(hotline: RunningHotline, cause: str, state: str, within: float = 30) -> dict[str, Any]:
    """The span with this cause in this state, as soon as there is one."""
    whole: dict[str, Any] = {}
    try:
        async with asyncio.timeout(within):
            while True:
                whole = await coverage(hotline)
                for span in whole["pbxs"][0]["spans"]:
                    if cause in span["causes"] and span["state"] == state:
                        return dict(span)
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"no {state} {cause} in {whole} · {hotline.logs()}") from None


async def test_listener_killed_during_a_call(covered: RunningHotline) -> None:
    number = new_caller()
    async with answering(covered, "1001") as agent, dial(HOTLINE, covered.sip_server, caller=number) as caller:
        await agent.expect("answered", within=30)
        await covered.kill("listen")
        caller.send("hangup")
        await caller.expect("ended")
    span = await span_of(covered, "listener_away", "filled")
    (interval,) = span["intervals"]
    assert (interval["source"], interval["filled_by"]) == ("ami", "journal")
    assert (await record_of(covered, number))["outcome"] == "answered"
    assert (await coverage(covered))["complete"] is True


async def test_link_cut_during_a_call(covered: RunningHotline) -> None:
    async with dial(HOTLINE, covered.sip_server, caller=new_caller()) as caller:
        await caller.expect("answered")
        connected = await cli(covered, "manager show connected")
        sessions = [line.split() for line in connected.splitlines() if line.lstrip().startswith("callcenter ")]
        assert sessions, connected
        for session in sessions:
            await cli(covered, f"manager kick session {session[4]}")
        caller.send("hangup")
        await caller.expect("ended")
    span = await span_of(covered, "link_lost", "filled")
    assert span["intervals"][-1]["detail"]
    await record_adds_up(covered)


async def cli(hotline: RunningHotline, command: str) -> str:
    software = programs.find_asterisk()
    assert software is not None
    configuration = hotline.settings.asterisk_dir / "etc" / "asterisk.conf"
    process = await asyncio.create_subprocess_exec(
        *software.command, "-C", str(configuration), "-rx", command, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    return said.decode()


@asynccontextmanager
async def manager(hotline: RunningHotline) -> AsyncIterator[AmiClient]:
    password = hotline._secrets_made.ami_password
    client = AmiClient(Address("127.0.0.1", hotline.settings.ami_port, hotline.settings.ami_username, password))
    running = asyncio.create_task(client.run())
    async with asyncio.timeout(30):
        while not client.up:
            await asyncio.sleep(0.05)
    try:
        yield client
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def originate(channel: str, **headers: str) -> Action:
    return Action("Originate", (("Channel", channel), ("Timeout", "1000"), *headers.items()))


async def test_asterisk_counts_a_call_where_its_dialplan_begins(covered: RunningHotline) -> None:
    """Each kind by itself: how much CoreProcessedCalls grows, and that the journal's count grows alike.

    A caller: 1. An agent's leg: 0. A Local channel: its second half, 1, answered or not; sent to an extension by
    Originate, the first half as well; to one that does not exist, none.
    """
    await record_adds_up(covered)
    async with manager(covered) as client:
        with suppress(ActionFailed):
            await client.ask(originate("Local/1@nowhere/n", Application="Hangup"))
        assert (await record_adds_up(covered))["processed"] == 0
        with suppress(ActionFailed):
            await client.ask(originate("Local/stay@emergency-clock/n", Application="Hangup"))
        assert (await record_adds_up(covered))["processed"] == 1
        sent = originate("Local/caller@self-test/n", Context="trunk-limit", Exten="full", Priority="1")
        await client.ask(sent)
        assert (await record_adds_up(covered))["processed"] == 2
    assert await Invite(covered.settings.sip_port, HOTLINE, new_caller()).send() == 200
    async with answering(covered, "1001") as agent, dial(HOTLINE, covered.sip_server, caller=new_caller()) as caller:
        await agent.expect("answered", within=30)
        caller.send("hangup")
        await agent.expect("ended")
    assert (await record_adds_up(covered))["processed"] == 2


async def test_lines_of_a_call_are_gone(covered: RunningHotline) -> None:
    """Somebody blanks them before we read them: same file, same length. Only the count tells."""
    await record_adds_up(covered)
    listen = covered.process("listen")
    start = covered.settings.cel_path.stat().st_size
    send_signal(listen, signal.SIGSTOP)
    try:
        number = new_caller()
        assert await Invite(covered.settings.sip_port, HOTLINE, number).send() == 200
        await _until_written(covered, start, "LINKEDID_END")
        with covered.settings.cel_path.open("r+b") as journal:
            journal.seek(start)
            lines = journal.read()
            journal.seek(start)
            journal.write(re.sub(rb"[^\n]", b" ", lines))
    finally:
        send_signal(listen, signal.SIGCONT)
    code, said = await covered.command("coverage", "check", "--lang", "en")
    assert code == 1 and "does not add up" in said
    newest = (await coverage(covered))["pbxs"][0]["checks"][0]
    assert (newest["verdict"], newest["missing_calls"]) == ("incomplete", 1)
    (alert,) = await _alerts(covered)
    assert (alert["facts"]["calls"], alert["severity"]) == (1, "warning")
    report = (await covered.api.get("/v1/reports/traffic", headers={"Accept-Language": "en"})).json()
    assert report["coverage"]["complete"] is False
    assert [check["missing_calls"] for check in report["coverage"]["checks"]] == [1]
    assert "不完整" in (await covered.api.get("/")).text
    await Invite(covered.settings.sip_port, HOTLINE, new_caller()).send()
    await record_adds_up(covered)
    assert await _alerts(covered) == []


async def _until_written(hotline: RunningHotline, start: int, event: str) -> None:
    async with asyncio.timeout(20):
        while event.encode() not in hotline.settings.cel_path.read_bytes()[start:]:
            await asyncio.sleep(0.1)


async def _alerts(hotline: RunningHotline) -> list[dict[str, Any]]:
    standing = (await hotline.api.get("/v1/alerts")).json()["items"]
    return [each for each in standing if each["kind"] == "record_incomplete"]


async def test_journal_cut_while_we_were_away(covered: RunningHotline) -> None:
    """Open for good: the report names the span and the cause."""
    listen = covered.process("listen")
    send_signal(listen, signal.SIGSTOP)
    covered.settings.cel_path.write_bytes(b"")
    await covered.kill("listen")
    span = await span_of(covered, "journal_gap", "unobserved")
    code, said = await covered.command("coverage", "--lang", "en")
    assert code == 0 and "journal lines gone" in said
    code, said = await covered.command("report", "--lang", "zh")
    assert code == 0 and "日志缺失" in said
    report = (await covered.api.get("/v1/reports/traffic")).json()["coverage"]
    assert report["complete"] is False
    assert span["from"] in [each["from"] for each in report["unobserved"]]
    rows = (await covered.api.get("/v1/reports/traffic?format=csv")).text.splitlines()
    assert "unobserved_seconds" in rows[0] and "incomplete" in rows[-1]
