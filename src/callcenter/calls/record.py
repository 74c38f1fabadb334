"""Builds the call detail record from what is known. Pure; the definitions are in docs/figures.md.

The *caller* is the call's oldest channel. *Talk* is time the caller shares a bridge with an agent, less *hold*
(music on the caller inside it). *Ring* is time at least one agent's phone rang. *Wait* is time in queues until the
first agent and the caller were joined, or until the caller left; what a transfer makes him wait stands in its visit.
"""

import re
from collections.abc import Iterable
from datetime import datetime

from callcenter.calls.model import (
    CallRecord,
    Direction,
    Leg,
    Line,
    Outcome,
    QueueVisit,
    RecordingRef,
    Service,
    Side,
)
from callcenter.calls.spells import Spell, overlap, total, union
from callcenter.calls.state import CallState, Channel, OpenSpell, Visit, recording_id
from callcenter.journal.facts import QueueFact

STATUS_RESULTS = {
    "TIMEOUT": "timed_out",
    "FULL": "queue_full",
    "JOINEMPTY": "no_agent",
    "LEAVEEMPTY": "no_agent",
    "JOINUNAVAIL": "no_agent",
    "LEAVEUNAVAIL": "no_agent",
    "WITHDRAW": "withdrawn",
    "ABANDON": "abandoned",
}
"""${QUEUESTATUS} (Asterisk 22 apps/app_queue.c); CONTINUE means that an agent was connected."""

QUEUE_LOG_RESULTS = {
    "EXITWITHTIMEOUT": "timed_out",
    "EXITEMPTY": "no_agent",
    "ABANDON": "abandoned",
    "WITHDRAW": "withdrawn",
    "EXITWITHKEY": "left_by_key",
}

CUT = frozenset({"pbx_crash", "silence", "blind_interval"})
"""Evidence of calls whose end nobody saw."""

POSITION = re.compile("[0-9]{1,6}")

OUTCOMES = {
    "timed_out": Outcome.TIMED_OUT,
    "queue_full": Outcome.QUEUE_FULL,
    "no_agent": Outcome.NO_AGENT,
    "withdrawn": Outcome.TIMED_OUT,
    "left_by_key": Outcome.ABANDONED_IN_QUEUE,
    "abandoned": Outcome.ABANDONED_IN_QUEUE,
}


def direction_of(call: CallState) -> Direction:
    if call.root.is_trunk and call.root.dialled:
        return Direction.OUTBOUND
    if call.root.is_trunk or not call.root.is_phone:
        return Direction.INBOUND
    outside = any(c.is_trunk for c in call.channels.values())
    return Direction.OUTBOUND if outside else Direction.INTERNAL


def build_record(call: CallState) -> CallRecord:
    """The record as of now. What still runs is taken to end with the last evidence of its life."""
    caller, direction = call.root, direction_of(call)
    last = call.alive_until or call.last_at
    end = max((caller.started_at, *(c.ended_at or last for c in call.channels.values())))
    partners = _partners(call, caller, direction)
    talks = {c.uniqueid: _together(caller, c, end) for c in partners}
    talk = union(s for spells in talks.values() for s in spells)
    hold = overlap(talk, _closed(caller.music, end))
    rings = union(_ring(c, end) for c in partners)
    visits = _visits(call, caller, talks, rings, end)
    first = min((s[0].start, uid) for uid, s in talks.items() if s) if talk else None
    if caller.agent:  # an agent who calls talks as much as those whom he called
        talks[caller.uniqueid] = talk
    return CallRecord(
        id=call.id,
        pbx=call.pbx,
        uniqueid=caller.uniqueid,
        direction=direction,
        line=Line(call.line) if call.line in set(Line) else None,
        caller_number=caller.number,
        caller_name=caller.caller_name,
        did=caller.exten,
        started_at=caller.started_at,
        answered_at=first[0] if first else None,
        ended_at=end,
        wait_seconds=round(sum(v.wait_seconds for v in visits if not first or v.entered_at <= first[0]), 3),
        ring_seconds=total(rings),
        talk_seconds=round(total(talk) - total(hold), 3),
        hold_seconds=total(hold),
        agent=_agent(caller, call.channels[first[1]], direction) if first else None,
        outcome=_outcome(call, caller, visits, talked=bool(talk)),
        hung_up_by=_hung_up_by(call, caller),
        notice_played=call.notice_played,
        service=Service(call.service) if call.service in set(Service) else None,
        service_source=call.service_source,
        service_reason=call.service_reason,
        menu_choice=call.menu_choice,
        marks=tuple(sorted(call.marks)),
        evidence=call.evidence or "running",
        legs=tuple(_leg(c, caller, partners, talks, end) for c in _by_age(call.channels.values())),
        queue_visits=tuple(visits),
        timeline=tuple(call.timeline),
        recordings=tuple(RecordingRef(recording_id(call.pbx, name, at), name, at) for name, at in call.recordings),
        anomalies=tuple(call.anomalies),
    )


