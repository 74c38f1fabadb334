"""Live view and control loop together: a real Postgres, and a peer that keeps AstDB as Asterisk does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import select
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.integration.ami_peer import Headers, Peer, ami_peer, answer, eventually, listing, message, until

from callcenter import clock
from callcenter.ami.messages import Event
from callcenter.ami.model import LinkLost, LinkUp
from callcenter.calls.model import Line, Service
from callcenter.errors import InvalidInput, PartUnavailable
from callcenter.local import postgres
from callcenter.publishing.tables import live_states, outbox
from callcenter.routing.ami_side import AmiSide
from callcenter.schedule.command import clear_overrides, override_hours, show_schedule
from callcenter.schedule.hours import service_at
from callcenter.schedule.repository import add_override, current_overrides
from callcenter.settings import Settings


class Astdb(dict[str, str]):
    """The peer's database: DBGetTree, DBPut and DBDel as Asterisk answers them."""

    def get_tree(self, action: Headers) -> bytes:
        entries = [("Event: DBGetTreeResponse", f"Key: /callcenter/{key}", f"Val: {self[key]}") for key in self]
        return listing(action, *entries)

    def delete_entry(self, action: Headers) -> bytes:
        if self.pop(action["Key"], None) is None:
            return answer(action, "Error", "Message: Database entry could not be deleted")
        return answer(action, "Success", "Message: Key deleted successfully")

    def put_entry(self, action: Headers) -> bytes:
        self[action["Key"]] = action["Val"]
        return answer(action, "Success", "Message: Updated database successfully")

    def mode(self, line: str = "hotline") -> str:
        return self.get(f"service/{line}", "").partition(";")[0]

    def seconds_valid(self, line: str = "hotline") -> float:
        return float(self[f"service/{line}"].split(";")[1]) - clock.now().timestamp()


class Side:
    """A running AMI side with what it said."""

    def __init__(self, peer: Peer, astdb: Astdb) -> None:
        self.peer, self.astdb = peer, astdb
        self.health: dict[str, tuple[bool, str]] = {}
        self.events: list[Event] = []
        self.links: list[LinkUp] = []
        self.losses: list[LinkLost] = []

    def on_event(self, event: Event) -> None:
        self.events.append(event)
        if event.name == "Poison":
            raise ValueError("a listener's own fault")

    def on_link(self, link: LinkUp | LinkLost) -> None:
        (self.links if isinstance(link, LinkUp) else self.losses).append(link)

    def say(self, part: str, ok: bool, detail: str) -> None:
        self.health[part] = (ok, detail)


@asynccontextmanager
async def ami_side(engine: AsyncEngine, home: Path) -> AsyncIterator[Side]:
    astdb = Astdb()
    where = ("Location: PJSIP/1001", "StateInterface: PJSIP/1001")
    members = ("Event: QueueMember", "Queue: hotline", "Name: 1001", *where, "Penalty: 0", "Status: 1")
    peer = Peer(
        answers={
            "DBGetTree": astdb.get_tree,
            "DBPut": astdb.put_entry,
            "DBDel": astdb.delete_entry,
            "QueueStatus": lambda action: listing(action, ("Event: QueueParams", "Queue: hotline"), members),
        }
    )
    side = Side(peer, astdb)
    async with ami_peer(peer):
        settings = Settings(home=home, ami_port=peer.port, agents=("1001",), pbx="test")
        whole = AmiSide(
            settings, engine, "right", {"1001": "1001"}, side.say, on_event=side.on_event, on_link=side.on_link
        )
        work = whole.run()
        running = asyncio.create_task(work)
        try:
            await until(lambda: astdb.mode() and astdb.mode("emergency"))
            yield side
        finally:
            assert not running.done(), running.exception()
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


async def stored_state(engine: AsyncEngine, kind: str, key: str) -> dict[str, Any]:
    async with engine.connect() as connection:
        statement = select(live_states.c.payload).where(live_states.c.kind == kind, live_states.c.key == key)
        return dict((await connection.execute(statement)).scalar() or {})


def hours_now() -> str:
    return service_at(Line.HOTLINE, clock.now()).mode.value


def other(mode: str) -> Service:
    return Service.CLOSED if mode == "open" else Service.OPEN


async def test_pushes_hours_on_connect(engine: AsyncEngine, tmp_path: Path) -> None:
    async with ami_side(engine, tmp_path) as side:
        assert side.astdb.mode() == hours_now()
        assert side.astdb.mode("emergency") == "open"
        assert 0 < side.astdb.seconds_valid("emergency") <= 301
        await until(lambda: side.health["control"][0])  # said after what was pushed
        assert side.health["ami"][0] is side.health["asterisk"][0] is True
        assert [link.restarted for link in side.links] == [False]


async def test_override_is_pushed_at_once_and_withdrawn(engine: AsyncEngine, database_url: str, tmp_path: Path) -> None:
    async with ami_side(engine, tmp_path) as side:
        usual = hours_now()
        await override_hours(database_url, "hotline", other(usual), "+1h", "演练")
        await until(lambda: side.astdb.mode() == other(usual), seconds=1)
        assert (await show_schedule(database_url))[0].startswith(f"hotline: {other(usual)} (override 1: 演练)")
        assert await clear_overrides(database_url, "hotline") == "hotline: 1 override withdrawn; the hours hold again"
        await until(lambda: side.astdb.mode() == usual, seconds=1)


