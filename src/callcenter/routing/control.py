"""The control loop: makes Asterisk's routing state what the facts want, and looks again and again.

Theory of operation
    It is driven by levels, not by events: on connect, on changed facts, at boundaries and every 4 s it reads what
    Asterisk holds (AstDB below `callcenter`, the queues' members), compares and sends what differs. A lost message,
    a restart or a hand-edited key is mended by the next look, within 5 s.
    It remembers what it left behind. A difference from that was made by somebody else: drift, which is logged and
    raised as an alert. A difference that our own facts made is a plain change.
    Asterisk's word on who logged out (`agent/<number>`, written by the feature codes) is read, not overwritten.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from callcenter import clock
from callcenter.agents.desired import logged_out, wanted_members
from callcenter.agents.model import QUEUES, Members
from callcenter.ami import actions
from callcenter.ami.connection import AmiClient
from callcenter.ami.faults import ActionFailed, AmiFault
from callcenter.calls.model import Line
from callcenter.routing.closing import Closing
from callcenter.routing.desired import (
    Difference,
    Provider,
    drifted,
    key_differences,
    member_differences,
    member_keys,
    providers,
)
from callcenter.routing.facts import RoutingFacts
from callcenter.routing.found import Found, Waiting, read_found, steps
from callcenter.schedule.hours import service_at, staff_of
from callcenter.schedule.model import ServiceState

log = structlog.get_logger(__name__)

LOOK_SECONDS = 4.0
RETRY_SECONDS = 1.0
SAID_ONE_BY_ONE = 20
"""More differences at once are one line in the log: Asterisk has lost its AstDB."""
CONFIDENTIAL = "pin/"


@dataclass(frozen=True, slots=True)
class Plan:
    """What the settings say of queues and closing."""

    members: Members
    """Of a queue that nobody gave members of its own"""
    interfaces: Mapping[str, str]
    """Agent → `PJSIP/<device>`"""
    grace: timedelta = timedelta()
    """How long those who wait when the line closes are still served"""


class ControlLoop:
    """Pushes the routing state. `facts` answers with the last known ones, `None` while none were ever read."""

    def __init__(
        self,
        client: AmiClient,
        plan: Plan,
        facts: Callable[[], RoutingFacts | None],
        on_state: Callable[[bool, str], None],
        on_drift: Callable[[Sequence[Difference], datetime], None],
        now: Callable[[], datetime] = clock.now,
        also: Callable[[], Sequence[Provider]] = tuple,
    ) -> None:
        self._also = also
        self._client, self._plan, self._facts, self._now = client, plan, facts, now
        self._on_state, self._on_drift = on_state, on_drift
        self._closing = Closing()
        self._known: dict[str, str] | None = None
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        """Look now: something changed."""
        self._nudged.set()

    async def run(self) -> None:
        """Look until cancelled. Whatever fails is tried again; the pushed term bounds what can go stale."""
        while True:
            self._nudged.clear()
            pause = await self._look()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._nudged.wait()

    async def _look(self) -> float:
        """Compare and send; returns the seconds until the next look."""
        facts = self._facts()
        if facts is None:
            self._on_state(False, "routing facts not read yet; Asterisk goes by what was rendered into its dialplan")
            return LOOK_SECONDS
        if not self._client.up:
            self._on_state(False, "no connection to Asterisk; it goes by what was pushed and rendered before")
            return LOOK_SECONDS
        try:
            states = await self._mend(facts)
        except AmiFault as fault:
            log.warning("Routing state not pushed", why=str(fault))
            self._on_state(False, str(fault))
            return RETRY_SECONDS
        self._on_state(True, ", ".join(f"{line.value} {state.mode.value}" for line, state in states.items()))
        return self._pause(states)

    async def _mend(self, facts: RoutingFacts) -> Mapping[Line, ServiceState]:
        moment = self._now()
        states = {line: service_at(line, moment, facts.schedule) for line in Line}
        found = await read_found(self._client)
        differences = [
            *key_differences((*providers(facts, states), *self._also()), found.keys, moment),
            *self._member_differences(facts, found, moment),
        ]
        self._tell(differences, moment)
        held = {**found.keys, **found.members}
        self._known = None if self._known is None else held  # should the link end now, what was sent is not known
        for each in differences:
            if await self._send(each, found):
                _note(held, each)
        self._known = held
        self._closing.see(states[Line.HOTLINE], facts.schedule, moment)
        await self._withdraw(self._closing.overdue(found.waiting, self._plan.grace, moment))
        return states

    def _member_differences(self, facts: RoutingFacts, found: Found, moment: datetime) -> list[Difference]:
        staff = staff_of(Line.HOTLINE, moment, facts.schedule)
        out = logged_out(found.keys)
        members = wanted_members(facts.members, self._plan.members, staff=staff, out=out)
        managed = [queue for queue in found.queues if queue in members or queue in QUEUES]
        want = member_keys(members, self._plan.interfaces, managed)
        return list(member_differences(want, found.members, managed))

    async def _send(self, difference: Difference, found: Found) -> bool:
        """Mend one difference; False when Asterisk refused (the next look sees why)."""
        try:
            for action in steps(difference, found):
                await self._client.ask(action)
        except ActionFailed as refused:
            log.warning("Asterisk refused a routing change", key=difference.key, why=str(refused))
            return False
        return True

    def _tell(self, differences: Sequence[Difference], moment: datetime) -> None:
        drift = [each for each in differences if drifted(each, self._known)]
        changes = [each for each in differences if each not in drift]
        _log(log.warning, "Drift: routing state was changed by somebody else", drift)
        _log(log.info, "Routing state pushed", [each for each in changes if not _is_renewal(each)])
        if drift:
            self._on_drift(drift, moment)

    async def _withdraw(self, overdue: Sequence[Waiting]) -> None:
        for each in overdue:
            with suppress(ActionFailed):  # he has left, or is being told already
                await self._client.ask(actions.queue_withdraw(each.queue, each.channel, "closing"))
                log.info("Caller taken out of the queue: the line has closed", queue=each.queue, channel=each.channel)

    def _pause(self, states: Mapping[Line, ServiceState]) -> float:
        """Until the next boundary of any line, the usual time at most."""
        moment = self._now()
        soonest = min((state.until for state in states.values() if state.until), default=moment + timedelta(days=1))
        return min(LOOK_SECONDS, max(0.001, (soonest - moment).total_seconds()))


def _note(held: dict[str, str], difference: Difference) -> None:
    if difference.wanted is None:
        held.pop(difference.key, None)
    else:
        held[difference.key] = difference.wanted


def _is_renewal(difference: Difference) -> bool:
    """The same mode with a later term: every four minutes, and not worth a line."""
    found, want = (difference.found or "").split(";"), (difference.wanted or "").split(";")
    mine = difference.key.startswith(("service/", "recording/"))
    return mine and [found[0], *found[2:]] == [want[0], *want[2:]]


def _log(say: Callable[..., object], text: str, differences: Sequence[Difference]) -> None:
    for each in differences[:SAID_ONE_BY_ONE]:
        say(text, key=each.key, found=shown(each, each.found), wanted=shown(each, each.wanted))
    if len(differences) > SAID_ONE_BY_ONE:
        say(text, key="(more)", count=len(differences) - SAID_ONE_BY_ONE)


def shown(difference: Difference, value: str | None) -> str | None:
    """A value as it may be logged: not what a PIN could be guessed from."""
    return "***" if value is not None and difference.key.startswith(CONFIDENTIAL) else value
