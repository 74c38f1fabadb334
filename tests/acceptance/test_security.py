"""Attacks on a real Asterisk: Asterisk's own README-SERIOUSLY.bestpractices, and what telephone fraud is made of."""

import asyncio
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from callcenter.ami import actions
from callcenter.ami.actions import Action
from callcenter.ami.connection import AmiClient
from callcenter.ami.faults import ActionFailed, AmiFault
from callcenter.ami.model import Address
from callcenter.local.ports import passing_port
from callcenter.local.secrets import load_or_make
from tests.acceptance.attacker import Attacker
from tests.acceptance.evidence import assert_talk_is_heard, audio_of, instant, new_caller, record_of
from tests.acceptance.hotline import RunningHotline
from tests.acceptance.made import quality
from tests.acceptance.phones import Softphone, dial

pytestmark = pytest.mark.asyncio(loop_scope="module")

CITIZEN = "13800138000"
PREFIXES = ["138", "0571", "1"]
DAILY_CAP = 12
"""A phone may make three of them."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fort() -> AsyncIterator[RunningHotline]:
    """A hotline whose agents may dial out a little."""
    settings: dict[str, Any] = {"outbound_prefixes": PREFIXES, "outbound_daily_cap": DAILY_CAP, "trunk_call_limit": 3}
    settings |= {"trunk_port": passing_port(), "outbound_night_lock": False}
    async with RunningHotline(**settings) as hotline:
        code, said = await hotline.command("schedule", "open", "--until", "+2h")
        assert code == 0, said
        await until(lambda: _says(hotline, "hotline open"))
        yield hotline


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def manager(fort: RunningHotline) -> AsyncIterator[AmiClient]:
    """A manager connection with the listener's own rights."""
    settings = fort.settings
    password = load_or_make(settings).ami_password
    client = AmiClient(Address("127.0.0.1", settings.ami_port, settings.ami_username, password))
    running = asyncio.create_task(client.run())
    await until(lambda: _is(client.up))
    yield client
    await client.close()
    await asyncio.gather(running, return_exceptions=True)


async def _is(value: bool) -> bool:
    return value


async def _says(hotline: RunningHotline, text: str) -> bool:
    return text in (await hotline.api.get("/v1/health")).text


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)


def journal(hotline: RunningHotline) -> bytes:
    path = hotline.settings.cel_path
    return path.read_bytes() if path.exists() else b""


def citizen(hotline: RunningHotline, **options: Any) -> Softphone:
    """A phone behind the provider: it takes every call that we send out."""
    return Softphone("provider", "127.0.0.9", bind="127.0.0.9", port=hotline.settings.trunk_port, **options)


async def forget_counters(manager: AmiClient) -> None:
    """Each test begins with nothing dialled today."""
    try:
        await manager.ask(Action("DBDelTree", (("Family", "callcenter/outbound"),)))
    except ActionFailed:
        return


# ---- who is let in ---------------------------------------------------------------------------------------------------


async def test_known_and_unknown_users_look_alike(fort: RunningHotline) -> None:
    """REGISTER and INVITE of a real device, a number, and nobody: the same answer, as fast."""
    device = fort.devices["1001"]
    for method in ("REGISTER", "INVITE", "OPTIONS"):
        answers: dict[str, list[Any]] = {user: [] for user in (device, "1001", "nobody", "trunk")}
        for turn in range(3):
            with Attacker(fort.settings.sip_port, ip=f"127.0.0.{70 + turn}") as stranger:
                for user, found in answers.items():
                    found.append(await stranger.ask(method, user, to="12333"))
        shapes = {tuple(a.shape) for found in answers.values() for a in found}
        assert {a.status for found in answers.values() for a in found} == {401}, method
        assert len(shapes) == 1, shapes
        medians = {user: statistics.median(a.seconds for a in found) for user, found in answers.items()}
        assert max(medians.values()) < 0.25, medians  # far below any deliberate delay; noise of a busy machine apart


async def test_a_number_is_no_user(fort: RunningHotline) -> None:
    """Proper device naming: 1001 with 1001's own password is refused."""
    with Attacker(fort.settings.sip_port, ip="127.0.0.75") as stranger:
        assert (await stranger.guess("1001", fort.agents["1001"])).status == 401
        assert (await stranger.guess("1001", "1001")).status == 401
        assert (await stranger.guess(fort.devices["1001"], fort.agents["1001"])).status == 200
        contacts = await stranger.guess(fort.devices["1001"], fort.agents["1002"])
    assert contacts.status == 401