async def test_override_ends_by_itself(engine: AsyncEngine, tmp_path: Path) -> None:
    async with ami_side(engine, tmp_path) as side:
        usual, moment = hours_now(), clock.now()
        end = (moment + timedelta(seconds=2)).replace(microsecond=0)
        async with engine.begin() as connection:
            await add_override(
                connection, Line.HOTLINE, other(usual), starts_at=moment, until=end, reason="", made_by="test"
            )
        await until(lambda: side.astdb.mode() == other(usual), seconds=1)
        assert side.astdb["service/hotline"].split(";")[1] == str(int(end.timestamp()))
        await until(lambda: side.astdb.mode() == usual, seconds=4)
        assert (clock.now() - end).total_seconds() < 1


async def test_lost_value_is_pushed_again_after_reconnect(engine: AsyncEngine, tmp_path: Path) -> None:
    async with ami_side(engine, tmp_path) as side:
        side.astdb.clear()
        side.peer.startup = "12:05:00"
        side.peer.cut()
        await until(lambda: side.astdb.mode() and side.astdb.mode("emergency"))
        assert [link.restarted for link in side.links] == [False, True]
        assert [loss.heard_at for loss in side.losses] == [side.links[1].blind_since]


async def test_live_states_are_announced_once(engine: AsyncEngine, tmp_path: Path) -> None:
    async with ami_side(engine, tmp_path) as side:

        async def state() -> str:
            return str((await stored_state(engine, "agent", "1001")).get("state"))

        await eventually(lambda: is_(state, "available"))
        side.peer.send(message("Event: DeviceStateChange", "Device: PJSIP/1001", "State: INUSE"))
        await eventually(lambda: is_(state, "talking"))
        side.peer.send(message("Event: DeviceStateChange", "Device: PJSIP/1001", "State: INUSE"))
        side.peer.send(message("Event: DeviceStateChange", "Device: PJSIP/1001", "State: NOT_INUSE"))
        await eventually(lambda: is_(state, "available"))
        assert (await stored_state(engine, "queue", "hotline"))["agents_available"] == 1
        async with engine.connect() as connection:
            rows = (await connection.execute(select(outbox).where(outbox.c.kind == "agent"))).mappings().all()
        assert [row["payload"]["state"] for row in rows] == ["available", "talking", "available"]
        assert {(row["topic"], row["retain"]) for row in rows} == {("callcenter/test/agents/1001", True)}


async def is_(question: Any, expected: str) -> bool:
    return bool(await question() == expected)


async def test_listener_that_fails_blinds_nobody(engine: AsyncEngine, tmp_path: Path) -> None:
    async with ami_side(engine, tmp_path) as side:
        side.peer.send(message("Event: Poison") + message("Event: After"))
        await until(lambda: side.events and side.events[-1].name == "After")


async def test_works_while_postgres_is_away(
    engine: AsyncEngine, database_url: str, postgres_server: postgres.Cluster, tmp_path: Path
) -> None:
    """An override stays in force, and what happens meanwhile is announced afterwards."""
    async with ami_side(engine, tmp_path) as side:
        usual = hours_now()
        await override_hours(database_url, "hotline", other(usual), "+1h", "")
        await until(lambda: side.astdb.mode() == other(usual))
        async with database_away(postgres_server, database_url):
            side.astdb.clear()
            side.peer.cut()
            await until(lambda: side.astdb.mode() == other(usual))
            side.peer.send(message("Event: DeviceStateChange", "Device: PJSIP/1001", "State: RINGING"))
            with pytest.raises(PartUnavailable):
                await override_hours(database_url, "hotline", Service.OPEN, "+1h", "")

        async def rings() -> bool:
            return bool((await stored_state(engine, "agent", "1001")).get("state") == "ringing")

        await eventually(rings)
        await clear_overrides(database_url, "hotline")
        await until(lambda: side.astdb.mode() == usual)


@asynccontextmanager
async def database_away(server: postgres.Cluster, url: str) -> AsyncIterator[None]:
    """Every connection of one database is cut and none is let in."""
    name = make_url(url).database
    admin = await asyncpg.connect(server.url("postgres"))
    try:
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        yield
    finally:
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        await admin.close()


@pytest.mark.parametrize(
    ("line", "mode", "until_text", "reason"),
    [
        ("emergency", Service.CLOSED, "+1h", ""),
        ("fax", Service.OPEN, "+1h", ""),
        ("hotline", Service.OPEN, "yesterday", ""),
        ("hotline", Service.OPEN, "+1h", "two\nlines"),
        ("hotline", Service.OPEN, "+1h", "x" * 300),
    ],
)
async def test_impossible_override(
    engine: AsyncEngine, database_url: str, line: str, mode: Service, until_text: str, reason: str
) -> None:
    with pytest.raises(InvalidInput):
        await override_hours(database_url, line, mode, until_text, reason)
    async with engine.connect() as connection:
        assert not await current_overrides(connection, clock.now())
