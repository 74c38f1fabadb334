"""Who waits in which queue and who talks, from events and snapshots: pure, no clock, no I/O."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from callcenter.ami.events import (
    AgentDone,
    AgentTalks,
    CallerJoined,
    CallerLeft,
    ChannelGone,
    ChannelListed,
    ChannelRings,
    EmergencyTaken,
    MemberRemoved,
    MemberSeen,
    QueueListed,
    Typed,
    WaitingListed,
)
from callcenter.calls.ids import PLACEHOLDER_PREFIX

EMERGENCY = "emergency"


@dataclass(frozen=True, slots=True)
class Waiting:
    uniqueid: str
    caller_number: str
    since: datetime


@dataclass(slots=True)
class Queue:
    """One queue as last seen; the order of `waiting` is the order of service."""

    name: str
    waiting: list[Waiting] = field(default_factory=list)
    members: dict[str, bool] = field(default_factory=dict)
    """Member → paused here"""
    talks: dict[str, str] = field(default_factory=dict)
    """Member → uniqueid of the caller; empty when it was seen in a snapshot only"""

    def join(self, caller: Waiting, position: int) -> None:
        """Add a caller at a position; one who is in already stays where he is."""
        if all(each.uniqueid != caller.uniqueid for each in self.waiting):
            self.waiting.insert(position - 1, caller)

    def leave(self, uniqueid: str) -> None:
        self.waiting = [each for each in self.waiting if each.uniqueid != uniqueid]


class LiveQueues:
    """All queues. Feeding the same event twice changes nothing, so a snapshot may overlap the events around it."""

    def __init__(self) -> None:
        self._queues: dict[str, Queue] = {}

    def feed(self, event: Typed, moment: datetime) -> None:
        """Take one event."""
        match event:
            case CallerJoined():
                caller = Waiting(event.uniqueid, event.caller_number, moment)
                self._at(event.queue).join(caller, event.position)
            case CallerLeft():
                self._at(event.queue).leave(event.uniqueid)
            case AgentTalks():
                self._at(event.queue).leave(event.uniqueid)
                self._at(event.queue).talks[event.member] = event.uniqueid
            case AgentDone():
                self._at(event.queue).talks.pop(event.member, None)
            case MemberSeen():
                self._at(event.queue).members[event.member] = event.paused
            case MemberRemoved():
                self._at(event.queue).members.pop(event.member, None)
            case ChannelRings() if event.emergency:
                caller = Waiting(event.emergency, event.caller_number, moment)
                self._join_emergency(caller)
            case EmergencyTaken() if event.uniqueid:
                self._at(EMERGENCY).leave(event.uniqueid)
                self._at(EMERGENCY).talks[event.uniqueid] = event.uniqueid
            case ChannelGone():
                self._forget_channel(event.uniqueid)

    def reset(self, listed: Sequence[Typed], moment: datetime) -> None:
        """Take a whole snapshot; what it does not list is gone."""
        before, self._queues = self._queues, {}
        alive = {each.uniqueid for each in listed if isinstance(each, ChannelListed)}
        for event in listed:
            match event:
                case QueueListed():
                    self._at(event.queue)
                case WaitingListed():
                    self._list_waiting(event, before.get(event.queue), moment)
                case MemberSeen():
                    self._list_member(event, before.get(event.queue), alive)
                case ChannelListed() if event.in_emergency:
                    known = before.get(EMERGENCY, Queue(EMERGENCY)).waiting
                    since = next((each.since for each in known if each.uniqueid == event.uniqueid), moment)
                    self._join_emergency(Waiting(event.uniqueid, event.caller_number, since))

    def payloads(self, available: Callable[[str], bool]) -> dict[str, dict[str, Any]]:
        """Each queue's state as it is announced, by name; `available` says whether an agent's phone is free."""
        return {name: _payload(queue, available) for name, queue in self._queues.items()}

    def named(self, name: str) -> Queue | None:
        """One queue as it stands, placeholders of callbacks included; None for one that was never seen."""
        return self._queues.get(name)

    def _join_emergency(self, caller: Waiting) -> None:
        """The emergency line's chain is no Queue() of Asterisk's, but waiting is waiting."""
        queue = self._at(EMERGENCY)
        if caller.uniqueid not in queue.talks:
            queue.join(caller, len(queue.waiting) + 1)

    def _at(self, name: str) -> Queue:
        return self._queues.setdefault(name, Queue(name))

    def _list_waiting(self, event: WaitingListed, before: Queue | None, moment: datetime) -> None:
        known = [each for each in (before.waiting if before else ()) if each.uniqueid == event.uniqueid]
        since = known[0].since if known else moment - timedelta(seconds=event.wait_seconds)
        self._at(event.queue).join(Waiting(event.uniqueid, event.caller_number, since), event.position)

    def _list_member(self, event: MemberSeen, before: Queue | None, alive: set[str]) -> None:
        queue = self._at(event.queue)
        queue.members[event.member] = event.paused
        uniqueid = before.talks.get(event.member, "") if before else ""
        if event.in_call:
            queue.talks[event.member] = uniqueid if uniqueid in alive else ""

    def _forget_channel(self, uniqueid: str) -> None:
        for queue in self._queues.values():
            queue.leave(uniqueid)
            for member in [each for each, caller in queue.talks.items() if caller == uniqueid]:
                del queue.talks[member]


def _payload(queue: Queue, available: Callable[[str], bool]) -> dict[str, Any]:
    waiting = [
        {"caller_number": each.caller_number or None, "position": n, "waiting_since": each.since.isoformat()}
        for n, each in enumerate(queue.waiting, 1)
        if not each.uniqueid.startswith(PLACEHOLDER_PREFIX)
    ]
    return {
        "queue": queue.name,
        "waiting": waiting,
        "waiting_count": len(waiting),
        "agents_available": sum(1 for who, paused in queue.members.items() if not paused and available(who)),
        "agents_total": len(queue.members),
        "calls_in_talk": len(queue.talks),
    }
