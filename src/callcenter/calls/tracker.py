"""Turns raw facts into calls. Pure: memory, but no I/O and no clock; time is in the facts.

Theory of operation. What changes a call's state is in this file and, for the dialplan's own words, in `calls.said`.
Facts come from two files: CEL (what channels did, to the microsecond) and queue_log (why a caller left, which phones
rang in vain; 1 s). Within a file order is the truth; between the files there is none, so a queue_log fact is only ever
*attached* to its call, early or late, and read when the record is built (`calls.record`). A call is the transitive
closure over uniqueid, linkedid and the channels that transfers name; its id is its oldest channel's. It is over when
none of its channels lives; it is kept `LINGER` longer for late queue_log lines, which announce its record `again`.
QUEUESTART in queue_log is Asterisk's start: calls whose last fact is older were cut by it. When a PBX was out of sight,
BLIND_INTERVAL and CHAN_SEEN tell what is left of its calls (`calls.blindness`). No fact raises: a surprise is an
`Anomaly`.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from callcenter.calls import blindness
from callcenter.calls.acts import LastCalls, is_code, take_act
from callcenter.calls.emergency import events_of as emergency_events
from callcenter.calls.events import (
    AgentRinging,
    Anomaly,
    CallAbsorbed,
    CallAnswered,
    CallEnded,
    CallEvent,
    CallQueued,
    CallStarted,
)
from callcenter.calls.record import build_record, direction_of
from callcenter.calls.said import INTRODUCTIONS, JOINS, USER_EVENTS
from callcenter.calls.state import PLACEHOLDER_PREFIX, BridgeStay, CallState, Channel, OpenSpell, Visit, age_key
from callcenter.journal.facts import CelFact, Fact, QueueFact
from callcenter.journal.sightings import BLIND_INTERVAL, CHAN_SEEN

LINGER = timedelta(seconds=30)
"""How long after its end a call still takes late queue_log lines."""
SILENCE = timedelta(hours=24)
"""A call without any fact for so long is closed as incomplete."""

Events = list[CallEvent]
Transition = Callable[["CallTracker", CallState, CelFact, Events], None]


def _chan_start(tracker: "CallTracker", call: CallState, fact: CelFact, out: Events) -> None:
    channel = call.channels[fact.uniqueid]
    if len(call.channels) == 1:
        call.note(fact.at, "started", channel.exten)
        if not channel.is_trunk and not is_code(call):
            out.append(_started(call, channel))
    elif channel.agent:
        call.note(fact.at, "ringing", channel.agent)
        out.append(AgentRinging(call.id, fact.at, channel.agent))


def _started(call: CallState, channel: Channel) -> CallStarted:
    direction = direction_of(call)
    number, name = channel.number, channel.caller_name
    return CallStarted(call.id, channel.started_at, direction, number, name, channel.exten)


def _answer(tracker: "CallTracker", call: CallState, fact: CelFact, out: Events) -> None:
    channel = call.channels[fact.uniqueid]
    channel.answered_at = channel.answered_at or fact.at
    call.note(fact.at, "channel_answered", channel.agent or "")


def _app_start(tracker: "CallTracker", call: CallState, fact: CelFact, out: Events) -> None:
    if fact.app == "Queue":
        queue = fact.app_data.partition(",")[0]
        call.visits.append(Visit(fact.uniqueid, queue, fact.at))
        call.note(fact.at, "queue_entered", queue)
        out.append(CallQueued(call.id, fact.at, queue))


def _app_end(tracker: "CallTracker", call: CallState, fact: CelFact, out: Events) -> None:
    if fact.app == "Queue":
        for visit in reversed(call.visits):
            if visit.uniqueid == fact.uniqueid and visit.left_at is None:
                visit.left_at = fact.at
                call.note(fact.at, "queue_left", visit.queue)
                return


def _bridge_enter(tracker: "CallTracker", call: CallState, fact: CelFact, out: Events) -> None:
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


def _bridge_exit(tracker: "CallTracker", call: CallState, fact: CelFact, out: Events) -> None:
    bridge = str(fact.extra.get("bridge_id", ""))
    for stay in reversed(call.channels[fact.uniqueid].stays):
        if stay.end is None and stay.bridge == bridge:
            stay.end = fact.at
            return


def _stream_begin(tracker: "CallTracker", call: CallState, fact: CelFact, out: Events) -> None:
    if fact.user_event == "MOH_STREAM_BEGIN":
        channel = call.channels[fact.uniqueid]
        channel.music.append(OpenSpell(fact.at))
        if any(s.end is None for s in channel.stays):
            call.note(fact.at, "hold", channel.agent or "")


def _stream_end(tracker: "CallTracker", call: CallState, fact: CelFact, out: Events) -> None:
    if fact.user_event != "MOH_STREAM_END":
        return
    channel = call.channels[fact.uniqueid]
    if channel.music and channel.music[-1].end is None:
        channel.music[-1].end = fact.at
        if any(s.end is None for s in channel.stays):
            call.note(fact.at, "resumed", channel.agent or "")


def _blind_transfer(tracker: "CallTracker", call: CallState, fact: CelFact, out: Events) -> None:
    call.note(fact.at, "blind_transfer", str(fact.extra.get("extension", "")))


def _attended_transfer(tracker: "CallTracker", call: CallState, fact: CelFact, out: Events) -> None:
    agent = call.channels[fact.uniqueid].agent or ""
    call.note(fact.at, "attended_transfer", agent)


def _noted(kind: str) -> Transition:
    def transition(tracker: "CallTracker", call: CallState, fact: CelFact, out: Events) -> None:
        call.note(fact.at, kind, call.channels[fact.uniqueid].agent or "")

    return transition


def _user_defined(tracker: "CallTracker", call: CallState, fact: CelFact, out: Events) -> None:
    if fact.user_event == "AGENT":
        out += take_act(call, fact, tracker.calls, tracker.last_calls, tracker.find)
        return
    if fact.user_event in INTRODUCTIONS:
        _introduce(call, fact, out)
    said = USER_EVENTS.get(fact.user_event)
    if said is None:
        out.append(Anomaly(fact.at, "unknown_user_event", fact.user_event[:64]))
        return
    said(call, fact, str(fact.extra.get("extra", "")))
    out += emergency_events(call, fact)


def _introduce(call: CallState, fact: CelFact, out: Events) -> None:
    """From here on the journal holds the caller's number and name as the dialplan cleaned them."""
    channel = call.channels[fact.uniqueid]
    channel.number, channel.caller_name = fact.number, fact.name
    channel.exten = fact.did or channel.exten
    if channel is call.root and not call.introduced:
        call.introduced = True
        out.append(_started(call, channel))


