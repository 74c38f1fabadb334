"""How a call ended, and who ended it: one outcome each (docs/figures.md). Pure."""

from callcenter.calls.model import Direction, Outcome, QueueVisit, Service, Side
from callcenter.calls.state import CallState, Channel

CUT = frozenset({"pbx_crash", "silence", "blind_interval"})
"""Evidence of calls whose end nobody saw."""

OUTCOMES = {
    "timed_out": Outcome.TIMED_OUT,
    "queue_full": Outcome.QUEUE_FULL,
    "no_agent": Outcome.NO_AGENT,
    "withdrawn": Outcome.TIMED_OUT,
    "left_by_key": Outcome.ABANDONED_IN_QUEUE,
    "abandoned": Outcome.ABANDONED_IN_QUEUE,
}

CONNECTION_DIED = frozenset({38, 41, 44, 102})
"""Q.850 causes by which Asterisk takes down a caller who is not there any more (RTP or session timer): he left."""
UNREACHED = frozenset({1, 3, 17, 20, 21, 27, 34, 38})
"""Q.850 causes of a phone that is busy, rejects, or can't be reached; every other one has rung in vain."""
TAKEN_DOWN_SECONDS = 0.25
"""Asterisk takes a ringing phone down within so long of its caller."""


def outcome_of(
    call: CallState, caller: Channel, direction: Direction, visits: list[QueueVisit], partners: list[Channel],
    *, talked: bool,
) -> Outcome:  # fmt: skip
    """The one outcome of a call."""
    by_caller = caller.hangup_source == caller.name
    if talked:
        return Outcome.ANSWERED
    if call.rejected == "trunk_full":  # a loss of ours, which the figures must count
        return Outcome.QUEUE_FULL
    if call.rejected == "not_recordable":
        return Outcome.SYSTEM_FAILURE
    if call.rejected is not None:
        return Outcome.BLOCKED
    if "self_test" in call.marks:
        return Outcome.INVALID
    if call.evidence in CUT or caller.lost or ("start_missing" in call.anomalies and not call.introduced):
        return Outcome.INCOMPLETE
    if direction is not Direction.INBOUND and not visits:
        return _unanswered(partners, by_caller=by_caller)
    if by_caller and not call.notice_played and not visits:
        return Outcome.INVALID
    if call.service == Service.CLOSED and not visits:
        return Outcome.CLOSED
    if visits:
        return _visit_outcome(call, caller, visits[-1])
    return Outcome.ABANDONED_IN_MENU if by_caller else Outcome.SYSTEM_FAILURE


def _unanswered(partners: list[Channel], *, by_caller: bool) -> Outcome:
    """Of a call that one of our phones made, or that we made for it, and nobody answered."""
    rang = [c for c in partners if c.hangup_cause not in UNREACHED]
    if by_caller:
        return Outcome.ABANDONED_RINGING if rang else Outcome.INVALID
    return Outcome.TIMED_OUT if rang else Outcome.NO_AGENT


def _visit_outcome(call: CallState, caller: Channel, visit: QueueVisit) -> Outcome:
    if visit.result == "abandoned":
        if caller.hangup_source != caller.name and caller.hangup_cause not in CONNECTION_DIED:
            return Outcome.SYSTEM_FAILURE  # Asterisk was stopped, or somebody hung him up
        return Outcome.ABANDONED_RINGING if _rang_at(call, visit) else Outcome.ABANDONED_IN_QUEUE
    if visit.result == "incomplete":
        return Outcome.INCOMPLETE
    return OUTCOMES.get(visit.result, Outcome.SYSTEM_FAILURE)


def _rang_at(call: CallState, visit: QueueVisit) -> bool:
    """Was an agent's phone ringing when the caller gave up? Asterisk takes the phones down with the caller."""
    left = visit.left_at or call.last_at
    for channel in call.channels.values():
        rejected = channel.hangup_source == channel.name
        if channel.agent and channel.answered_at is None and channel.started_at < left and not rejected:
            ended = channel.ended_at or call.last_at
            if (left - ended).total_seconds() < TAKEN_DOWN_SECONDS:
                return True
    return False


VANISHED = frozenset({18, 38, 41, 44, 102})
"""Q.850 causes of an answered channel that nobody hung up: its far end answers no more. Asterisk 22 gives 18 when a 200
is never acknowledged (`res_pjsip_session.c`) and 44 when no audio comes (`rtp_timeout`, `res_pjsip_sdp_rtp.c`)."""


def hung_up_by(call: CallState, caller: Channel) -> Side | None:
    """Asterisk names the channel that hung up (HANGUP's hangupsource); the dialplan counts as the system, and so does
    the end of a connection that nobody ended."""
    if caller.ended_at is None or caller.lost:
        return None
    source = next((c for c in call.channels.values() if c.name == caller.hangup_source), None)
    if source is not None and source.answered_at and source.hangup_cause in VANISHED:
        return Side.SYSTEM
    if source is caller:
        return Side.CALLER
    return Side.AGENT if source is not None and source.agent else Side.SYSTEM
