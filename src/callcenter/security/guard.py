"""Follows Asterisk's security events, keeps them, and has addresses that guess passwords turned away.

Theory of operation
    A connection of its own to the manager interface, for security events alone: a flood of them never delays the live
    view. Each failure is counted at once, in memory (`brute_force`); an address over the limit goes into Asterisk's
    access list at once, whether or not Postgres answers. What Postgres holds is then made equal: events and blocks
    are stored, blocks that were lifted or ran out leave the list. That is looked at each second, level-triggered: a
    file changed by hand or a reload that failed is mended by the next look.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callcenter import clock
from callcenter.ami import actions
from callcenter.ami.actions import Action
from callcenter.ami.connection import AmiClient
from callcenter.ami.faults import AmiFault
from callcenter.ami.messages import Event
from callcenter.ami.model import Address
from callcenter.security.access_list import access_list, read_access_list, write_access_list
from callcenter.security.alarms import tell_blocks, tell_certificate, tell_toll_fraud
from callcenter.security.brute_force import BruteForce, Limit
from callcenter.security.certificates import ends_at
from callcenter.security.model import KEPT, Block, SecurityEvent, read_event
from callcenter.security.repository import add_block, add_events, forget_old_events, list_blocked
from callcenter.storage.away import AWAY

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
ALARM_EVERY = timedelta(seconds=5)
FORGET_EVERY = timedelta(hours=6)
MOST_UNSTORED = 5_000
"""Events kept in memory while Postgres is away; the oldest go first."""
RELOAD = Action("Reload", (("Module", "res_pjsip.so"),))


@dataclass(frozen=True, slots=True)
class Place:
    """Which Asterisk is guarded. `access_list` is None when its files are not ours: then attacks are only told."""

    pbx: str
    manager: Address
    access_list: Path | None
    spared: frozenset[str] = frozenset()
    """Never blocked: the trunk, this machine"""
    certificate: Path | None = None
    """The one in use by SIP over TLS"""
    limit: Limit = field(default_factory=Limit)


class Guard:
    """Runs until cancelled. `health("security", ok, detail)` hears how it goes."""

    def __init__(self, engine: AsyncEngine, place: Place, health: Callable[[str, bool, str], None]) -> None:
        self._engine, self._place, self._health = engine, place, health
        self._client = AmiClient(place.manager, wanted=KEPT)
        self._rule = BruteForce(place.limit)
        self._unstored: deque[SecurityEvent] = deque(maxlen=MOST_UNSTORED)
        self._blocks: dict[str, Block] = {}
        self._unsaved: list[Block] = []
        self._loaded = ""
        self._told = asyncio.Event()
        self._alarm_due = self._forget_due = clock.now()

    async def run(self) -> None:
        """Follow, count, block and keep."""
        if self._place.access_list is not None:
            self._loaded = read_access_list(self._place.access_list)
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._client.run(), name="security connection")
            loops.create_task(self._read(), name="security events")
            loops.create_task(self._keep(), name="security keeping")

    async def _read(self) -> None:
        while True:
            for item in await self._client.stream.take():
                if isinstance(item, Event) and (event := read_event(item, clock.now())):
                    self._take(event)
            await asyncio.sleep(0)

    def _take(self, event: SecurityEvent) -> None:
        self._unstored.append(event)
        block = self._rule.feed(event)
        if block and block.address not in self._place.spared:
            log.warning("Address guesses passwords", address=block.address, failures=block.failures)
            self._unsaved.append(block)
            self._told.set()

    async def _keep(self) -> None:
        while True:
            self._told.clear()
            moment = clock.now()
            await self._spare_registered()
            self._blocks |= {block.address: block for block in self._unsaved}
            await self._enforce(moment)
            if await self._store(moment):
                await self._enforce(moment)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._told.wait()

    async def _spare_registered(self) -> None:
        """An address from which one of our phones is registered keeps being heard: its failures may be forged (UDP)."""
        if not self._unsaved:
            return
        phones = await self._registered()
        for block in [b for b in self._unsaved if b.address in phones]:
            self._unsaved.remove(block)
            log.warning("Not blocked, a phone of ours is registered from there", address=block.address)

    async def _registered(self) -> set[str]:
        try:
            contacts = await self._client.collect(actions.CONTACTS)
        except AmiFault:
            return set()
        return {_host(contact.get("Uri")) for contact in contacts}

    async def _enforce(self, moment: datetime) -> None:
        """Make Asterisk's list what it should be. A failure is tried again with the next look."""
        path = self._place.access_list
        if path is None:
            return self._health(
                "security", True, "events are followed; blocking is left to the remote Asterisk's owner"
            )
        wanted = access_list(a for a, block in self._blocks.items() if block.until > moment)
        try:
            if read_access_list(path) != wanted:
                write_access_list(path, wanted)
            if wanted != self._loaded:
                await self._client.ask(RELOAD)
                self._loaded = wanted
        except (AmiFault, OSError) as fault:
            return self._health("security", False, f"the access list is not in force: {fault}")
        return self._health("security", self._client.up, f"{wanted.count('deny')} addresses blocked")

    async def _store(self, moment: datetime) -> bool:
        """Bring Postgres and memory together; False while it is away."""
        events, blocks = list(self._unstored), list(self._unsaved)
        try:
            async with asyncio.timeout(5), self._engine.begin() as connection:
                if events:
                    await add_events(connection, self._place.pbx, events)
                for block in blocks:
                    await add_block(connection, self._place.pbx, block)
                alive = await list_blocked(connection, moment, self._place.pbx)
                await self._tell(connection, moment, blocks)
        except AWAY as error:
            log.debug("Security events not stored yet", why=str(error))
            return False
        for _ in events:
            self._unstored.popleft()
        self._unsaved = [block for block in self._unsaved if block not in blocks]
        fresh = {block.address: block for block in self._unsaved}
        self._blocks = {row["address"]: _block(row) for row in alive} | fresh
        return True

    async def _tell(self, connection: AsyncConnection, moment: datetime, blocks: list[Block]) -> None:
        if blocks or moment >= self._alarm_due:
            await tell_blocks(connection, self._place.pbx, moment)
            await tell_toll_fraud(connection, self._place.pbx, moment)
            self._alarm_due = moment + ALARM_EVERY
        if moment >= self._forget_due:
            end = ends_at(self._place.certificate) if self._place.certificate else None
            await tell_certificate(connection, self._place.pbx, end, moment)
            await forget_old_events(connection, moment)
            self._forget_due = moment + FORGET_EVERY


def _block(row: RowMapping) -> Block:
    return Block(row["address"], row["since"], row["until"], row["failures"], row["reason"])


def _host(uri: str) -> str:
    """The host of `sip:user@10.0.0.5:5060;ob`."""
    return urlsplit(f"//{uri.partition(':')[2].partition(';')[0]}").hostname or ""
