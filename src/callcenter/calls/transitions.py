"""What each event of the CEL journal does to its call: the tracker's transitions, as a table at the end.

What the dialplan itself says of a call (USER_DEFINED) is in `calls.said`. A transition changes its call and appends
what others should hear; it never raises over a fact: a surprise is an `Anomaly` and the state that the fact implies.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

from callcenter.calls import blindness
from callcenter.calls.acts import LastCalls, is_code, take_act
from callcenter.calls.emergency import events_of as emergency_events
from callcenter.calls.events import (
    AgentRinging,
    Anomaly,
    CallAnswered,
    CallEvent,
    CallQueued,
    CallStarted,
    RecordingExpected,
    RecordingOver,
)
from callcenter.calls.ids import recording_id
from callcenter.calls.model import RecordingRef
from callcenter.calls.recorded import expect, file_name, must_be_recorded
from callcenter.calls.said import INTRODUCTIONS, USER_EVENTS
from callcenter.calls.state import BridgeStay, CallState, Channel, OpenSpell, Visit
from callcenter.calls.talking import direction_of
from callcenter.journal.facts import CelFact
from callcenter.journal.sightings import CHAN_SEEN

Events = list[CallEvent]


class Tracking(Protocol):
    """What a transition may ask of the tracker."""

    last_calls: LastCalls

    @property
    def calls(self) -> Iterator[CallState]: ...

    def find(self, uniqueid: str) -> CallState | None: ...

    def close(self, call: CallState, evidence: str, out: Events) -> None: ...


Transition = Callable[[Tracking, CallState, CelFact, Events], None]


def _chan_start(tracker: Tracking, call: CallState, fact: CelFact, out: Events) -> None:
    channel = call.channels[fact.uniqueid]
    if len(call.channels) == 1:
        call.note(fact.at, "started", channel.exten)
        if not channel.is_trunk and not is_code(call):
            introduce(call, channel, out)
    elif channel.agent:
        call.note(fact.at, "ringing", channel.agent)
        out.append(AgentRinging(call.id, fact.at, channel.agent))


def _answer(tracker: Tracking, call: CallState, fact: CelFact, out: Events) -> None:
    channel = call.channels[fact.uniqueid]
    fresh = channel.answered_at is None
    channel.answered_at = channel.answered_at or fact.at
    call.note(fact.at, "channel_answered", channel.agent or "")
    if fresh and must_be_recorded(call, channel):
        _expect_recording(call, channel, fact, out)


def _expect_recording(call: CallState, channel: Channel, fact: CelFact, out: Events) -> None:
    expected = expect(call, file_name(channel.uniqueid), fact.at, channel.uniqueid)
    ref = RecordingRef(recording_id(call.pbx, expected.name, expected.at), expected.name, expected.at)
    out.append(RecordingExpected(call.id, ref, channel.name))


def _app_start(tracker: Tracking, call: CallState, fact: CelFact, out: Events) -> None:
    if fact.app == "Queue":
        queue = fact.app_data.partition(",")[0]
        call.visits.append(Visit(fact.uniqueid, queue, fact.at))
        call.note(fact.at, "queue_entered", queue)
        out.append(CallQueued(call.id, fact.at, queue))


def _app_end(tracker: Tracking, call: CallState, fact: CelFact, out: Events) -> None:
    if fact.app == "Queue":
        for visit in reversed(call.visits):
            if visit.uniqueid == fact.uniqueid and visit.left_at is None:
                visit.left_at = fact.at
                call.note(fact.at, "queue_left", visit.queue)
                return


def _bridge_enter(tracker: Tracking, call: CallState, fact: CelFact, out: Events) -> None:
    bridge = str(fact.extra.get("bridge_id", ""))
    stays = call.channels[fact.uniqueid].stays
    if any(stay.bridge == bridge and stay.end is None for stay in stays):
        return  # seen there after a blind interval, while the news was still on its way
    stays.append(BridgeStay(fact.at, None, bridge))
    root = call.root
    inside = [c for c in call.channels.values() if any(s.bridge == bridge and s.end is None for s in c.stays)]
    if root in inside:
        for channel in inside:
            if channel is not root and channel.agent and channel.uniqueid not in call.answered_by:
                tracker.last_calls.note(call, channel)
                call.answered_by.add(channel.uniqueid)
                call.note(fact.at, "talking", channel.agent)
                out.append(CallAnswered(call.id, fact.at, channel.agent, call.alarmed))


def _bridge_exit(tracker: Tracking, call: CallState, fact: CelFact, out: Events) -> None:
    bridge = str(fact.extra.get("bridge_id", ""))
    for stay in reversed(call.channels[fact.uniqueid].stays):
        if stay.end is None and stay.bridge == bridge:
            stay.end = fact.at
            return


def _stream_begin(tracker: Tracking, call: CallState, fact: CelFact, out: Events) -> None:
    if fact.user_event == "MOH_STREAM_BEGIN":
        channel = call.channels[fact.uniqueid]
        channel.music.append(OpenSpell(fact.at))
        if any(s.end is None for s in channel.stays):
            call.note(fact.at, "hold", channel.agent or "")


def _stream_end(tracker: Tracking, call: CallState, fact: CelFact, out: Events) -> None:
    if fact.user_event != "MOH_STREAM_END":
        return
    channel = call.channels[fact.uniqueid]
    if channel.music and channel.music[-1].end is None:
        channel.music[-1].end = fact.at
        if any(s.end is None for s in channel.stays):
            call.note(fact.at, "resumed", channel.agent or "")


def _blind_transfer(tracker: Tracking, call: CallState, fact: CelFact, out: Events) -> None:
    call.note(fact.at, "blind_transfer", str(fact.extra.get("extension", "")))


def _attended_transfer(tracker: Tracking, call: CallState, fact: CelFact, out: Events) -> None:
    agent = call.channels[fact.uniqueid].agent or ""
    call.note(fact.at, "attended_transfer", agent)


def _noted(kind: str) -> Transition:
    def transition(tracker: Tracking, call: CallState, fact: CelFact, out: Events) -> None:
        call.note(fact.at, kind, call.channels[fact.uniqueid].agent or "")

    return transition


def _user_defined(tracker: Tracking, call: CallState, fact: CelFact, out: Events) -> None:
    if fact.user_event == "AGENT":
        out += take_act(call, fact, tracker.calls, tracker.last_calls, tracker.find)
        return
    if fact.user_event in INTRODUCTIONS:
        _introduced(call, fact, out)
    said = USER_EVENTS.get(fact.user_event)
    if said is None:
        out.append(Anomaly(fact.at, "unknown_user_event", fact.user_event[:64]))
        return
    said(call, fact, str(fact.extra.get("extra", "")))
    out += emergency_events(call, fact)


def _introduced(call: CallState, fact: CelFact, out: Events) -> None:
    """From here on the journal holds the caller's number and name as the dialplan cleaned them."""
    channel = call.channels[fact.uniqueid]
    channel.number, channel.caller_name = fact.number, fact.name
    channel.exten = fact.did or channel.exten
    if channel is call.root and not call.introduced:
        call.introduced = True
        introduce(call, channel, out)


