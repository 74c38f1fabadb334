"""One manager connection that lasts: log in, watch, lose, come back; what it says goes into one stream.

Theory of operation
    `run` makes one connection at a time. Each goes: connect, banner, login, FullyBooted, CoreStatus, LinkUp,
    snapshot, then a watchdog: when nothing was heard for a second a Ping is sent, and a Ping without an answer ends
    the connection (half-open sockets; a wake-up that Asterisk lost, asterisk#2145). While events keep coming one is
    sent every 5 s: over a slow link they may be minutes old, and a view of the past is worse than a new snapshot.
    The reader only puts into the bounded stream. When that is full, the consumer hangs or is far too slow: the
    connection is dropped, said so, and made anew; the snapshot then repairs what was missed. So memory is bounded
    and Asterisk never waits for us.
    An action has one chance. When the connection ends, it fails with `LinkDown` and is not sent again: whoever
    wanted it looks at the new state first.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import structlog

from callcenter import clock
from callcenter.ami import actions
from callcenter.ami.actions import Action
from callcenter.ami.boot import read_boot
from callcenter.ami.faults import ActionFailed, AmiFault, LinkDown, LoginRefused
from callcenter.ami.messages import Event, Response
from callcenter.ami.model import Address, Boot, LinkLost, LinkUp, Snapshot, SnapshotBegun, Timings
from callcenter.ami.protocol import AmiProtocol, OneConnection
from callcenter.ami.stream import Stream

log = structlog.get_logger(__name__)

SNAPSHOT_ACTIONS = (actions.QUEUE_STATUS, actions.SHOW_CHANNELS, actions.DEVICE_STATES, actions.CONTACTS)
ALWAYS_WANTED = frozenset({"FullyBooted", "Shutdown"})
SHUTTING_DOWN = "Asterisk is shutting down"
"""What a stopping Asterisk answers to every action, Login among them (seen of 22.10.1)."""


def _ignore_state(ok: bool, detail: str) -> None:
    """Nobody asked how the connection is."""


class AmiClient:
    """The manager connection. `stream` has what it says; `ask` and `collect` send actions."""

    def __init__(
        self,
        address: Address,
        *,
        wanted: frozenset[str] | None = None,
        timings: Timings | None = None,
        stream: Stream | None = None,
        on_state: Callable[[bool, str], None] = _ignore_state,
        snapshot: tuple[Action, ...] = SNAPSHOT_ACTIONS,
    ) -> None:
        """`wanted`: events that reach the stream (None: all). `snapshot`: lists that each connection begins with."""
        self.stream = Stream() if stream is None else stream
        self._address, self._timings, self._on_state = address, timings or Timings(), on_state
        self._wanted = None if wanted is None else wanted | ALWAYS_WANTED
        self._link: AmiProtocol | None = None
        self._lost: asyncio.Future[str] | None = None
        self._booted: asyncio.Future[Event] | None = None
        self._boot: Boot | None = None
        self._blind_since: datetime | None = None
        self._up_since: float | None = None
        self._failures = 0
        self._said_why = ""
        self._snapshot, self._one_snapshot = snapshot, asyncio.Lock()
        self._runner: asyncio.Task[None] | None = None

    @property
    def up(self) -> bool:
        """Logged in and not known to be lost."""
        return self._up_since is not None

    @property
    def boot(self) -> Boot | None:
        """The life of Asterisk that was seen last."""
        return self._boot

    @property
    def quiet_seconds(self) -> float:
        """For how long nothing was heard of Asterisk; a second or two when nothing happens, because of the pings."""
        return self._quiet_seconds(self._link)

    async def run(self) -> None:
        """Keep the connection until cancelled or closed; nothing of it is left afterwards."""
        self._runner = asyncio.current_task()
        while True:
            try:
                await self._one_connection()
            except LoginRefused as refused:
                self._say_down(str(refused), log.error)
                await asyncio.sleep(self._timings.refused_wait)
            except (AmiFault, OSError, TimeoutError) as fault:
                self._say_down(str(fault) or type(fault).__name__, log.warning)
                await asyncio.sleep(self._next_wait())

    async def close(self) -> None:
        """Stop `run` with everything it holds: connection, timers, pending actions."""
        if self._runner is not None and self._runner is not asyncio.current_task():
            self._runner.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait({self._runner})

    async def ask(self, action: Action, seconds: float | None = None) -> Response:
        """Send an action and return Asterisk's answer.

        Raises `LinkDown`, `ActionTimedOut` (both: not known whether it was carried out) or `ActionFailed`.
        """
        response, _ = await self._usable_link().exchange(action, seconds or self._timings.answer)
        return response

    async def collect(self, action: Action, seconds: float | None = None) -> list[Event]:
        """Send an action that answers with a list and return its items. Raises as `ask` does."""
        _, events = await self._usable_link().exchange(action, seconds or self._timings.answer)
        return events

    async def take_snapshot(self) -> None:
        """Put Asterisk's present state into the stream, after a mark where it was begun."""
        if not self._snapshot:
            return
        async with self._one_snapshot:
            self.stream.put(SnapshotBegun(clock.now()))
            events: list[Event] = []
            for action in self._snapshot:
                events += await self._list_or_nothing(action)
            self.stream.put(Snapshot(clock.now(), tuple(events)))

    async def _list_or_nothing(self, action: Action) -> list[Event]:
        try:
            return await self.collect(action)
        except ActionFailed as failed:  # an empty list is an error to some actions, so is a module not loaded
            log.debug("Asterisk has no list", action=action.name, said=failed.facts["said"])
            return []

    async def _one_connection(self) -> None:
        loop = asyncio.get_running_loop()
        self._lost, self._booted = loop.create_future(), loop.create_future()
        manager = OneConnection(
            host=self._address.host, port=self._address.port, loop=loop, protocol_factory=self._new_protocol
        )
        why = "closed by us"
        try:
            async with asyncio.timeout(self._timings.connect):
                await manager.connect()
                await self._banner(manager.protocol)
            await self._log_in(manager.protocol)
            await self._come_up(manager.protocol)
            await self.take_snapshot()
            await self._watch(manager.protocol)
        except (AmiFault, OSError, TimeoutError) as fault:
            why = fault.facts.get("why", str(fault)) if isinstance(fault, AmiFault) else str(fault)
            raise
        finally:
            self._go_down(manager, why)

    def _new_protocol(self) -> AmiProtocol:
        return AmiProtocol(self._take_event, self._take_loss, self._wanted)

    async def _banner(self, link: AmiProtocol) -> None:
        assert self._lost is not None
        await asyncio.wait({link.banner, self._lost}, return_when=asyncio.FIRST_COMPLETED)
        if self._lost.done():
            raise LinkDown(why=self._lost.result())

    async def _log_in(self, link: AmiProtocol) -> None:
        action = actions.login(self._address.username, self._address.password)
        try:
            await link.exchange(action, self._timings.answer)
        except ActionFailed as failed:
            if failed.facts["said"] == SHUTTING_DOWN:  # the next one lets us in, and is there in a second or two
                raise LinkDown(why=SHUTTING_DOWN) from None
            raise LoginRefused(username=self._address.username, said=failed.facts["said"]) from None

    async def _come_up(self, link: AmiProtocol) -> None:
        """Learn which life of Asterisk this is, then tell the stream that we see again."""
        booted = await self._wait_fully_booted()
        status, _ = await link.exchange(actions.CORE_STATUS, self._timings.answer)
        boot = read_boot(status, booted, clock.now())
        restarted = self._boot is not None and self._boot.mark != boot.mark
        self._boot, self._link = boot, link
        self._up_since = asyncio.get_running_loop().time()
        self.stream.put(LinkUp(clock.now(), boot, restarted, self._blind_since))
        if restarted:
            log.warning("Asterisk was restarted", boot_at=boot.at.isoformat())
        self._said_why = ""
        log.info("Connected to Asterisk", blind_since=self._blind_since and self._blind_since.isoformat())
        self._on_state(True, f"connected to {self._address.host}:{self._address.port}")

    async def _wait_fully_booted(self) -> Event | None:
        assert self._booted is not None and self._lost is not None
        both: set[asyncio.Future[Any]] = {self._booted, self._lost}
        await asyncio.wait(both, timeout=self._timings.fully_booted, return_when=asyncio.FIRST_COMPLETED)
        if self._lost.done():
            raise LinkDown(why=self._lost.result())
        return self._booted.result() if self._booted.done() else None

    async def _watch(self, link: AmiProtocol) -> None:
        """Return never; raises `LinkDown` when the connection ended or no longer answers."""
        assert self._lost is not None
        loop, times = asyncio.get_running_loop(), self._timings
        asked_at = loop.time()
        while not self._lost.done():
            quiet = loop.time() - link.heard_at
            wait = min(times.idle - quiet, asked_at + times.busy - loop.time())
            if wait > 0:
                await asyncio.wait({self._lost}, timeout=wait)
            else:
                await link.exchange(actions.PING, times.ping_answer if quiet >= times.idle else times.behind)
                asked_at = loop.time()
        raise LinkDown(why=self._lost.result())

    def _usable_link(self) -> AmiProtocol:
        if self._link is None:
            raise LinkDown(why="not connected")
        return self._link

    def _take_event(self, event: Event) -> None:
        if event.name == "FullyBooted" and self._booted is not None and not self._booted.done():
            self._booted.set_result(event)
        if not self.stream.put(event) and self._lost is not None and not self._lost.done():
            self._lost.set_result("events came faster than they were taken; the link is made anew")

    def _take_loss(self, why: str) -> None:
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(why)

    def _go_down(self, manager: OneConnection, why: str) -> None:
        if manager.protocol is not None:
            manager.protocol.abort("closed by us")
        if self._up_since is not None:
            lived = asyncio.get_running_loop().time() - self._up_since
            self._failures = 0 if lived >= self._timings.steady else self._failures
            lost_at = clock.now()
            self._blind_since = lost_at - timedelta(seconds=self._quiet_seconds(manager.protocol))
            self.stream.put(LinkLost(lost_at, why, self._blind_since))
        self._link = self._up_since = self._lost = None

    @staticmethod
    def _quiet_seconds(link: AmiProtocol | None) -> float:
        """How long nothing was heard: a half-open connection was blind before we noticed."""
        return 0.0 if link is None else max(0.0, asyncio.get_running_loop().time() - link.heard_at)

    def _next_wait(self) -> float:
        """Doubles with each failure; half of it is chance, so that many listeners don't come back at once."""
        longest = min(self._timings.longest_wait, self._timings.first_wait * 2.0**self._failures)
        self._failures = min(self._failures + 1, 16)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing

    def _say_down(self, why: str, say: Callable[..., object]) -> None:
        """Said once for each reason, not once for each attempt."""
        if why != self._said_why:
            say("No connection to Asterisk's manager interface", why=why)
        self._said_why = why
        self._on_state(False, why)
