"""All that talks with Asterisk's manager, as one part: connection, live view, control loop."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter import clock
from callcenter.agents.assistant import Assistant
from callcenter.agents.desired import default_members
from callcenter.agents.recording_pauses import OnMute
from callcenter.alerts.keeper import AlertKeeper
from callcenter.ami import actions
from callcenter.ami.connection import AmiClient
from callcenter.ami.events import KNOWN
from callcenter.ami.faults import AmiFault
from callcenter.ami.messages import Event
from callcenter.ami.model import Address, Item, LinkLost, LinkUp, Snapshot
from callcenter.callbacks.dialer import Dialer
from callcenter.queues.live_view import LiveView
from callcenter.queues.publisher import LivePublisher
from callcenter.routing import recording_failure
from callcenter.routing.alarms import Alarms
from callcenter.routing.callback_side import dialer_settings, sight_of
from callcenter.routing.control import ControlLoop, Plan
from callcenter.routing.facts import RoutingFacts
from callcenter.routing.watch import FactsWatch
from callcenter.schedule import snapshot
from callcenter.settings import Settings

log = structlog.get_logger(__name__)

SNAPSHOT_SECONDS = 60.0
"""The live view is compared with Asterisk's own lists so often, whether or not anything seems wrong"""
TICK_SECONDS = 1.0
Health = Callable[[str, bool, str], None]


