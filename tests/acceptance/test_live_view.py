"""Wallboard states and the schedule, seen on a real Asterisk with real phones."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest_asyncio
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.ami import actions
from callcenter.ami.connection import AmiClient
from callcenter.ami.faults import AmiFault
from callcenter.ami.model import Address
from callcenter.local import addresses
from callcenter.local.secrets import load_or_make
from callcenter.publishing.tables import live_states
from callcenter.storage.engine import make_engine
from tests.acceptance.hotline import RunningHotline
from tests.acceptance.phones import Softphone, dial


class Wallboard:
    """One hotline's live states, and its AstDB through a manager connection of our own."""

    def __init__(self, hotline: RunningHotline, engine: AsyncEngine, client: AmiClient) -> None:
        self.hotline, self._engine, self._client = hotline, engine, client

    async def state(self, kind: str, key: str) -> dict[str, Any]:
        async with self._engine.connect() as connection:
            statement = select(live_states.c.payload).where(live_states.c.kind == kind, live_states.c.key == key)
            return dict((await connection.execute(statement)).scalar() or {})

    async def shows(self, kind: str, key: str, within: float = 10, **facts: Any) -> dict[str, Any]:
        """Wait until a state has these facts."""
        seen: dict[str, Any] = {}

        async def right() -> bool:
            nonlocal seen
            seen = await self.state(kind, key)
            return facts.items() <= seen.items()

        assert await eventually(right, within), f"{kind} {key} never had {facts}, but {seen}"
        return seen

    async def mode(self) -> str:
        """What Asterisk holds for the hotline now."""
        try:
            found = await self._client.collect(actions.db_get("callcenter", "service/hotline"))
        except AmiFault:
            return ""
        return found[0].get("Val").partition(";")[0] if found else ""

    async def mode_is(self, mode: str, within: float) -> float:
        """Wait for a mode; returns the seconds it took."""
        began_at = time.monotonic()

        async def right() -> bool:
            return await self.mode() == mode

        assert await eventually(right, within), f"mode is {await self.mode()}, not {mode}"
        return time.monotonic() - began_at

    async def schedule(self, *words: str) -> None:
        code, said = await self.hotline.command("schedule", *words)
        assert code == 0, said


async def eventually(question: Callable[[], Awaitable[bool]], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not await question():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def wallboard() -> AsyncIterator[Wallboard]:
    async with RunningHotline(pbx="wallboard") as hotline:
        settings = hotline.settings
        engine = make_engine(addresses.database_url(settings))
        password = load_or_make(settings).ami_password
        client = AmiClient(Address("127.0.0.1", settings.ami_port, settings.ami_username, password))
        running = asyncio.create_task(client.run())
        yield Wallboard(hotline, engine, client)
        await client.close()
        assert running.done()
        await engine.dispose()


@asynccontextmanager
async def agent(wallboard: Wallboard, number: str) -> AsyncIterator[Softphone]:
    async with wallboard.hotline.phone(number) as phone:
        await wallboard.shows("agent", number, state="available")
        yield phone
    await wallboard.shows("agent", number, state="offline")


async def test_override_is_in_asterisk_within_a_second(wallboard: Wallboard) -> None:
    for words, mode in ((("open", "--until", "+1h"), "open"), (("close", "--until", "+1h"), "closed")):
        await wallboard.schedule(*words)
        assert await wallboard.mode_is(mode, within=1) < 1
    await wallboard.schedule("clear")


async def test_call_on_the_wallboard(wallboard: Wallboard) -> None:
    await wallboard.schedule("open", "--until", "+1h")
    await wallboard.mode_is("open", within=1)
    async with agent(wallboard, "1001") as phone, dial("12333", wallboard.hotline.sip_server) as caller:
        queue = await wallboard.shows("queue", "hotline", within=30, waiting_count=1)
        assert queue["waiting"][0]["caller_number"] == "13800138000"
        await wallboard.shows("agent", "1001", state="ringing", caller_number="13800138000")
        phone.send("answer")
        await wallboard.shows("agent", "1001", state="talking", caller_number="13800138000")
        await wallboard.shows("queue", "hotline", waiting_count=0, calls_in_talk=1, agents_available=0)
        caller.send("hangup")
        await wallboard.shows("agent", "1001", state="available", caller_number=None)
        await wallboard.shows("queue", "hotline", calls_in_talk=0, agents_available=1)
    await wallboard.schedule("clear")


async def test_listener_killed_in_mid_call(wallboard: Wallboard) -> None:
    """The new one shows the call that it did not see begin, and its end."""
    await wallboard.schedule("open", "--until", "+1h")
    await wallboard.mode_is("open", within=1)
    async with agent(wallboard, "1002") as phone, dial("12333", wallboard.hotline.sip_server) as caller:
        await wallboard.shows("agent", "1002", within=30, state="ringing")
        phone.send("answer")
        before = await wallboard.shows("agent", "1002", state="talking")
        await wallboard.hotline.kill("listen")
        code, said = await wallboard.hotline.command("wait", "--ready")
        assert code == 0, said
        assert await wallboard.shows("agent", "1002", state="talking") == before
        await wallboard.shows("queue", "hotline", calls_in_talk=1)
        caller.send("hangup")
        await wallboard.shows("agent", "1002", state="available")
        await wallboard.shows("queue", "hotline", calls_in_talk=0)
    await wallboard.schedule("clear")


async def test_restarted_asterisk_while_postgres_hangs(wallboard: Wallboard) -> None:
    """The override known before holds: Asterisk gets it again without the database."""
    await wallboard.schedule("close", "--until", "+1h")
    await wallboard.mode_is("closed", within=1)
    async with wallboard.hotline.postgres_frozen():
        await wallboard._client.ask(actions.db_put("callcenter", "service/hotline", "open;1"))
        await wallboard.hotline.kill("asterisk")
        await wallboard.mode_is("closed", within=30)
    await wallboard.schedule("clear")
    await wallboard.schedule("open", "--until", "+1h")
    await wallboard.mode_is("open", within=10)
    await wallboard.schedule("clear")