def _by_age(channels: Iterable[Channel]) -> list[Channel]:
    return sorted(channels, key=lambda c: c.age)


def _partners(call: CallState, caller: Channel, direction: Direction) -> list[Channel]:
    """Whom the caller can talk to: agents when a citizen calls, anybody's phone when an agent does."""
    others = [c for c in _by_age(call.channels.values()) if c is not caller and c.is_phone]
    return [c for c in others if c.agent] if direction is Direction.INBOUND else others


def _agent(caller: Channel, answered: Channel, direction: Direction) -> str:
    """Who answered; of a call that an agent made to the outside, that agent."""
    made_out = caller.agent if direction is Direction.OUTBOUND else None
    return made_out or answered.agent or answered.number


def _closed(spells: Iterable[OpenSpell], end: datetime) -> list[Spell]:
    return [Spell(s.start, s.end or end) for s in spells]


def _together(caller: Channel, other: Channel, end: datetime) -> list[Spell]:
    """When both were in one bridge. A stay that Asterisk's death cut counts as talk, however short the evidence."""
    pairs = [(a, b) for a in caller.stays for b in other.stays if a.bridge == b.bridge]
    cut = [(a.end is None and b.end is None) for a, b in pairs]
    spells = [Spell(max(a.start, b.start), min(a.end or end, b.end or end)) for a, b in pairs]
    return union(s for s, open_ended in zip(spells, cut, strict=True) if s.end > s.start or open_ended)


def _ring(channel: Channel, end: datetime) -> Spell:
    """A dialled phone rings from its channel's start until it is answered or gone; one that dials does not ring."""
    start = channel.started_at
    if channel.exten not in {"s", ""}:
        return Spell(start, start)
    return Spell(start, max(start, channel.answered_at or channel.ended_at or end))


def _visits(
    call: CallState, caller: Channel, talks: dict[str, list[Spell]], rings: list[Spell], end: datetime
) -> list[QueueVisit]:
    counts: dict[tuple[str, str], int] = {}
    visits: list[QueueVisit] = []
    for visit in call.visits:
        key = (visit.uniqueid, visit.queue)
        counts[key] = counts.get(key, 0) + 1
        facts = _facts_of(call.queue_facts, visit, counts[key])
        visits.append(_visit(call, visit, counts[key], facts, talks, rings, end))
    return visits


def _facts_of(facts: list[QueueFact], visit: Visit, occurrence: int) -> list[QueueFact]:
    """queue_log lines of the n-th stay of a channel in a queue; each stay begins with ENTERQUEUE."""
    mine: list[QueueFact] = []
    seen = 0
    for fact in facts:
        if fact.queue == visit.queue and fact.uniqueid == visit.uniqueid:
            seen += fact.event == "ENTERQUEUE"
            if seen == occurrence:
                mine.append(fact)
    return mine


def _visit(
    call: CallState,
    visit: Visit,
    occurrence: int,
    facts: list[QueueFact],
    talks: dict[str, list[Spell]],
    rings: list[Spell],
    end: datetime,
) -> QueueVisit:
    gone = max(visit.entered_at, visit.left_at or call.channels[visit.uniqueid].ended_at or end)
    joined = [(s.start, uid) for uid, spells in talks.items() for s in spells if visit.entered_at <= s.start < gone]
    connected = min(joined, default=None)
    stop = connected[0] if connected else gone
    stay = Spell(visit.entered_at, stop)
    return QueueVisit(
        queue=visit.queue,
        occurrence=occurrence,
        entered_at=visit.entered_at,
        left_at=stop,
        position=_position(facts),
        result="connected" if connected else _result(call, visit, facts),
        agent=call.channels[connected[1]].agent if connected else None,
        wait_seconds=round(stay.seconds, 3),
        ring_seconds=total(overlap([stay], rings)),
        unanswered=tuple(f.agent for f in facts if f.event == "RINGNOANSWER"),
    )