async def test_no_guest_calls(fort: RunningHotline) -> None:
    """From elsewhere than the trunk's address: no channel, no journal line, whatever is dialled and claimed."""
    before = journal(fort)
    with Attacker(fort.settings.sip_port, ip="127.0.0.76") as stranger:
        for user, to in (("12333", "12333"), ("trunk", "1001"), ("anonymous", CITIZEN), ("x", "12334")):
            assert (await stranger.ask("INVITE", user, to=to)).status == 401
    assert journal(fort) == before


async def test_guessing_is_blocked_reported_and_lifted(fort: RunningHotline) -> None:
    port, ip = fort.settings.sip_port, "127.0.0.66"
    loop = asyncio.get_running_loop()
    with Attacker(port, ip=ip) as stranger:
        began, tries = loop.time(), 0
        while (await stranger.guess(fort.devices["1001"], f"guess-{tries}")).status == 401:
            tries += 1
            await asyncio.sleep(0.05)  # twenty a second
        seconds = loop.time() - began
        print(f"blocked after {tries} tries, {seconds:.2f} s")
        assert tries <= 20
        assert seconds < 5
        assert (await stranger.ask("REGISTER", "nobody")).status == 403
        assert (await stranger.guess(fort.devices["1001"], fort.agents["1001"])).status == 403, "the right one, too"
        async with fort.phone("1002"):
            pass  # others register as before
        await until(lambda: _listed(fort, ip, True))
        (alert,) = await _alerts(fort, "brute_force")
        assert alert["facts"]["address"] == ip
        events = (await fort.api.get("/v1/security/events", params={"address": ip})).json()["items"]
        assert sum(e["count"] for e in events if e["name"] == "ChallengeResponseFailed") >= 10
        assert (await fort.api.delete(f"/v1/security/blocked/{ip}")).status_code == 204
        await until(lambda: _heard(stranger))
        assert (await fort.api.delete(f"/v1/security/blocked/{ip}")).status_code == 404
        await until(lambda: _no_alert(fort, "brute_force"))


async def _listed(hotline: RunningHotline, ip: str, wanted: bool) -> bool:
    items = (await hotline.api.get("/v1/security/blocked")).json()["items"]
    return (ip in {item["address"] for item in items}) is wanted


async def _alerts(hotline: RunningHotline, kind: str) -> list[dict[str, Any]]:
    import asyncpg

    from callcenter.local import addresses

    connection = await asyncpg.connect(addresses.database_url(hotline.settings).replace("+asyncpg", ""))
    try:
        rows = await connection.fetch("SELECT * FROM alerts WHERE kind = $1 AND cleared_at IS NULL", kind)
    finally:
        await connection.close()
    import json

    return [{**dict(row), "facts": json.loads(row["facts"])} for row in rows]


async def _no_alert(hotline: RunningHotline, kind: str) -> bool:
    return not await _alerts(hotline, kind)


async def _heard(stranger: Attacker) -> bool:
    return (await stranger.ask("REGISTER", "nobody")).status == 401


async def test_odd_sip_stops_nothing(fort: RunningHotline) -> None:
    """Torn, oversized and senseless messages: no crash, and the next phone registers."""
    boot = fort.process("asterisk")
    with Attacker(fort.settings.sip_port, ip="127.0.0.77", patience=0.3) as stranger:
        for raw in (
            "INVITE", "\r\n\r\n", "\0" * 500, "REGISTER sip: SIP/2.0\r\n\r\n",
            "INVITE sip:12333@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP x\r\nContent-Length: 99999999\r\n\r\n",
            "OPTIONS sip:x SIP/2.0\r\n" + "X: y\r\n" * 5000 + "\r\n",
            "REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: " + "a" * 60000 + "\r\n\r\n",
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.77;branch=z9hG4bKx\r\nCSeq: 1 INVITE\r\n\r\n",
        ):  # fmt: skip
            await stranger.ask("INVITE", "x", raw=raw)
    assert fort.process("asterisk") == boot
    async with fort.phone("1003"):
        pass


# ---- what callers from the trunk may reach ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dialled",
    ["1001", "*10", "*181001", "700", CITIZEN, "s", "open", "dial", "500&PJSIP%2F13800138000%40trunk",
     "12333&1001", "12333%2C1", "%24%7BEXTEN%7D", "_X!", "12333%0aX%3a%20y", "outbound"],
)  # fmt: skip
async def test_trunk_callers_reach_nothing_else(fort: RunningHotline, dialled: str) -> None:
    before = len(journal(fort))
    async with fort.phone("1001") as agent:
        with Attacker(fort.settings.sip_port, ip="127.0.0.9") as caller:
            answer = await caller.ask("INVITE", new_caller(), to=dialled)
        await asyncio.sleep(0.3)  # time for a phone to ring, if it did
        assert answer.status in (404, 400, 416, 484), answer.text
        assert not [e for e in agent.events if e["event"] == "incoming"]
    said = journal(fort)[before:]
    assert b'"appname":"Dial"' not in said
    assert b"@trunk" not in said


