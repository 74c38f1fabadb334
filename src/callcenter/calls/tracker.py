"""Turns raw facts into calls. Pure: memory, but no I/O and no clock; time is in the facts.

Theory of operation. This file says which call a fact belongs to and when a call is over; what a fact does to its call
is in `calls.transitions`. Facts come from two files: CEL (what channels did, to the microsecond) and queue_log (why a
caller left, which phones rang in vain; 1 s). Within a file order is the truth; between the files there is none, so a
queue_log fact is only ever *attached* to its call, early or late, and read when the record is built (`calls.record`).
A call is the transitive closure over uniqueid, linkedid and the channels that transfers name, within one life of
Asterisk (`calls.boots`); its id is its oldest channel's. It is over when none of its channels lives; it is kept
`LINGER` longer for late queue_log lines, which announce its record `again`. What runs when Asterisk dies is closed as
`pbx_crash`, what ended while a PBX that has only AMI was out of sight as `blind_interval` (`calls.blindness`). No fact
raises: a surprise is an `Anomaly`.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from callcenter.calls import blindness
from callcenter.calls.acts import LastCalls, is_code
from callcenter.calls.boots import BootWatch, Start, StreamClock
from callcenter.calls.events import Anomaly, CallAbsorbed, CallEnded, CallEvent
from callcenter.calls.ids import PLACEHOLDER_PREFIX
from callcenter.calls.record import build_record
from callcenter.calls.said import JOINS
from callcenter.calls.state import CallState, Channel
from callcenter.calls.transitions import TRANSITIONS, Events, introduce
from callcenter.calls.wall import OwnTime, WallClock
from callcenter.journal.facts import CelFact, Fact, QueueFact
from callcenter.journal.sightings import BLIND_INTERVAL

LINGER = 30.0
"""Seconds after its end for which a call still takes late queue_log lines."""
SILENCE = 24 * 3600.0
"""A call without any fact for so many seconds is closed as incomplete."""

MERGERS = frozenset({"ATTENDEDTRANSFER"})
"""Events that name channels of another call, which from then on is the same one."""

TRANSFER_KEYS = ("channel2_uniqueid", "transferee_channel_uniqueid", "transfer_target_channel_uniqueid")

NOBODYS = frozenset({"NONE", "MANAGER", "REALTIME", ""})
"""What queue_log writes in the place of a channel's id when there is none."""


def _merges(fact: CelFact) -> bool:
    """Whether a fact may say that two calls are one."""
    return fact.type in MERGERS or fact.user_event == JOINS


