"""Builds the call detail record from what is known. Pure; the definitions are in docs/figures.md.

The *caller* is the call's oldest channel. Talk, hold and ring are in `calls.talking`, the outcome in `calls.outcomes`.
*Wait* is time in queues until the first agent and the caller were joined, or until the caller left; what a transfer
makes him wait stands in its visit.
"""

import re
from datetime import datetime, timedelta

from callcenter.calls.ids import recording_id
from callcenter.calls.model import CallRecord, Direction, Leg, Line, QueueVisit, RecordingRef, Service
from callcenter.calls.outcomes import CUT, hung_up_by, outcome_of
from callcenter.calls.recorded import Expected
from callcenter.calls.spells import Spell, overlap, total
from callcenter.calls.state import CallState, Channel, Visit
from callcenter.calls.talking import Times, direction_of, partners_of, times_of
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


POSITION = re.compile("[0-9]{1,6}")


def build_record(call: CallState) -> CallRecord:
    """The record as of now. What still runs is taken to end with the last evidence of its life."""
    caller, direction = call.root, direction_of(call)
    last = call.alive_until or call.last_at
    end = max((caller.started_at, *(c.ended_at or last for c in call.channels.values())))
    partners = partners_of(call, caller, direction)
    times = times_of(caller, partners, end)
    visits = _visits(call, times, end)
    first = times.first
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
        ring_seconds=total(times.ringing),
        talk_seconds=times.talk_seconds,
        hold_seconds=times.hold_seconds,
        agent=_agent(caller, call.channels[first[1]], direction) if first else None,
        outcome=outcome_of(call, caller, direction, visits, partners, talked=first is not None),
        hung_up_by=hung_up_by(call, caller),
        notice_played=call.notice_played,
        service=Service(call.service) if call.service in set(Service) else None,
        service_source=call.service_source,
        service_reason=call.service_reason,
        menu_choice=call.menu_choice,
        marks=tuple(sorted(call.marks)),
        evidence=call.evidence or "running",
        legs=tuple(_leg(c, caller, times) for c in sorted(call.channels.values(), key=lambda c: c.age)),
        queue_visits=tuple(visits),
        timeline=tuple(call.timeline),
        recordings=tuple(_recording(call, each, end) for each in call.recordings),
        anomalies=tuple(call.anomalies),
    )


def _recording(call: CallState, expected: Expected, end: datetime) -> RecordingRef:
    """Its length is its channel's: the times of a channel may have been told later since (`CallState.absorb`)."""
    channel = call.channels[expected.uniqueid]
    up = (channel.ended_at or end) - (channel.answered_at or expected.at)
    rid = recording_id(call.pbx, expected.name, expected.at)
    return RecordingRef(rid, expected.name, expected.at, expected.at + max(up, timedelta()), expected.begun_at)


def _agent(caller: Channel, answered: Channel, direction: Direction) -> str:
    """Who answered; of a call that an agent made to the outside, that agent."""
    made_out = caller.agent if direction is Direction.OUTBOUND else None
    return made_out or answered.agent or answered.number


def _visits(call: CallState, times: Times, end: datetime) -> list[QueueVisit]:
    counts: dict[tuple[str, str], int] = {}
    visits: list[QueueVisit] = []
    for visit in call.visits:
        key = (visit.uniqueid, visit.queue)
        counts[key] = counts.get(key, 0) + 1
        facts = _facts_of(call.queue_facts, visit, counts[key])
        visits.append(_visit(call, visit, counts[key], facts, times, end))
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
    times: Times,
    end: datetime,
) -> QueueVisit:
    gone = max(visit.entered_at, visit.left_at or call.channels[visit.uniqueid].ended_at or end)
    joined = [
        (s.start, uid) for uid, spells in times.together.items() for s in spells if visit.entered_at <= s.start < gone
    ]
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
        ring_seconds=total(overlap([stay], times.ringing)),
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


def _leg(channel: Channel, caller: Channel, times: Times) -> Leg:
    role = "caller" if channel is caller else "agent" if channel.agent else "other"
    called = channel.is_trunk and caller.agent is not None  # the trunk's own caller id says nothing (pjsip.conf)
    ring = times.rings.get(channel.uniqueid)
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
        ring_seconds=total([ring]) if ring else 0.0,
        talk_seconds=times.talk_of(channel.uniqueid),
        hold_seconds=times.hold_of(channel.uniqueid),
        hangup_cause=channel.hangup_cause,
    )