async def test_caller_cannot_transfer_himself_out(fort: RunningHotline, manager: AmiClient) -> None:
    """By REFER, and by the digits that start Asterisk's transfer: # and *2, then a number; the talk just goes on."""
    await forget_counters(manager)
    number = new_caller()
    async with (
        fort.phone("1001") as agent,
        citizen(fort) as outside,
        dial("12333", fort.sip_server, caller=number) as me,
    ):
        agent.send("auto 0.1")
        await agent.expect("answered", within=30)
        await me.expect("audio")
        me.send(f"digits #{CITIZEN}")
        await asyncio.sleep(1.5)  # the digits are played
        me.send(f"digits *2{CITIZEN}")
        await asyncio.sleep(1.5)
        me.transfer(CITIZEN)
        await asyncio.sleep(1)
        assert not [e for e in outside.events if e["event"] == "incoming"]
        assert not [e for e in agent.events if e["event"] == "ended"]
    record = await record_of(fort, number)
    assert {leg["role"] for leg in record["legs"]} == {"caller", "agent"}


async def test_agent_cannot_send_a_caller_out(fort: RunningHotline, manager: AmiClient) -> None:
    """A blind transfer of a citizen to an outside number is refused; the agent keeps the call."""
    await forget_counters(manager)
    number = new_caller()
    async with (
        fort.phone("1001") as agent,
        citizen(fort) as outside,
        dial("12333", fort.sip_server, caller=number) as me,
    ):
        agent.send("auto 0.1")
        await agent.expect("answered", within=30)
        agent.transfer(CITIZEN)
        await agent.expect("transferred")
        await asyncio.sleep(1)
        assert not [e for e in outside.events if e["event"] == "incoming"]
        assert not [e for e in me.events if e["event"] == "ended"]


# ---- calling out -----------------------------------------------------------------------------------------------------


async def test_agent_calls_a_citizen(fort: RunningHotline, manager: AmiClient, tmp_path: Path) -> None:
    """Listed: through the trunk, with the hotline's number, notice first, recorded from answer."""
    await forget_counters(manager)
    number = new_caller()
    async with fort.phone("1001") as agent, citizen(fort, tone=440) as outside:
        outside.send("auto 0.2")
        agent.dial(number)
        rung = await outside.expect("incoming")
        assert "12333@" in rung["remote"]
        assert "1001" not in rung["remote"]
        await agent.expect("answered", within=20)
        await asyncio.sleep(3)  # how long they talk
        agent.send("hangup")
        await outside.expect("ended")
    record = await record_of(fort, "1001")
    assert (record["direction"], record["outcome"], record["agent"]) == ("outbound", "answered", "1001")
    assert [(leg["role"], leg["number"]) for leg in record["legs"]] == [("caller", "1001"), ("other", number)]
    assert (await fort.api.get("/v1/cdrs", params={"agent": "1001", "direction": "outbound"})).json()["items"]
    assert record["notice_played"]
    assert record["did"] == number
    assert record["talk_seconds"] == pytest.approx(3, abs=1)
    assert quality(record["recordings"][0]) == "sound"
    assert instant(record["answered_at"]) > instant(record["recordings"][0]["started_at"])
    assert_talk_is_heard(await audio_of(fort, record), record)


REFUSED = {"not listed": "02012345678", "abroad": "0085212345678", "abroad by a carrier": "17951008521234",
           "premium": "16812345", "emergency of others": "999"}  # fmt: skip


@pytest.mark.parametrize("why", REFUSED)
async def test_other_numbers_are_refused(fort: RunningHotline, manager: AmiClient, why: str) -> None:
    """`outbound_prefixes` holds "1": that lets nobody to 168 or 179 all the same."""
    await forget_counters(manager)
    async with fort.phone("1002") as agent, citizen(fort) as outside:
        agent.dial(REFUSED[why])
        await agent.expect("ended", within=15)
        assert not [e for e in outside.events if e["event"] == "incoming"]
    assert b"outbound_refused" in journal(fort)


async def test_injection_by_a_phone(fort: RunningHotline, manager: AmiClient) -> None:
    """`&`, `,`, `${…}` and `@` in what a phone dials: no extension, so no channel of another's."""
    await forget_counters(manager)
    before = len(journal(fort))
    async with fort.phone("1002") as agent, citizen(fort) as outside:
        for dialled in (f"500&PJSIP%2F{CITIZEN}%40trunk", f"{CITIZEN}%2C60%2CT", f"{CITIZEN}%26", "%24%7BEXTEN%7D",
                        f"{CITIZEN}%0d%0aX%3a%20y", "outbound-check"):  # fmt: skip
            agent.dial(dialled)
            ended = await agent.expect("ended")
            assert ended["code"] in (404, 400, 416, 484), ended
        assert not [e for e in outside.events if e["event"] == "incoming"]
    assert b'"appname":"Dial"' not in journal(fort)[before:]


