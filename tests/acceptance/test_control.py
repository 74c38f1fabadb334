"""The control loop against a real Asterisk: whatever somebody changes by hand is as it was within 5 s, and is told."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import pytest_asyncio

from callcenter.ami import actions
from callcenter.ami.actions import Action
from callcenter.ami.connection import AmiClient
from callcenter.ami.events import MemberSeen, typed
from callcenter.ami.faults import AmiFault
from callcenter.ami.model import Address, Timings
from callcenter.local.secrets import load_or_make
from callcenter.routing.found import Found, read_found
from callcenter.storage.engine import make_engine
from callcenter.storage.reading import writing
from tests.acceptance.hotline import RunningHotline
from tests.drills.load import AGENT_IP, Agents, Audio, tone_alone

REPAIRED_WITHIN = 5.0
BLOCKED = "13800138000"
QUICKLY = Timings(first_wait=0.05, longest_wait=0.1)
"""Back before the listener is, so that what it does is seen"""


class Hand:
    """Somebody at the manager interface beside us."""

    def __init__(self, hotline: RunningHotline) -> None:
        own, secrets = hotline.settings, load_or_make(hotline.settings)
        self.hotline = hotline
        self.client = AmiClient(
            Address(own.ami_host, own.ami_port, own.ami_username, secrets.ami_password), timings=QUICKLY
        )

    def interface(self, agent: str) -> str:
        return f"PJSIP/{self.hotline.devices[agent]}"

    async def found(self) -> Found:
        return await read_found(self.client)

    async def repaired(self, key: str, value: str | None, within: float = REPAIRED_WITHIN) -> float:
        """Seconds until the key has its value."""
        began = time.monotonic()
        seen: str | None = "not looked at"
        while time.monotonic() - began < within + 1:
            with suppress(AmiFault):
                found = await self.found()
                seen = {**found.keys, **found.members}.get(key)
                if seen == value:
                    return time.monotonic() - began
            await asyncio.sleep(0.1)
        raise AssertionError(f"{key} is {seen!r}, not {value!r}, after {within} s")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hand() -> AsyncIterator[Hand]:
    async with RunningHotline() as hotline:
        hand = Hand(hotline)
        running = asyncio.create_task(hand.client.run())
        async with asyncio.timeout(20):
            while not hand.client.up:
                await asyncio.sleep(0.05)
        await block(hotline)
        await hand.repaired(f"blocked/{BLOCKED}", "0")
        yield hand
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def block(hotline: RunningHotline) -> None:
    from callcenter.agents.repository import block_number
    from callcenter.local.addresses import database_url

    engine = make_engine(database_url(hotline.settings))
    try:
        async with writing(engine) as connection:
            await block_number(connection, BLOCKED, None, reason="test", made_by="test")
    finally:
        await engine.dispose()


async def test_queues_have_their_members(hand: Hand) -> None:
    members = (await hand.found()).members
    expected = {f"members/{q}/{hand.interface(a)}": f"{a};0" for q in ("hotline", "emergency") for a in AGENTS}
    assert members == expected


AGENTS = ("1001", "1002", "1003", "1004")


@pytest.mark.parametrize("key", ["service/hotline", "service/emergency", f"blocked/{BLOCKED}"])
@pytest.mark.parametrize("how", ["deleted", "overwritten"])
async def test_hand_changed_key(hand: Hand, key: str, how: str) -> None:
    before = (await hand.found()).keys[key]
    change = actions.db_del("callcenter", key) if how == "deleted" else actions.db_put("callcenter", key, "duty;9")
    await hand.client.ask(change)
    began, mode = time.monotonic(), before.split(";")[0]
    while (await hand.found()).keys.get(key, "").split(";")[0] != mode:
        assert time.monotonic() - began < REPAIRED_WITHIN
        await asyncio.sleep(0.1)
    print(f"{key} {how}: {time.monotonic() - began:.2f} s")


async def test_key_that_nobody_wants(hand: Hand) -> None:
    await hand.client.ask(actions.db_put("callcenter", "blocked/110", "0"))
    print(f"stray key: {await hand.repaired('blocked/110', None):.2f} s")


async def test_keys_of_others_stay(hand: Hand) -> None:
    await hand.client.ask(actions.db_put("callcenter", "outbound/20261123/total", "7"))
    await asyncio.sleep(REPAIRED_WITHIN)  # a look has passed
    assert (await hand.found()).keys["outbound/20261123/total"] == "7"


async def test_removed_member_and_penalty(hand: Hand) -> None:
    one, two = hand.interface("1001"), hand.interface("1002")
    await hand.client.ask(actions.queue_remove("hotline", one))
    print(f"removed member: {await hand.repaired(f'members/hotline/{one}', '1001;0'):.2f} s")
    await hand.client.ask(actions.queue_penalty("hotline", two, 7))
    print(f"changed penalty: {await hand.repaired(f'members/hotline/{two}', '1002;0'):.2f} s")
    stranger = hand.interface("1010")
    await hand.client.ask(actions.queue_add("hotline", stranger, "1010", 0))
    print(f"stray member: {await hand.repaired(f'members/hotline/{stranger}', None):.2f} s")


async def test_who_logs_out_stays_out(hand: Hand) -> None:
    three = hand.interface("1003")
    await hand.client.ask(actions.db_put("callcenter", "agent/1003", f"out;{int(time.time())}"))
    await hand.repaired(f"members/hotline/{three}", None)
    await hand.repaired(f"members/emergency/{three}", None)
    await hand.client.ask(actions.db_put("callcenter", "agent/1003", f"in;{int(time.time())}"))
    await hand.repaired(f"members/hotline/{three}", "1003;0")


async def test_emergency_queue_is_never_empty(hand: Hand) -> None:
    for agent in AGENTS:
        await hand.client.ask(actions.db_put("callcenter", f"agent/{agent}", "out;1"))
    await hand.repaired(f"members/hotline/{hand.interface('1001')}", None)
    members = (await hand.found()).members
    assert sum(key.startswith("members/emergency/") for key in members) == len(AGENTS)
    for agent in AGENTS:
        await hand.client.ask(actions.db_put("callcenter", f"agent/{agent}", "in;1"))
    await hand.repaired(f"members/hotline/{hand.interface('1001')}", "1001;0")


async def test_asterisk_killed_and_its_database_deleted(hand: Hand) -> None:
    """Everything comes back within 5 s of Asterisk's being there again."""
    hotline = hand.hotline
    await hotline.kill("asterisk")
    files = list((hotline.settings.asterisk_dir / "db").glob("astdb*"))
    assert files, "where is AstDB?"
    for file in files:
        file.unlink()
    async with asyncio.timeout(30):
        while True:
            with suppress(AmiFault):
                await hand.client.ask(Action("Ping"))
                break
            await asyncio.sleep(0.05)
    lost = f"blocked/{BLOCKED}" not in (await hand.found()).keys
    print(f"AstDB was empty when Asterisk first answered us: {lost}")
    took = [await hand.repaired(f"blocked/{BLOCKED}", "0")]
    took += [await hand.repaired(f"members/{q}/{hand.interface('1001')}", "1001;0") for q in ("hotline", "emergency")]
    print(f"all back {sum(took):.2f} s after Asterisk answered")
    assert sum(took) < REPAIRED_WITHIN