def _hangup(tracker: "CallTracker", call: CallState, fact: CelFact, out: Events) -> None:
    channel = call.channels[fact.uniqueid]
    cause = fact.extra.get("hangupcause")
    channel.hangup_cause = cause if isinstance(cause, int) and 0 <= cause <= 127 else None
    channel.hangup_source = str(fact.extra.get("hangupsource", ""))


def _chan_end(tracker: "CallTracker", call: CallState, fact: CelFact, out: Events) -> None:
    channel = call.channels[fact.uniqueid]
    channel.ended_at = fact.at
    if channel is call.root:
        call.note(fact.at, "hung_up", channel.hangup_source)
    if not call.has_live_channel():
        tracker.close(call, "channel_ends", out)


def _linkedid_end(tracker: "CallTracker", call: CallState, fact: CelFact, out: Events) -> None:
    """No channel of this linkedid lives: whatever we still think alive, its end was lost."""
    for channel in call.channels.values():
        if channel.linkedid == fact.linkedid and channel.ended_at is None:
            channel.ended_at = fact.at
            out.append(Anomaly(fact.at, "channel_end_missing", channel.uniqueid))
    if call.evidence is None and not call.has_live_channel():
        tracker.close(call, "linkedid_end", out)


def _chan_seen(tracker: "CallTracker", call: CallState, fact: CelFact, out: Events) -> None:
    blindness.take_sight(call, fact)
    if fact.extra.get("bridge_id"):
        _bridge_enter(tracker, call, fact, out)