class CallTracker:
    """Feed it every fact of one PBX in file order. `mark` is where the fact was read, any growing number."""

    def __init__(self, pbx: str) -> None:
        self.pbx = pbx
        self._calls: dict[str, CallState] = {}
        """Of this boot, by every uniqueid and linkedid that belongs to it."""
        self._before: dict[str, CallState] = {}
        """The same of the boot before, as long as its calls linger."""
        self._open: dict[int, CallState] = {}
        """By `id()`: running calls and those that linger."""
        self._early: dict[str, list[tuple[int, float, QueueFact]]] = {}
        """queue_log facts of channels that CEL has not spoken of yet, with mark and the clock's seconds"""
        self._clock = StreamClock()
        self._boots = BootWatch()
        self._start: Start | None = None
        """A start of Asterisk that queue_log told of and that has not been acted on"""
        self._wall = WallClock()
        """Of CEL: what ran at its last fact and was cut had lived until then"""
        self.last_calls = LastCalls()

    def feed(self, fact: Fact, mark: int = 0) -> tuple[CallEvent, ...]:
        out: Events = []
        if fact.uniqueid.startswith(PLACEHOLDER_PREFIX):
            return ()
        if isinstance(fact, CelFact):
            self._feed_cel(fact, mark, self._clock.tick("cel", fact.at), out)
        else:
            self._feed_queue_log(fact, mark, self._clock.tick("queue_log", fact.at), out)
        return tuple(out)

    def settle(self) -> tuple[CallEvent, ...]:
        """Call when every file was read to its end: closes what a restart or silence cut, forgets what is over."""
        out: Events = []
        now = self._clock.seconds
        if self._start is not None:
            self._cut(out, self._start)
            self._start = None
        for call in list(self._open.values()):
            if call.evidence is None and call.heard < now - SILENCE:
                self.close(call, "silence", out)
            if call.evidence is not None and call.heard < now - LINGER:
                self._forget(call)
        for uniqueid, facts in list(self._early.items()):
            _, heard, last = facts[-1]
            if heard < now - LINGER:
                del self._early[uniqueid]
                out.append(Anomaly(last.at, "queue_log_without_channel", uniqueid[:64]))
        return tuple(out)

    def relieve(self) -> None:
        """Call between readings while we are behind: forgets what is over for long enough in each journal."""
        for call in list(self._open.values()):
            if call.evidence is not None and self._clock.all_past(call.wall_at + timedelta(seconds=LINGER)):
                self._forget(call)

    def is_ahead(self, source: str) -> bool:
        """Whether this journal was read further than the other one, in its time."""
        return self._clock.is_ahead(source)

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
        return self._calls.get(uniqueid) or self._before.get(uniqueid)

    def close(self, call: CallState, evidence: str, out: Events) -> None:
        call.evidence = evidence
        if is_code(call):
            return
        if call.root.is_trunk:
            introduce(call, call.root, out)  # it may have ended before the dialplan's first step
        out.append(CallEnded(build_record(call)))

    def _feed_cel(self, fact: CelFact, mark: int, heard: float, out: Events) -> None:
        if fact.type == BLIND_INTERVAL:
            return self._see_again(fact, out)
        news = self._is_news(fact)
        if fact.type == "CHAN_START":
            news = self._see_start(fact, out) or news
        if news:
            self._wall.see(fact.at)
        call = self._call_of(fact, mark, out, news=news)
        if call.has_seen(fact.key):
            return
        call.heard, call.wall_at = heard, fact.at
        call.follow(self._wall.set_back)
        fact = call.in_own_time(fact)
        self._see_channel(call, fact, out)
        reopened = call.evidence is not None and fact.type != "LINKEDID_END"
        if reopened:
            call.evidence, call.alive_until = None, None
        transition = TRANSITIONS.get(fact.type)
        if transition is None:
            out.append(Anomaly(fact.at, "unknown_event", fact.type[:64]))
        else:
            transition(self, call, fact, out)
        if reopened and call.evidence is None and not call.has_live_channel():
            self.close(call, "channel_ends", out)

    def _is_news(self, fact: CelFact) -> bool:
        """Certainly no line that is read again, as from a file that was put back: only such a one tells the time."""
        if fact.type == "CHAN_START":
            return self._boots.is_newest(fact)
        call = self._calls.get(fact.uniqueid)
        return call is not None and call.is_news and fact.uniqueid in call.channels and fact.key not in call.seen

    def _see_start(self, fact: CelFact, out: Events) -> bool:
        """A new channel may be the first of a new life of Asterisk: what ran in the one before was cut."""
        if self._boots.begins(fact):
            for call in list(self._open.values()):
                if call.evidence is None:
                    self._cut_off(call, out)
            self._before, self._calls = self._calls, {}
        elif self._start is not None and self._start.is_past(fact.at):
            self._cut(out, self._start)
            self._boots.begin()
            self._boots.begins(fact)
        else:
            return False
        self._start = None
        return True

    def _cut(self, out: Events, start: Start) -> None:
        for call in list(self._open.values()):
            if call.evidence is None and start.is_older(call.wall_at, call.mark):
                self._cut_off(call, out)

    def _cut_off(self, call: CallState, out: Events) -> None:
        """It was up as long as Asterisk wrote anything: its end would have been written."""
        call.follow(self._wall.set_back)
        latest = self._wall.latest
        call.alive_until = max(call.last_at, latest + call.own_time.ahead) if latest else call.last_at
        self.close(call, "pbx_crash", out)

    def _see_again(self, fact: CelFact, out: Events) -> None:
        """Nothing was seen for a while: close what Asterisk's death cut, then what ended meanwhile."""
        interval = blindness.interval_of(fact)
        if interval is None:
            return
        for call in [c for c in self._open.values() if c.evidence is None]:
            if call.wall_at < interval.boot:
                self._cut_off(call, out)
            elif blindness.end_gone(call, interval):
                self.close(call, blindness.ANOMALY, out)

    def _call_of(self, fact: CelFact, mark: int, out: Events, *, news: bool) -> CallState:
        """The call this fact belongs to, made or merged as the fact implies."""
        call = self._calls.get(fact.uniqueid)
        settled = call is not None and fact.uniqueid in call.channels and not _merges(fact)
        if call is not None and settled and self._calls.get(fact.linkedid) is call:
            return call
        if call is None and fact.type != "CHAN_START" and fact.uniqueid in self._before:
            call = self._revived(self._before[fact.uniqueid])
        call = call or self._calls.get(fact.linkedid)
        if call is None:
            own_time = OwnTime(self._wall.set_back)
            call = CallState(self.pbx, mark, fact.at, self._boots.number, own_time=own_time, is_news=news)
            self._open[id(call)] = call
        for key in self._relatives(fact):
            other = self._calls.get(key)
            if other is not None and other is not call:
                call = self._merge(call, other, fact.at, out)
        for key in (fact.uniqueid, fact.linkedid):
            self._calls[key] = call
            call.keys.add(key)
        return call

    def _revived(self, call: CallState) -> CallState:
        """It goes on, so Asterisk had not died (its journal was put together wrongly)."""
        call.boot = self._boots.number
        for key in call.keys:
            self._calls[key] = call
            self._before.pop(key, None)
        return call

    @staticmethod
    def _relatives(fact: CelFact) -> Iterator[str]:
        yield fact.linkedid
        if fact.user_event == JOINS:
            yield str(fact.extra.get("extra", ""))
        elif fact.type in MERGERS:
            yield from (str(fact.extra[k]) for k in TRANSFER_KEYS if k in fact.extra)

    def _see_channel(self, call: CallState, fact: CelFact, out: Events) -> None:
        channel = call.channels.get(fact.uniqueid)
        if channel is not None:
            channel.linkedid = fact.linkedid
            if channel.lost:
                blindness.find_again(channel)
            elif channel.ended_at is not None and fact.type != "LINKEDID_END":
                channel.ended_at = fact.at  # it was thought dead too early
            return
        channel = Channel(fact.uniqueid, fact.linkedid, fact.channel, fact.number, fact.name, fact.exten, fact.at)
        channel.dialled = fact.type == "CHAN_START" and fact.exten in {"s", ""}
        before = call.id if call.channels else None
        call.add(channel)
        if before is not None and call.oldest is channel:  # its first channel is heard of later than another one
            out.append(CallAbsorbed(before, call.id, fact.at))
        if fact.type != "CHAN_START":
            call.anomalies.append("start_missing")
            out.append(Anomaly(fact.at, "channel_start_missing", fact.uniqueid[:64]))
        for early_mark, _, early in self._early.pop(fact.uniqueid, ()):
            call.mark = min(call.mark, early_mark)
            call.queue_facts.append(early)

    def _merge(self, one: CallState, two: CallState, at: datetime, out: Events) -> CallState:
        """Two calls are one: the older one stays."""
        if not one.channels or (two.channels and two.root.age < one.root.age):
            one, two = two, one
        if two.channels:
            out.append(CallAbsorbed(two.id, one.id, at))
        one.absorb(two, self._wall.set_back)
        for key in two.keys:
            self._calls[key] = one
        self._open.pop(id(two), None)
        self._open[id(one)] = one
        if one.evidence is not None and one.has_live_channel():
            one.evidence, one.alive_until = None, None
        return one

    def _feed_queue_log(self, fact: QueueFact, mark: int, heard: float, out: Events) -> None:
        if fact.event == "QUEUESTART":
            self._start = Start.of(fact, mark, self._wall.latest)
            return
        if fact.uniqueid in NOBODYS:
            return
        call = self.find(fact.uniqueid)
        if call is None:
            self._early.setdefault(fact.uniqueid, []).append((mark, heard, fact))
            return
        call.queue_facts.append(fact)
        if call.evidence is not None and not is_code(call):
            out.append(CallEnded(build_record(call), again=True))

    def _forget(self, call: CallState) -> None:
        self.last_calls.settle(call)
        self._open.pop(id(call), None)
        for known in (self._calls, self._before):
            for key in call.keys:
                if known.get(key) is call:
                    del known[key]