def introduce(call: CallState, channel: Channel, out: Events) -> None:
    """Announce the call, once."""
    if not call.announced:
        call.announced = True
        out.append(CallStarted(
            call.id, channel.started_at, direction_of(call), channel.number, channel.caller_name, channel.exten
        ))  # fmt: skip


def _hangup(tracker: Tracking, call: CallState, fact: CelFact, out: Events) -> None:
    channel = call.channels[fact.uniqueid]
    cause = fact.extra.get("hangupcause")
    channel.hangup_cause = cause if isinstance(cause, int) and 0 <= cause <= 127 else None
    channel.hangup_source = str(fact.extra.get("hangupsource", ""))


def _chan_end(tracker: Tracking, call: CallState, fact: CelFact, out: Events) -> None:
    channel = call.channels[fact.uniqueid]
    channel.ended_at = fact.at
    out.extend(
        RecordingOver(recording_id(call.pbx, each.name, each.at))
        for each in call.recordings
        if each.uniqueid == fact.uniqueid
    )
    if channel is call.root:
        call.note(fact.at, "hung_up", channel.hangup_source)
    if not call.has_live_channel():
        tracker.close(call, "channel_ends", out)


def _linkedid_end(tracker: Tracking, call: CallState, fact: CelFact, out: Events) -> None:
    """No channel of this linkedid lives: whatever we still think alive, its end was lost."""
    for channel in call.channels.values():
        if channel.linkedid == fact.linkedid and channel.ended_at is None:
            channel.ended_at = fact.at
            out.append(Anomaly(fact.at, "channel_end_missing", channel.uniqueid))
    if call.evidence is None and not call.has_live_channel():
        tracker.close(call, "linkedid_end", out)


def _chan_seen(tracker: Tracking, call: CallState, fact: CelFact, out: Events) -> None:
    channel = call.channels[fact.uniqueid]
    unanswered = channel.answered_at is None
    blindness.take_sight(call, fact)
    if unanswered and channel.answered_at and must_be_recorded(call, channel):
        _expect_recording(call, channel, fact, out)
    if fact.extra.get("bridge_id"):
        _bridge_enter(tracker, call, fact, out)


def _nothing(tracker: Tracking, call: CallState, fact: CelFact, out: Events) -> None:
    """Known, and of no use to a record."""


TRANSITIONS: dict[str, Transition] = {
    "CHAN_START": _chan_start,
    "ANSWER": _answer,
    "APP_START": _app_start,
    "APP_END": _app_end,
    "BRIDGE_ENTER": _bridge_enter,
    "BRIDGE_EXIT": _bridge_exit,
    "STREAM_BEGIN": _stream_begin,
    "STREAM_END": _stream_end,
    "BLINDTRANSFER": _blind_transfer,
    "ATTENDEDTRANSFER": _attended_transfer,
    "PICKUP": _noted("pickup"),
    "FORWARD": _noted("forward"),
    "PARK_START": _noted("parked"),
    "PARK_END": _noted("unparked"),
    "USER_DEFINED": _user_defined,
    "HANGUP": _hangup,
    "CHAN_END": _chan_end,
    "LINKEDID_END": _linkedid_end,
    CHAN_SEEN: _chan_seen,
    "LOCAL_OPTIMIZE": _nothing,
    "LOCAL_OPTIMIZE_BEGIN": _nothing,
    "DTMF": _nothing,
}
