"""Which life of Asterisk a fact is of, and how much time has passed in the journals. Pure.

Asterisk's ids are (systemname, epoch, counter) and the counter begins anew with each start, so a channel is known only
together with its boot. A start shows in two places: `QUEUESTART` in queue_log, with a time of 1 s, and in CEL the
counter's fall. Within CEL the order of the lines is the truth, so the fall needs no clock; QUEUESTART comes without a
single call. Neither may trust the wall clock: it can be set back while Asterisk is down.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from callcenter.calls.ids import counter_of
from callcenter.journal.facts import CelFact, QueueFact

OUT_OF_ORDER = 1000
"""So many channels that start at the same instant may be written in another order; a further fall is a new start."""


class BootWatch:
    """Sees the counter of new channels fall."""

    def __init__(self) -> None:
        self.number = 0
        """How many starts of Asterisk were seen; boots are compared by it"""
        self._highest = -1
        self._first: dict[int, datetime] = {}
        """The lowest counters of this boot that were seen, with the time of their channel"""

    def begins(self, fact: CelFact) -> bool:
        """Whether this CHAN_START is the first that was seen of a new boot."""
        counter = counter_of(fact.uniqueid)
        if counter is None:
            return False
        fell = counter < self._highest - OUT_OF_ORDER or self._twice(counter, fact.at)
        if fell:
            self.begin()
        self._highest = max(self._highest, counter)
        if counter < OUT_OF_ORDER:
            self._first.setdefault(counter, fact.at)
        return fell

    def is_newest(self, fact: CelFact) -> bool:
        """Whether this CHAN_START is of a channel younger than all that were seen: no line that is read again."""
        counter = counter_of(fact.uniqueid)
        return counter is not None and counter > self._highest

    def begin(self) -> None:
        """A new boot, whatever the counters say: the lines of its first channels may be lost."""
        self.number += 1
        self._highest, self._first = -1, {}

    def _twice(self, counter: int, at: datetime) -> bool:
        """Each boot begins with 0, and no two channels of one have the same counter; but a line may be read twice."""
        if counter in self._first:
            return self._first[counter] != at
        return counter == 0 and self._highest > 0


RESOLUTION = timedelta(seconds=1)
"""Of queue_log's times. Asterisk takes no call within the second in which it starts; were it so, that call's next
fact would open it again."""


@dataclass(frozen=True, slots=True)
class Start:
    """QUEUESTART: Asterisk began at `at`, read at `mark`."""

    at: datetime
    mark: int
    set_back: bool
    """Facts of a later time had been read before: the clock was set back, so times tell nothing here"""

    def is_past(self, at: datetime) -> bool:
        """Whether a fact of that time is certainly of the new life: the line's time has no fraction."""
        return not self.set_back and at >= self.at + RESOLUTION

    @staticmethod
    def of(fact: QueueFact, mark: int, latest: datetime | None) -> "Start":
        return Start(fact.at, mark, latest is not None and (latest - fact.at).total_seconds() > 2)

    def is_older(self, last_at: datetime, mark: int) -> bool:
        """Whether a call with that last fact, begun at that mark, was of the life before."""
        return last_at < self.at + RESOLUTION or (self.set_back and mark < self.mark)


class StreamClock:
    """Time that passes in the journals, in seconds; it never goes back, whatever the wall clock does.

    Each source has its own course: of two files read one after the other, one may be hours ahead.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._now: dict[str, datetime] = {}
        self._passed: dict[str, float] = {}

    def tick(self, source: str, at: datetime) -> float:
        """Take a fact's time; returns the seconds passed so far."""
        before = self._now.get(source)
        if before is None:
            before = max(self._now.values(), default=at)
        self._now[source] = at
        if at > before:
            passed = self._passed.get(source, self.seconds) + (at - before).total_seconds()
            self._passed[source] = passed
            self.seconds = max(self.seconds, passed)
        return self.seconds

    def all_past(self, at: datetime) -> bool:
        """Whether each source that ever spoke has told of something later, by the wall clock."""
        return all(now > at for now in self._now.values())

    def is_ahead(self, source: str) -> bool:
        """Whether a source was read further than any other, by the wall clock."""
        others = [now for name, now in self._now.items() if name != source]
        return source in self._now and bool(others) and self._now[source] > max(others)
