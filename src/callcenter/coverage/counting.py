"""Counts in the journal what Asterisk counts as calls, and knows which channels are up. Pure; the same in a replay.

Theory of operation. Asterisk's `CoreProcessedCalls` grows by one when a PBX thread is started on a channel:
`ast_pbx_start` and `ast_pbx_run_args`, both through `increase_call_count` (Asterisk 22, `main/pbx.c`); a queue, a Dial
or a bridge starts none. CEL has no event for it, but it shows by the channel's context *(ran, with every kind of call
of this hotline)*:

- a channel that comes in, and the second half of a Local channel (`;2`), begin in the dialplan and count from there:
  the CHAN_START of the first names the extension dialled;
- a channel that we dial begins with extension `s`, the first half of a Local channel ends with `;1`: such a one counts
  when it was sent into the dialplan (Originate to an extension, Redirect, a bridge left for elsewhere). Then its
  CHAN_END shows another context than its CHAN_START. While it is up, another context may be a subroutine alone (Dial's
  options b and U), which returns: so long it *may* count;
- call pickup swaps two channels: each goes on as what the other was;
- a channel refused for Asterisk's own limits (maxcalls, minmemfree) says nothing between start and end and ends with
  cause 42 (switch congestion); the second half of a Local channel so refused, or sent to no extension, ends at once
  without a cause: neither counts.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from callcenter.journal.facts import CelFact, Fact

RECENT = 5000
"""So many last beginnings are known with their times: an hour of a busy hotline"""
ENDED_KEPT = 5000
SWITCH_CONGESTION, NO_CAUSE = 42, 0
AT_ONCE_SECONDS = 0.5


@dataclass(slots=True)
class Channel:
    """One that is up, as far as the journal says."""

    began_at: float
    context: str
    linkedid: str
    dialled: bool
    """We made it: it counts only once it is sent into the dialplan"""
    silent: bool = True
    sent_at: float | None = None
    """First seen in another context"""


class JournalCount:
    """Fed with facts in their order. `calls` is the number of calls that Asterisk counts as begun."""

    def __init__(self, stored: Mapping[str, Any] | None = None) -> None:
        stored = stored or {}
        self.calls: int = stored.get("calls", 0)
        self.up: dict[str, Channel] = {name: Channel(*each) for name, each in stored.get("up", {}).items()}
        self.linkedids: dict[str, float] = dict(stored.get("linkedids", {}))
        self.since: float | None = stored.get("until")
        """The count is whole from this event time on"""
        self.until: float | None = self.since
        self._begun: deque[float] = deque(maxlen=RECENT)
        self._ended: deque[str] = deque(maxlen=ENDED_KEPT)

    def feed(self, facts: Iterable[Fact]) -> None:
        """Take facts; those of other journals than CEL are passed over."""
        for fact in facts:
            if isinstance(fact, CelFact):
                self._take(fact, fact.at.timestamp())

    def as_stored(self) -> dict[str, Any]:
        """What a later run goes on from; times and ids, no caller's data."""
        up = {name: [getattr(c, f) for f in Channel.__slots__] for name, c in self.up.items()}
        return {"calls": self.calls, "up": up, "linkedids": self.linkedids, "until": self.until}

    def begun_by(self, moment: datetime) -> tuple[int, int]:
        """How many calls had begun at a moment: at least, at most."""
        at = moment.timestamp()
        surely = self.calls - sum(begun > at for begun in self._begun)
        maybe = sum(c.dialled and c.sent_at is not None and c.sent_at <= at for c in self.up.values())
        return surely, surely + maybe

    def reaches(self, moment: datetime) -> bool:
        """Whether `begun_by` knows that moment: neither before the count began nor too long ago."""
        oldest = self._begun[0] if len(self._begun) == RECENT else self.since
        return oldest is not None and oldest <= moment.timestamp()

    def knows(self, uniqueid: str) -> bool:
        """Whether the channel is up or has just ended."""
        return uniqueid in self.up or uniqueid in self._ended

    def up_before(self, moment: datetime) -> set[str]:
        """Channels that began before a moment and have not ended."""
        at = moment.timestamp()
        return {name for name, channel in self.up.items() if channel.began_at < at}

    def open_linkedids(self, moment: datetime) -> set[str]:
        """Those begun before a moment without their last line, although no channel that is up belongs to them."""
        held = {channel.linkedid for channel in self.up.values()}
        return {name for name, began in self.linkedids.items() if began < moment.timestamp() and name not in held}

    def forget_before(self, moment: datetime) -> None:
        """Asterisk began anew: what was up before has no end to be waited for."""
        at = moment.timestamp()
        self.up = {name: channel for name, channel in self.up.items() if channel.began_at >= at}
        self.linkedids = {name: began for name, began in self.linkedids.items() if began >= at}

    def give_up(self, channels: Iterable[str], linkedids: Iterable[str]) -> None:
        """It has been told that their ends are missing: they are waited for no longer."""
        given_up = [self.up.pop(name) for name in channels if name in self.up]
        held = {channel.linkedid for channel in self.up.values()}
        for name in (*linkedids, *(channel.linkedid for channel in given_up if channel.linkedid not in held)):
            self.linkedids.pop(name, None)

    def adopt(self, uniqueid: str, moment: datetime) -> None:
        """It has been told that the start of this channel is missing: its end is expected all the same."""
        self.up[uniqueid] = Channel(moment.timestamp(), "", uniqueid, dialled=False, silent=False)

    def _take(self, fact: CelFact, at: float) -> None:
        self.since = at if self.since is None else self.since
        self.until = at if self.until is None else max(self.until, at)
        if fact.type == "CHAN_START":
            self._start(fact, at)
        elif fact.type == "LINKEDID_END":
            self.linkedids.pop(fact.linkedid, None)
        elif (channel := self.up.get(fact.uniqueid)) is not None:
            self._go_on(fact, at, channel)

    def _start(self, fact: CelFact, at: float) -> None:
        if fact.uniqueid in self.up:
            return
        second_half = fact.channel.endswith(";2")
        dialled = fact.channel.endswith(";1") or (fact.exten == "s" and not second_half)
        self.up[fact.uniqueid] = Channel(at, fact.context, fact.linkedid, dialled)
        self.linkedids.setdefault(fact.linkedid, at)
        if not dialled:
            self._count(at)

    def _go_on(self, fact: CelFact, at: float, channel: Channel) -> None:
        channel.linkedid = fact.linkedid
        if fact.type == "PICKUP":
            self._swap(channel, self.up.get(str(fact.extra.get("pickup_channel_uniqueid"))))
        if fact.type == "CHAN_END":
            self._end(fact, at, channel)
        elif fact.type != "HANGUP":
            channel.silent = False
        elif channel.silent and not channel.dialled and _was_refused(fact, at - channel.began_at):
            self._uncount(channel)
        if channel.dialled and channel.sent_at is None and fact.context != channel.context:
            channel.sent_at = at

    def _swap(self, rung: Channel, picker: Channel | None) -> None:
        if picker is not None:
            rung.dialled, picker.dialled = picker.dialled, rung.dialled
            rung.context, picker.context = picker.context, rung.context
            rung.sent_at, picker.sent_at = picker.sent_at, rung.sent_at

    def _end(self, fact: CelFact, at: float, channel: Channel) -> None:
        if channel.dialled and fact.context != channel.context:
            self._count(at if channel.sent_at is None else channel.sent_at)
        del self.up[fact.uniqueid]
        self._ended.append(fact.uniqueid)

    def _count(self, at: float) -> None:
        self.calls += 1
        self._begun.append(at)

    def _uncount(self, channel: Channel) -> None:
        self.calls -= 1
        channel.dialled = True  # nothing more to count of it
        if channel.began_at in self._begun:
            self._begun.remove(channel.began_at)


def _was_refused(hangup: CelFact, lived: float) -> bool:
    """Whether a channel that said nothing was never let into the dialplan."""
    cause = hangup.extra.get("hangupcause")
    at_once = hangup.channel.endswith(";2") and lived < AT_ONCE_SECONDS
    return cause == SWITCH_CONGESTION or (cause == NO_CAUSE and at_once)
