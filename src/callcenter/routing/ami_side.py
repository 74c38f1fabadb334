"""All that talks with Asterisk's manager, as one part: connection, live view, control loop."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter import clock
from callcenter.ami.connection import AmiClient
from callcenter.ami.events import KNOWN
from callcenter.ami.faults import AmiFault
from callcenter.ami.messages import Event
from callcenter.ami.model import Address, Item, LinkLost, LinkUp, Snapshot
from callcenter.queues.live_view import LiveView
from callcenter.queues.publisher import LivePublisher
from callcenter.routing.control import ControlLoop
from callcenter.schedule.watch import OverrideWatch
from callcenter.settings import Settings

log = structlog.get_logger(__name__)

SNAPSHOT_SECONDS = 60.0
"""The live view is compared with Asterisk's own lists so often, whether or not anything seems wrong"""
Health = Callable[[str, bool, str], None]


class AmiSide:
    """Runs until cancelled. `health(part, ok, detail)` hears of the parts ami, asterisk and control.

    `on_event` gets every event in order (ingest may be nudged by it), `on_link` each new link: its `boot.at` is
    when Asterisk started, `restarted` and `blind_since` say what was missed.
    """

    def __init__(
        self,
        settings: Settings,
        engine: AsyncEngine,
        ami_password: str,
        health: Health,
        *,
        on_event: Callable[[Event], None] | None = None,
        on_link: Callable[[LinkUp], None] | None = None,
    ) -> None:
        self._health, self._on_event, self._on_link = health, on_event, on_link
        address = Address(settings.ami_host, settings.ami_port, settings.ami_username, ami_password)
        wanted = KNOWN if on_event is None else None
        self.client = AmiClient(address, wanted=wanted, on_state=self._ami_state)
        self.view = LiveView(settings.agents, clock.now())
        self._publisher = LivePublisher(engine, settings.pbx, self.view)
        self._watch = OverrideWatch(engine, self._nudge_control)
        self._control = ControlLoop(self.client, lambda: self._watch.overrides, self._control_state)

    async def run(self) -> None:
        """Run all loops; the first one to fail for an unknown reason ends them all and is raised."""
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self.client.run(), name="ami connection")
            loops.create_task(self._consume(), name="ami stream")
            loops.create_task(self._compare(), name="live view snapshots")
            loops.create_task(self._publisher.run(), name="live state publisher")
            loops.create_task(self._watch.run(), name="schedule watch")
            loops.create_task(self._control.run(), name="control loop")

    async def _consume(self) -> None:
        while True:
            for item in await self.client.stream.take():
                self._take(item, clock.now())
            if self.view.changed:
                self._publisher.nudge()
            await asyncio.sleep(0)

    def _take(self, item: Item, moment: datetime) -> None:
        match item:
            case LinkUp():
                self._greet(item)
            case LinkLost():
                self._health("asterisk", False, f"its manager interface is not reachable: {item.why}")
            case _:
                self.view.feed(item, moment)
                if isinstance(item, Snapshot):
                    self._control.nudge()
        if isinstance(item, Event) and self._on_event is not None:
            self._pass_on(self._on_event, item)

    def _pass_on(self, on_event: Callable[[Event], None], event: Event) -> None:
        try:
            on_event(event)
        except Exception:  # what a listener does wrong may not blind the live view
            log.exception("An event's listener failed", name=event.name)

    def _greet(self, link: LinkUp) -> None:
        self._health("asterisk", True, f"running since {link.boot.at.isoformat()}")
        if link.blind_since is not None:
            seconds = round((link.at - link.blind_since).total_seconds(), 3)
            log.warning("Blind interval", since=link.blind_since.isoformat(), until=link.at.isoformat(), s=seconds)
        if self._on_link is not None:
            self._on_link(link)
        self._control.nudge()

    async def _compare(self) -> None:
        while True:
            await asyncio.sleep(SNAPSHOT_SECONDS)
            try:
                await self.client.take_snapshot()
            except AmiFault as fault:
                log.info("No snapshot this time", why=str(fault))

    def _nudge_control(self) -> None:
        self._control.nudge()

    def _ami_state(self, ok: bool, detail: str) -> None:
        self._health("ami", ok, detail)
        if not ok:
            self._health("asterisk", False, f"its manager interface is not reachable: {detail}")

    def _control_state(self, ok: bool, detail: str) -> None:
        self._health("control", ok, detail)


async def run_ami_side(
    settings: Settings,
    engine: AsyncEngine,
    ami_password: str,
    health: Health,
    on_event: Callable[[Event], None] | None = None,
    on_link: Callable[[LinkUp], None] | None = None,
) -> None:
    """Run connection, live view and control loop until cancelled."""
    side = AmiSide(settings, engine, ami_password, health, on_event=on_event, on_link=on_link)
    await side.run()