class AmiSide:
    """Runs until cancelled. `health(part, ok, detail)` hears of the parts ami, asterisk and control.

    `devices`: phone number → SIP device, which is how queues name their members.
    `on_event` gets every event in order (ingest may be nudged by it), `on_link` each new link and each loss: `boot.at`
    is when Asterisk started, `restarted` and `blind_since` say what was missed.
    """

    def __init__(
        self,
        settings: Settings,
        engine: AsyncEngine,
        ami_password: str,
        devices: Mapping[str, str],
        health: Health,
        *,
        on_event: Callable[[Event], None] | None = None,
        on_link: Callable[[LinkUp | LinkLost], None] | None = None,
    ) -> None:
        self._health, self._on_event, self._on_link = health, on_event, on_link
        address = Address(settings.ami_host, settings.ami_port, settings.ami_username, ami_password)
        wanted = KNOWN if on_event is None else None
        self.client = AmiClient(address, wanted=wanted, on_state=self._ami_state)
        self.view = LiveView(settings.agents, clock.now())
        self._publisher = LivePublisher(engine, settings.pbx, self.view)
        sight = lambda: sight_of(self.view) if self.client.up else None  # noqa: E731 - a view of a moment
        self._dialer = Dialer(engine, self.client, sight, dialer_settings(settings), health)
        self.alerts = AlertKeeper(engine, settings.pbx)
        self._alarms = Alarms(self.alerts, clock.now())
        self._schedule_path = settings.asterisk_dir / "schedule.json"
        self._schedules: asyncio.Queue[RoutingFacts] = asyncio.Queue()
        self._watch = FactsWatch(engine, settings.pbx, self._take_facts, return_within=_return_within(settings))
        interfaces = {number: f"PJSIP/{device}" for number, device in devices.items()}
        self.on_mute: OnMute = lambda channel, muted, by, at: None
        """Hears of each recording that was paused or goes on"""
        self._may_pause = settings.recording_pause
        self._on_failure, self._failure = settings.recording_failure, ""
        in_call = self.view.agents.in_call
        self._controls = settings.control
        self._assistant = Assistant(
            self.client, interfaces, in_call, may_pause=settings.recording_pause,
            longest_pause=timedelta(seconds=settings.recording_pause_seconds), on_mute=self._tell_mute,
        )  # fmt: skip
        self._control = ControlLoop(
            self.client, plan_of(settings, devices), lambda: self._watch.facts, self._control_state,
            self._alarms.see_drift, also=lambda: (recording_failure.provider(self._failure),),
        )  # fmt: skip

    async def run(self) -> None:
        """Run all loops; the first one to fail for an unknown reason ends them all and is raised."""
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self.client.run(), name="ami connection")
            loops.create_task(self._consume(), name="ami stream")
            loops.create_task(self._compare(), name="live view snapshots")
            loops.create_task(self._publisher.run(), name="live state publisher")
            if self._controls:
                self._run_control(loops)

    def see_recordings(self, why: str | None) -> None:
        """Recordings can't be written (why), or can again (None): new calls are served as the policy says."""
        self._failure = self._on_failure if why is not None and self._on_failure != recording_failure.GO_ON else ""
        self._control.nudge()

    def _tell_mute(self, channel: str, muted: bool, by: str, at: datetime) -> None:
        self.on_mute(channel, muted, by, at)

    async def mute(self, channel: str, *, mute: bool, by: str) -> str:
        """Pause a channel's recording or let it go on; `done`, or why not."""
        if mute and not self._may_pause:
            return "the policy of this site allows no pauses (recording_pause)"
        try:
            await self._assistant.mute(channel, mute=mute, by=by)
        except AmiFault as fault:
            return str(fault)
        return "done"

    async def variable(self, channel: str, name: str) -> str:
        """A channel's variable, or a function of it; empty for one that is not set. Raises `AmiFault`."""
        return (await self.client.ask(actions.get_variable(channel, name))).get("Value")

    def _run_control(self, loops: asyncio.TaskGroup) -> None:
        """All that sends Asterisk something, or says what should be different there."""
        loops.create_task(self._dialer.run(), name="callback dialer")
        loops.create_task(self._watch.run(), name="facts watch")
        loops.create_task(self._keep_schedule(), name="schedule file")
        loops.create_task(self._control.run(), name="control loop")
        loops.create_task(self.alerts.run(), name="alerts")
        loops.create_task(self._tick(), name="alarms")
        loops.create_task(self._assistant.run(), name="agents' assistant")

    async def _consume(self) -> None:
        while True:
            for item in await self.client.stream.take():
                self._take(item, clock.now())
            if self.view.changed:
                self._publisher.nudge()
                self._dialer.nudge()
            await asyncio.sleep(0)

    def _take(self, item: Item, moment: datetime) -> None:
        match item:
            case LinkUp():
                self._greet(item)
            case LinkLost():
                self._health("asterisk", False, f"its manager interface is not reachable: {item.why}")
                if self._on_link is not None:
                    self._on_link(item)
            case _:
                self.view.feed(item, moment)
                if isinstance(item, Event) and item.name == "UserEvent":
                    self._assistant.feed(item)
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
        if not self._controls:
            self._health("control", True, "another listener controls this Asterisk; this one only watches")
        if self._on_link is not None:
            self._on_link(link)
        self._assistant.see_link()
        self._control.nudge()

    async def _compare(self) -> None:
        while True:
            await asyncio.sleep(SNAPSHOT_SECONDS)
            try:
                await self.client.take_snapshot()
            except AmiFault as fault:
                log.info("No snapshot this time", why=str(fault))

    async def _tick(self) -> None:
        while True:
            self._alarms.tick(self._watch.facts, clock.now())
            await asyncio.sleep(TICK_SECONDS)

    async def _keep_schedule(self) -> None:
        """Keep the schedule as a file: the next start renders its hours and holidays without a database."""
        while True:
            facts = await self._schedules.get()
            try:
                await asyncio.to_thread(snapshot.write, self._schedule_path, facts.schedule)
            except OSError as error:
                log.warning("The schedule's file can't be written", why=str(error))

    def _take_facts(self, facts: RoutingFacts) -> None:
        self._schedules.put_nowait(facts)
        self._control.nudge()

    def _ami_state(self, ok: bool, detail: str) -> None:
        self._health("ami", ok, detail)
        self._alarms.see_link(ok, clock.now())
        if not ok:
            self._health("asterisk", False, f"its manager interface is not reachable: {detail}")

    def _control_state(self, ok: bool, detail: str) -> None:
        self._health("control", ok, detail)


def plan_of(settings: Settings, devices: Mapping[str, str]) -> Plan:
    """What the settings say to the control loop."""
    return Plan(
        members=default_members(settings.agents, settings.overflow_agents),
        interfaces={number: f"PJSIP/{device}" for number, device in devices.items()},
        grace=timedelta(seconds=settings.closing_grace_seconds),
    )


def _return_within(settings: Settings) -> timedelta | None:
    return timedelta(days=settings.return_to_last_agent_days) if settings.return_to_last_agent else None