async def test_phones_are_there_as_soon_as_asterisk_is(hand: Hand) -> None:
    """A killed Asterisk asks the phones that it knew at once, not within qualify_frequency: nobody hears that nobody is
    there."""
    hotline = hand.hotline
    audio = Audio(AGENT_IP, tone_alone)
    phones = Agents(("127.0.0.1", hotline.settings.sip_port), audio, hotline.accounts)
    await phones.open(AGENT_IP)
    try:
        assert await phones.register() == [200] * len(AGENTS)
        await _until_free(hand, len(AGENTS), 20)
        await asyncio.sleep(2)  # AstDB, which remembers them, is written once a second
        await hotline.kill("asterisk")
        await _until_free(hand, 0, 30)
        await _until_free(hand, len(AGENTS), 4)
    finally:
        phones.close()
        audio.close()


async def _until_free(hand: Hand, wanted: int, within: float) -> None:
    """So many members of the hotline's queue can be rung; Asterisk answers us."""
    free: int | None = None
    async with asyncio.timeout(within):
        while free != wanted:
            with suppress(AmiFault):
                seen = [typed(each) for each in await hand.client.collect(actions.QUEUE_STATUS)]
                members = [each for each in seen if isinstance(each, MemberSeen) and each.queue == "hotline"]
                free = sum(each.device == "NOT_INUSE" for each in members) if members else None
            await asyncio.sleep(0.05)


async def test_drift_is_logged_and_an_alert(hand: Hand) -> None:
    log = (hand.hotline.home / "var" / "log" / "listen.log").read_text("utf-8")
    assert "Drift" in log
    assert "blocked/110" in log
    drifts = [json.loads(line) for line in log.splitlines() if line.startswith("{") and "Drift" in line]
    lost = {each["key"] for each in drifts if each["found"] is None}
    assert {f"blocked/{BLOCKED}", f"members/emergency/{hand.interface('1004')}"} <= lost  # AstDB was really gone
    async with asyncio.timeout(5):
        while "drift" not in [kind async for kind in _alerts(hand.hotline)]:
            await asyncio.sleep(0.1)


async def _alerts(hotline: RunningHotline) -> AsyncIterator[str]:
    from sqlalchemy import select

    from callcenter.alerts.tables import alerts
    from callcenter.local.addresses import database_url

    engine = make_engine(database_url(hotline.settings))
    try:
        async with engine.connect() as connection:
            for kind in (await connection.execute(select(alerts.c.kind).where(alerts.c.count > 1))).scalars():
                yield kind
    finally:
        await engine.dispose()
