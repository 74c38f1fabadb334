"""When failures from one address are an attack. Pure: the time is in the event."""

from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from callcenter.security.model import Block, SecurityEvent

MOST_ADDRESSES = 10_000
"""Remembered at once: a flood from forged addresses costs no more memory than this."""


@dataclass(frozen=True, slots=True)
class Limit:
    """So many failures within such a time block an address for so long."""

    failures: int = 10
    within: timedelta = timedelta(minutes=5)
    blocked_for: timedelta = timedelta(hours=1)


class BruteForce:
    """Counts failures by address. Fed in the order of events."""

    def __init__(self, limit: Limit | None = None) -> None:
        self.limit = limit or Limit()
        self._seen: OrderedDict[str, deque[datetime]] = OrderedDict()

    def feed(self, event: SecurityEvent) -> Block | None:
        """The block that this event brings about, if it does; the address then begins anew."""
        if not event.failed:
            return None
        times = self._times_of(event.address)
        times.append(event.at)
        if len(times) < self.limit.failures or event.at - times[0] > self.limit.within:
            return None
        del self._seen[event.address]
        until = event.at + self.limit.blocked_for
        return Block(event.address, times[0], until, len(times), event.name)

    def _times_of(self, address: str) -> deque[datetime]:
        times = self._seen.setdefault(address, deque(maxlen=self.limit.failures))
        self._seen.move_to_end(address)
        if len(self._seen) > MOST_ADDRESSES:
            self._seen.popitem(last=False)
        return times