async def test_caps_and_the_alarm(fort: RunningHotline, manager: AmiClient) -> None:
    """The fourth call of a phone and the thirteenth of all are refused; the cap's alarm stands."""
    await forget_counters(manager)
    async with citizen(fort) as outside, fort.phone("1003") as agent, fort.phone("1004") as other:
        outside.send("auto 0.1")
        for _ in range(3):
            await _call_and_hang_up(agent, outside)
        agent.dial(CITIZEN)
        await agent.expect("ended", within=15)
        assert len([e for e in outside.events if e["event"] == "incoming"]) == 3
        await manager.ask(actions.db_put("callcenter", f"outbound/{await _today(manager)}/total", str(DAILY_CAP)))
        other.dial(CITIZEN)
        await other.expect("ended", within=15)
        assert len([e for e in outside.events if e["event"] == "incoming"]) == 3
    await until(lambda: _told(fort, {("1003", "phone_cap"), ("all", "daily_cap")}), 20)


async def _told(hotline: RunningHotline, wanted: set[tuple[str, str]]) -> bool:
    found = {(alert["facts"]["phone"], alert["facts"]["why"]) for alert in await _alerts(hotline, "toll_fraud")}
    return wanted <= found


async def _call_and_hang_up(agent: Softphone, outside: Softphone) -> None:
    agent.dial(CITIZEN)
    await outside.expect("answered")
    agent.send("hangup")
    await agent.expect("ended")
    await outside.expect("ended")


async def _today(manager: AmiClient) -> str:
    from callcenter import clock

    return f"{clock.now().astimezone(clock.LOCAL_ZONE):%Y%m%d}"


async def test_trunk_limit_keeps_the_emergency_line(fort: RunningHotline) -> None:
    """Three calls at once are allowed here: the fourth hears "circuits busy", the emergency caller is answered."""
    async with fort.phone("1001") as agent:
        agent.send("manual")
        async with (
            dial("12333", fort.sip_server, caller=new_caller()) as one,
            dial("12333", fort.sip_server, caller=new_caller()) as two,
            dial("12333", fort.sip_server, caller=new_caller()) as three,
        ):
            for phone in (one, two, three):
                await phone.expect("answered")
            fourth = new_caller()
            async with dial("12333", fort.sip_server, caller=fourth) as late:
                ended = await late.expect("ended")
                assert ended["code"] == 503, ended
            async with dial("12334", fort.sip_server, caller=new_caller()) as urgent:
                await urgent.expect("answered")
    record = await record_of(fort, fourth)
    assert record["outcome"] == "queue_full", "a loss of ours is counted as one"


# ---- the manager interface -------------------------------------------------------------------------------------------


async def test_manager_runs_no_program(fort: RunningHotline, manager: AmiClient, tmp_path: Path) -> None:
    """Originate of System, SHELL() by Getvar, Command, config files: refused, and nothing was written."""
    proof = tmp_path / "proof"
    local = (("Channel", "Local/s@say-goodbye"), ("Application", "System"), ("Data", f"touch {proof}"))
    attempts = (
        Action("Originate", local),
        Action(
            "Originate", (("Channel", "Local/s@rejected"), ("Application", "Exec"), ("Data", f"System,touch {proof}"))
        ),
        Action("Getvar", (("Variable", f"SHELL(touch {proof})"),)),
        Action("Setvar", (("Variable", f"FILE({proof})"), ("Value", "x"))),
        Action("Command", (("Command", f"!touch {proof}"),)),
        Action("UpdateConfig", (("SrcFilename", "manager.conf"), ("DstFilename", "manager.conf"))),
        Action("DialplanExtensionAdd", (("Context", "from-trunk"), ("Extension", "1"), ("Priority", "1"))),
    )
    for action in attempts:
        try:
            answer = await manager.ask(action)
        except AmiFault:
            continue
        assert action.name == "Getvar" and not answer.get("Value"), (action.name, answer.raw)
    await asyncio.sleep(0.5)
    assert not proof.exists()


async def test_manager_wants_the_password(fort: RunningHotline) -> None:
    for username, secret in ((fort.settings.ami_username, "callcenter"), ("admin", "amp111"), ("", "")):
        reader, writer = await asyncio.open_connection("127.0.0.1", fort.settings.ami_port)
        writer.write(f"Action: Login\r\nUsername: {username}\r\nSecret: {secret}\r\n\r\n".encode())
        said = await asyncio.wait_for(reader.read(4096), 10)
        while b"Response" not in said:
            said += await asyncio.wait_for(reader.read(4096), 10)
        writer.close()
        assert b"Authentication failed" in said