def _position(facts: list[QueueFact]) -> int | None:
    for fact in facts:
        if fact.event == "ENTERQUEUE" and len(fact.values) > 2 and POSITION.fullmatch(fact.values[2]):
            return int(fact.values[2])
    return None


def _result(call: CallState, visit: Visit, facts: list[QueueFact]) -> str:
    """Why a stay ended without an agent: the dialplan's word, else queue_log's, else who hung up."""
    if visit.status in STATUS_RESULTS:
        return STATUS_RESULTS[visit.status]
    for fact in facts:
        if fact.event in QUEUE_LOG_RESULTS:
            return QUEUE_LOG_RESULTS[fact.event]
    channel = call.channels[visit.uniqueid]
    if call.evidence in CUT or channel.lost:
        return "incomplete"
    return "abandoned" if channel.hangup_source == channel.name else "system_failure"


def _outcome(call: CallState, caller: Channel, visits: list[QueueVisit], *, talked: bool) -> Outcome:
    by_caller = caller.hangup_source == caller.name
    if talked:
        return Outcome.ANSWERED
    if call.rejected == "trunk_full":  # a loss of ours, which the figures must count
        return Outcome.QUEUE_FULL
    if call.rejected is not None:
        return Outcome.BLOCKED
    if "self_test" in call.marks:
        return Outcome.INVALID
    if call.evidence in CUT or caller.lost or ("start_missing" in call.anomalies and not call.introduced):
        return Outcome.INCOMPLETE
    if by_caller and not call.notice_played and not visits:
        return Outcome.INVALID
    if call.service == Service.CLOSED and not visits:
        return Outcome.CLOSED
    if visits:
        return _visit_outcome(call, visits[-1])
    return Outcome.ABANDONED_IN_MENU if by_caller else Outcome.SYSTEM_FAILURE


def _visit_outcome(call: CallState, visit: QueueVisit) -> Outcome:
    if visit.result == "abandoned" and _rang_at(call, visit):
        return Outcome.ABANDONED_RINGING
    if visit.result == "incomplete":
        return Outcome.INCOMPLETE
    return OUTCOMES.get(visit.result, Outcome.SYSTEM_FAILURE)


def _rang_at(call: CallState, visit: QueueVisit) -> bool:
    """Was an agent's phone ringing when the caller gave up? Asterisk takes the phones down with the caller."""
    left = visit.left_at or call.last_at
    for channel in call.channels.values():
        if channel.agent and channel.answered_at is None and channel.started_at < left:
            ended = channel.ended_at or call.last_at
            if (left - ended).total_seconds() < 0.25:
                return True
    return False


def _hung_up_by(call: CallState, caller: Channel) -> Side | None:
    """Asterisk names the channel that hung up (HANGUP's hangupsource); the dialplan counts as the system."""
    if caller.ended_at is None or caller.lost:
        return None
    if caller.hangup_source == caller.name:
        return Side.CALLER
    source = next((c for c in call.channels.values() if c.name == caller.hangup_source), None)
    return Side.AGENT if source is not None and source.agent else Side.SYSTEM


def _leg(
    channel: Channel, caller: Channel, partners: list[Channel], talks: dict[str, list[Spell]], end: datetime
) -> Leg:
    talk = talks.get(channel.uniqueid, [])
    hold = overlap(talk, _closed(caller.music, end))
    role = "caller" if channel is caller else "agent" if channel.agent else "other"
    called = channel.is_trunk and caller.agent is not None  # the trunk's own caller id says nothing (pjsip.conf)
    return Leg(
        uniqueid=channel.uniqueid,
        channel=channel.name,
        role=role,
        number=caller.exten if called else channel.number,
        name="" if called else channel.caller_name,
        agent=channel.agent,
        started_at=channel.started_at,
        answered_at=channel.answered_at,
        ended_at=channel.ended_at,
        ring_seconds=total([_ring(channel, end)]) if channel in partners else 0.0,
        talk_seconds=round(total(talk) - total(hold), 3),
        hold_seconds=total(hold),
        hangup_cause=channel.hangup_cause,
    )
