"""What agents do with their phones besides calls: AGENT events of the dialplan (dialplans/feature-codes.conf). Pure.

`AGENT,<event>;<agent>;<detail>`. An act is for the operation log; two kinds also say something of a call that is not
the one they are said on: a complaint about the agent's last call, and a supervisor who listens to a running one.
"""

import re
from collections.abc import Callable, Iterable
from uuid import UUID

from callcenter.calls.events import AgentActed, Anomaly, CallEnded, CallEvent, CallMarked
from callcenter.calls.model import Direction
from callcenter.calls.record import build_record
from callcenter.calls.state import CallState, Channel
from callcenter.calls.talking import direction_of
from callcenter.journal.facts import CelFact

ACT = re.compile("([a-z][a-z0-9_]{0,39});([0-9]{2,15});([0-9A-Za-z_]{0,40})")
SUPERVISION = frozenset({"listen", "whisper", "barge"})
FEATURE_CODE = "*"


def is_code(call: CallState) -> bool:
    """A phone that dialled a feature code and reached nobody: no call, but an act for the operation log."""
    return len(call.channels) == 1 and call.root.agent is not None and call.root.exten.startswith(FEATURE_CODE)


class LastCalls:
    """Each agent's last call with a citizen, for the complaint that is noted after it."""

    def __init__(self) -> None:
        self._of: dict[str, tuple[str, UUID]] = {}
        """Agent → his channel's uniqueid, the call's id"""

    @property
    def ids(self) -> frozenset[UUID]:
        """Calls that may still be marked after they were forgotten."""
        return frozenset(call_id for _, call_id in self._of.values())

    def note(self, call: CallState, channel: Channel) -> None:
        """This agent talks in this call now."""
        if channel.agent and direction_of(call) is not Direction.INTERNAL:
            self._of[channel.agent] = (channel.uniqueid, call.id)

    def remember(self, agent: str, call_id: UUID) -> None:
        """What was stored before this tracker began; newer knowledge stays."""
        self._of.setdefault(agent, ("", call_id))

    def settle(self, call: CallState) -> None:
        """The call is about to be forgotten: keep the id it has in the end."""
        for agent, (uniqueid, _) in list(self._of.items()):
            if uniqueid in call.channels:
                self._of[agent] = (uniqueid, call.id)

    def mark(self, act: AgentActed, mark: str, find: Callable[[str], CallState | None]) -> tuple[CallEvent, ...]:
        """Put a mark on the agent's last call, whether it runs, has just ended or is long over."""
        if act.agent not in self._of:
            return (Anomaly(act.at, "no_last_call", act.agent),)
        uniqueid, call_id = self._of[act.agent]
        call = find(uniqueid) if uniqueid else None
        if call is None:
            return (CallMarked(call_id, mark, act.at),)
        call.marks.add(mark)
        call.note(act.at, mark, act.agent)
        return (CallEnded(build_record(call), again=True),) if call.evidence else ()


Find = Callable[[str], CallState | None]
"""The call of a channel, while it is known"""


def take_act(
    call: CallState, fact: CelFact, running: Iterable[CallState], last: LastCalls, find: Find
) -> tuple[CallEvent, ...]:
    """The act, and what follows for other calls."""
    said = ACT.fullmatch(str(fact.extra.get("extra", "")))
    if said is None:
        return (Anomaly(fact.at, "agent_event_unreadable", call.root.uniqueid[:64]),)
    act = AgentActed(fact.at, said[2], said[1], said[3], fact.uniqueid)
    call.note(fact.at, f"agent_{act.event}", act.detail)
    if act.event in SUPERVISION:
        _supervise(act, running)
    complaint = act.event == "complaint" and act.detail == "last"
    return (act, *(last.mark(act, "complaint", find) if complaint else ()))


def _supervise(act: AgentActed, running: Iterable[CallState]) -> None:
    """`detail` is the agent who is listened to: the call in which he talks with somebody outside."""
    for call in running:
        if call.evidence is None and direction_of(call) is not Direction.INTERNAL and _talks(call, act.detail):
            call.marks.add("supervised")
            call.note(act.at, "supervised", f"{act.agent} {act.event}")


def _talks(call: CallState, agent: str) -> bool:
    phones = (c for c in call.channels.values() if c.agent == agent and c.ended_at is None)
    return any(stay.end is None for phone in phones for stay in phone.stays)
