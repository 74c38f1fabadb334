"""The emergency line's chain in the journal: what the dialplan says of it, and which alarms follow. Pure.

A stay in the chain is a stay in the queue `emergency`: record, figures and wallboard know one kind of waiting.
The alarms are raised in the transaction that stores the facts they follow from (`calls.store`): none is lost when the
listener or Postgres is away, none comes twice, and the journal is read every 0.1 s while a call is up.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from callcenter.alerts.model import Alert, Severity
from callcenter.calls.events import (
    AgentRinging,
    CallAnswered,
    CallEnded,
    CallEvent,
    CallQueued,
    EmergencyEscalated,
    EmergencyUnanswered,
)
from callcenter.calls.model import Outcome
from callcenter.calls.state import CallState, Visit
from callcenter.journal.facts import CelFact

QUEUE = "emergency"
NUMBER = re.compile("[0-9]{2,15}")
STEP = re.compile("emergency_step;([0-9]{1,2})")
UNANSWERED, ESCALATED = "emergency_unanswered", "emergency_escalated"


def said_chain(call: CallState, fact: CelFact, extra: str) -> None:
    """`EMERGENCY_CHAIN,<shift-id or fallback>;<steps>`: the people on duty are rung from here on."""
    _leave(call, fact)
    call.visits.append(Visit(fact.uniqueid, QUEUE, fact.at))
    call.note(fact.at, "emergency_chain", extra)


def said_unanswered(call: CallState, fact: CelFact, extra: str) -> None:
    """`EMERGENCY_UNANSWERED,<steps>`: the whole chain rang in vain, and rings on."""
    call.alarmed = True
    call.note(fact.at, UNANSWERED, extra)


def said_mobile(call: CallState, fact: CelFact, extra: str) -> None:
    """`MOBILE,<number>`, of a channel to the trunk: whose mobile it rings. It counts as that person's phone."""
    if NUMBER.fullmatch(extra):
        call.channels[fact.uniqueid].agent = extra
        call.note(fact.at, "ringing", extra)


def events_of(call: CallState, fact: CelFact) -> tuple[CallEvent, ...]:
    """What a word of the dialplan means for others; empty for most."""
    extra, number = str(fact.extra.get("extra", "")), call.root.number
    if fact.user_event == "EMERGENCY_CHAIN":
        return (CallQueued(call.id, fact.at, QUEUE),)
    if fact.user_event == "EMERGENCY_UNANSWERED":
        return (EmergencyUnanswered(call.id, fact.at, number, extra),)
    if fact.user_event == "MOBILE" and NUMBER.fullmatch(extra):
        return (AgentRinging(call.id, fact.at, extra),)
    step = STEP.fullmatch(extra) if fact.user_event == "NOTE" else None
    if step is None or int(step[1]) < 2:
        return ()
    call.alarmed = True
    return (EmergencyEscalated(call.id, fact.at, number, int(step[1])),)


@dataclass(frozen=True, slots=True)
class AlertOver:
    """An alarm's cause is gone. One `unserved` stands until somebody has taken notice of it."""

    kind: str
    key: str
    unserved: bool


def alarms_of(events: Iterable[CallEvent]) -> Sequence[Alert | AlertOver]:
    """Alarms to raise and to end for these events, in order."""
    return [alarm for event in events for alarm in _alarms(event)]


def _alarms(event: CallEvent) -> tuple[Alert | AlertOver, ...]:
    match event:
        case EmergencyEscalated(call_id, at, number, step):
            facts = {"caller_number": number, "step": step, "since": at.isoformat()}
            return (Alert(ESCALATED, str(call_id), Severity.WARNING, facts),)
        case EmergencyUnanswered(call_id, at, number, steps):
            facts = {"caller_number": number, "steps": steps, "since": at.isoformat()}
            return (Alert(UNANSWERED, str(call_id), Severity.CRITICAL, facts),)
        case CallAnswered(call_id, alarmed=True):
            return (AlertOver(UNANSWERED, str(call_id), False), AlertOver(ESCALATED, str(call_id), False))
        case CallEnded(record) if record.line == QUEUE and _rang_in_vain(record.marks, record.timeline):
            lost = record.outcome is not Outcome.ANSWERED
            return (AlertOver(UNANSWERED, str(record.id), lost), AlertOver(ESCALATED, str(record.id), False))
    return ()


def _rang_in_vain(marks: Sequence[str], timeline: Sequence[object]) -> bool:
    return "escalated" in marks or any(getattr(entry, "kind", "") == UNANSWERED for entry in timeline)


def _leave(call: CallState, fact: CelFact) -> None:
    for visit in call.visits:
        if visit.queue == QUEUE and visit.left_at is None:
            visit.left_at = fact.at