def _nothing(tracker: "CallTracker", call: CallState, fact: CelFact, out: Events) -> None:
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


MERGERS = frozenset({"ATTENDEDTRANSFER"})
"""Events that name channels of another call, which from then on is the same one."""

TRANSFER_KEYS = ("channel2_uniqueid", "transferee_channel_uniqueid", "transfer_target_channel_uniqueid")


def _merges(fact: CelFact) -> bool:
    """Whether a fact may say that two calls are one."""
    return fact.type in MERGERS or fact.user_event == JOINS


class CallTracker:
    """Feed it every fact of one PBX in file order. `mark` is where the fact was read, any growing number."""

    def __init__(self, pbx: str) -> None:
        self.pbx = pbx
        self._calls: dict[str, CallState] = {}
        """By every uniqueid and linkedid that belongs to it."""
        self._open: dict[int, CallState] = {}
        """By `id()`: running calls and those that linger."""
        self._early: dict[str, list[tuple[int, QueueFact]]] = {}
        self._latest: datetime | None = None
        self._boot: datetime | None = None
        self.last_calls = LastCalls()

    def feed(self, fact: Fact, mark: int = 0) -> tuple[CallEvent, ...]:
        out: Events = []
        if fact.uniqueid.startswith(PLACEHOLDER_PREFIX):
            return ()
        if self._latest is None or fact.at > self._latest:
            self._latest = fact.at
        if isinstance(fact, CelFact):
            self._feed_cel(fact, mark, out)
        else:
            self._feed_queue_log(fact, mark, out)
        return tuple(out)

    def settle(self) -> tuple[CallEvent, ...]:
        """Call when every file was read to its end: closes what a restart or silence cut, forgets what is over."""
        out: Events = []
        if self._latest is None:
            return ()
        for call in list(self._open.values()):
            if call.evidence is None:
                self._close_if_cut(call, out)
            if call.evidence is not None and call.last_at < self._latest - LINGER:
                self._forget(call)
        for uniqueid, facts in list(self._early.items()):
            if facts[-1][1].at < self._latest - LINGER:
                del self._early[uniqueid]
                out.append(Anomaly(facts[-1][1].at, "queue_log_without_channel", uniqueid[:64]))
        return tuple(out)

    def low_water(self) -> int | None:
        """The oldest mark still needed; None when nothing runs and nothing waits."""
        marks = [c.mark for c in self._open.values()]
        marks += [facts[0][0] for facts in self._early.values()]
        return min(marks, default=None)

    @property
    def running(self) -> int:
        """How many calls are up."""
        return sum(c.evidence is None for c in self._open.values())

    @property
    def calls(self) -> Iterator[CallState]:
        """Running calls and those that linger."""
        return iter(self._open.values())

    def find(self, uniqueid: str) -> CallState | None:
        """The call of a channel, while it is known."""
        return self._calls.get(uniqueid)

    def close(self, call: CallState, evidence: str, out: Events) -> None:
        call.evidence = evidence
        if not is_code(call):
            out.append(CallEnded(build_record(call)))

    def _feed_cel(self, fact: CelFact, mark: int, out: Events) -> None:
        if fact.type == BLIND_INTERVAL:
            return self._see_again(fact, out)
        call = self._call_of(fact, mark, out)
        if call.has_seen(fact.key):
            return
        call.last_at = max(call.last_at, fact.at)
        reopened = call.evidence is not None and fact.type != "LINKEDID_END"
        if reopened:
            call.evidence = None
        transition = TRANSITIONS.get(fact.type)
        if transition is None:
            out.append(Anomaly(fact.at, "unknown_event", fact.type[:64]))
        else:
            transition(self, call, fact, out)
        if reopened and call.evidence is None and not call.has_live_channel():
            self.close(call, "channel_ends", out)
        if fact.type == "CHAN_START" and self._boot and fact.at >= self._boot:
            self._cut_older(out)

    def _call_of(self, fact: CelFact, mark: int, out: Events) -> CallState:
        """The call this fact belongs to, made or merged as the fact implies."""
        call = self._calls.get(fact.uniqueid)
        known = call is not None and fact.uniqueid in call.channels
        if call is not None and known and not _merges(fact) and self._calls.get(fact.linkedid) is call:
            call.channels[fact.uniqueid].linkedid = fact.linkedid
            return call
        call = call or self._calls.get(fact.linkedid)
        if call is None:
            call = CallState(self.pbx, mark, fact.at)
            self._open[id(call)] = call
        for key in self._relatives(fact):
            other = self._calls.get(key)
            if other is not None and other is not call:
                call = self._merge(call, other, fact.at, out)
        for key in (fact.uniqueid, fact.linkedid):
            self._calls[key] = call
            call.keys.add(key)
        self._see_channel(call, fact, out)
        return call

    @staticmethod
    def _relatives(fact: CelFact) -> Iterator[str]:
        yield fact.linkedid
        if fact.user_event == JOINS:
            yield str(fact.extra.get("extra", ""))
        elif _merges(fact):
            yield from (str(fact.extra[k]) for k in TRANSFER_KEYS if k in fact.extra)

    def _see_channel(self, call: CallState, fact: CelFact, out: Events) -> None:
        channel = call.channels.get(fact.uniqueid)
        if channel is not None:
            channel.linkedid = fact.linkedid
            return
        channel = Channel(fact.uniqueid, fact.linkedid, fact.channel, fact.number, fact.name, fact.exten, fact.at)
        channel.dialled = fact.type == "CHAN_START" and fact.exten in {"s", ""}
        call.add(channel)
        if fact.type != "CHAN_START":
            call.anomalies.append("start_missing")
            out.append(Anomaly(fact.at, "channel_start_missing", fact.uniqueid[:64]))
        for early_mark, early in self._early.pop(fact.uniqueid, ()):
            call.mark = min(call.mark, early_mark)
            call.queue_facts.append(early)

    def _merge(self, one: CallState, two: CallState, at: datetime, out: Events) -> CallState:
        """Two calls are one: the older one stays."""
        if not one.channels or (two.channels and age_key(two.root.uniqueid) < age_key(one.root.uniqueid)):
            one, two = two, one
        if two.channels:
            out.append(CallAbsorbed(two.id, one.id, at))
        one.absorb(two)
        for key in two.keys:
            self._calls[key] = one
        self._open.pop(id(two), None)
        self._open[id(one)] = one
        if one.evidence is not None and one.has_live_channel():
            one.evidence = None
        return one

    def _feed_queue_log(self, fact: QueueFact, mark: int, out: Events) -> None:
        if fact.event == "QUEUESTART":
            self._boot = fact.at
            return
        if fact.uniqueid in {"NONE", "MANAGER", "REALTIME", ""}:
            return
        call = self._calls.get(fact.uniqueid)
        if call is None:
            self._early.setdefault(fact.uniqueid, []).append((mark, fact))
            return
        call.queue_facts.append(fact)
        if call.evidence is not None and not is_code(call):
            out.append(CallEnded(build_record(call), again=True))

    def _see_again(self, fact: CelFact, out: Events) -> None:
        """Nothing was seen for a while: what Asterisk's death left, then what ended meanwhile."""
        self._boot = max(filter(None, (self._boot, blindness.instant(fact.extra, "boot"))), default=None)
        self._cut_older(out)
        interval = blindness.interval_of(fact)
        if interval is None:
            return
        for call in list(self._open.values()):
            if call.evidence is None:
                blindness.end_gone(call, interval)
                if not call.has_live_channel():
                    self.close(call, blindness.ANOMALY, out)

    def _cut_older(self, out: Events) -> None:
        for call in list(self._open.values()):
            if call.evidence is None:
                self._close_if_cut(call, out)

    def _close_if_cut(self, call: CallState, out: Events) -> None:
        assert self._latest is not None
        if self._boot is not None and call.last_at < self._boot:
            self.close(call, "pbx_restart", out)
        elif call.last_at < self._latest - SILENCE:
            self.close(call, "silence", out)

    def _forget(self, call: CallState) -> None:
        self.last_calls.settle(call)
        self._open.pop(id(call), None)
        for key in call.keys:
            if self._calls.get(key) is call:
                del self._calls[key]
