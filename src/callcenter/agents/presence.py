"""What each agent is doing, from events and snapshots: pure, no clock, no I/O."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from callcenter.ami.events import (
    AgentRings,
    AgentTalks,
    ChannelRings,
    ContactSeen,
    DeviceChanged,
    MemberRemoved,
    MemberSeen,
    Typed,
)
from callcenter.calls.model import agent_of_endpoint


class Presence(StrEnum):
    """What an agent is doing, as supervisors see it."""

    OFFLINE = "offline"
    """The phone is not registered"""
    AVAILABLE = "available"
    RINGING = "ringing"
    TALKING = "talking"
    PAUSED = "paused"
    WRAP_UP = "wrap_up"
    """Paused for the notes on the last call"""
    LOGGED_OUT = "logged_out"
    """The phone is there, and its owner is in no queue"""
    UNAVAILABLE = "unavailable"
    """The phone is registered but doesn't answer Asterisk"""


BUSY = {
    "RINGING": Presence.RINGING,
    "RINGINUSE": Presence.TALKING,
    "INUSE": Presence.TALKING,
    "BUSY": Presence.TALKING,
    "ONHOLD": Presence.TALKING,
}
"""Device states of a phone with a call; such a one counts as that even while it is paused."""
WRAP_UP_REASON = "wrap_up"
"""As dialplans/feature-codes.conf gives it"""
IN_CALL = (Presence.RINGING, Presence.TALKING)


@dataclass(slots=True)
class Agent:
    """One agent's phone and memberships as last seen."""

    number: str
    since: datetime
    device: str = "UNAVAILABLE"
    state: Presence = Presence.OFFLINE
    caller_number: str = ""
    contacts: set[str] = field(default_factory=set)
    paused_in: dict[str, bool] = field(default_factory=dict)
    """Queue → paused there, for each queue the agent is a member of"""
    pause_reason: str = ""

    def derive(self) -> Presence:
        if self.device in BUSY:
            return BUSY[self.device]
        if self.device != "NOT_INUSE":
            return Presence.UNAVAILABLE if self.contacts else Presence.OFFLINE
        if not self.paused_in:
            return Presence.LOGGED_OUT
        if not all(self.paused_in.values()):
            return Presence.AVAILABLE
        return Presence.WRAP_UP if self.pause_reason == WRAP_UP_REASON else Presence.PAUSED


class Agents:
    """All agents: the configured ones and whoever is a member of a queue."""

    def __init__(self, numbers: Iterable[str], moment: datetime) -> None:
        self._agents = {number: Agent(number, moment) for number in numbers}

    def feed(self, event: Typed, moment: datetime) -> None:
        """Take one event. Events about nobody we know change nothing."""
        match event:
            case MemberSeen():
                self._take_member(event, moment)
            case MemberRemoved():
                self._at(event.member, moment).paused_in.pop(event.queue, None)
            case AgentRings() | AgentTalks():
                self._at(event.member, moment).caller_number = event.caller_number
            case DeviceChanged():
                if agent := self._of_device(event.device):
                    agent.device = event.state
            case ContactSeen():
                self._take_contact(event)
            case ChannelRings():
                if (agent := self._of_device(event.channel.rpartition("-")[0])) and event.caller_number:
                    agent.caller_number = event.caller_number
        self._settle(moment)

    def reset(self, listed: Sequence[Typed], moment: datetime) -> None:
        """Take a whole snapshot: who is in no list any more has no membership and no registration."""
        for agent in self._agents.values():
            agent.paused_in.clear()
            agent.contacts.clear()
        for event in sorted(listed, key=lambda each: isinstance(each, DeviceChanged)):
            self.feed(event, moment)

    def remember(self, payloads: Iterable[dict[str, Any]]) -> None:
        """Take over what was announced before we were started: an unchanged state keeps its beginning."""
        for payload in payloads:
            agent = self._agents.get(str(payload.get("agent")))
            if agent is not None and payload.get("state") == agent.state.value:
                agent.since = min(agent.since, datetime.fromisoformat(payload["since"]))
                agent.caller_number = agent.caller_number or payload.get("caller_number") or ""

    def payloads(self) -> dict[str, dict[str, Any]]:
        """Each agent's state as it is announced, by number."""
        return {number: _payload(agent) for number, agent in self._agents.items()}

    def in_call(self, number: str) -> bool:
        """Whether the agent's phone rings or talks."""
        agent = self._agents.get(number)
        return agent is not None and agent.device in BUSY

    def available(self, number: str) -> bool:
        """Would take a call now, pauses aside."""
        agent = self._agents.get(number)
        return agent is not None and agent.device == "NOT_INUSE"

    def _take_member(self, event: MemberSeen, moment: datetime) -> None:
        agent = self._at(event.member, moment)
        agent.paused_in[event.queue] = event.paused
        agent.pause_reason = event.pause_reason if event.paused else ""
        if event.listed:
            agent.device = event.device

    def _take_contact(self, event: ContactSeen) -> None:
        agent = self._of_endpoint(event.endpoint)
        if agent is not None and event.present:
            agent.contacts.add(event.uri)
        elif agent is not None:
            agent.contacts.discard(event.uri)

    def _at(self, number: str, moment: datetime) -> Agent:
        return self._agents.setdefault(number, Agent(number, moment))

    def _of_device(self, device: str) -> Agent | None:
        return self._of_endpoint(device.removeprefix("PJSIP/")) if device.startswith("PJSIP/") else None

    def _of_endpoint(self, endpoint: str) -> Agent | None:
        return self._agents.get(agent_of_endpoint(endpoint))

    def _settle(self, moment: datetime) -> None:
        for agent in self._agents.values():
            state = agent.derive()
            if state is agent.state:
                continue
            agent.state, agent.since = state, moment
            if state not in IN_CALL:
                agent.caller_number = ""


def _payload(agent: Agent) -> dict[str, Any]:
    in_call = agent.state in IN_CALL
    return {
        "agent": agent.number,
        "name": agent.number,
        "state": agent.state.value,
        "since": agent.since.isoformat(),
        "call_id": None,
        "caller_number": (agent.caller_number or None) if in_call else None,
        "pause_reason": agent.pause_reason or None,
        "queues": sorted(agent.paused_in),
    }
