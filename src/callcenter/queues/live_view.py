"""The live view: queues and agents fed from one stream; a snapshot repairs whatever was missed."""

from datetime import datetime
from typing import Any

from callcenter.agents.presence import Agents
from callcenter.ami.events import Typed, typed
from callcenter.ami.messages import Event
from callcenter.ami.model import Snapshot, SnapshotBegun
from callcenter.queues.live import LiveQueues

State = tuple[str, str]
"""(kind, key) of a live state: ("queue", "hotline"), ("agent", "1001")"""
KEEP_LIMIT = 20_000
"""Events kept while a snapshot is taken; more than that, and the next snapshot has to do"""


class LiveView:
    """`changed` is true when something may have changed since `states` was read."""

    def __init__(self, agents: tuple[str, ...], moment: datetime) -> None:
        self.agents = Agents(agents, moment)
        self.queues = LiveQueues()
        self.complete = False
        """A snapshot was taken: before that, an empty queue means nothing"""
        self.changed = False
        self._since_begun: list[tuple[Typed, datetime]] | None = None

    def feed(self, item: Event | SnapshotBegun | Snapshot, moment: datetime) -> None:
        """Take what the stream says. `moment` counts for events that don't carry their own time."""
        match item:
            case Event():
                self._take_event(item, moment)
            case SnapshotBegun():
                self._since_begun = []
            case Snapshot():
                self._take_snapshot(item)

    def states(self) -> dict[State, dict[str, Any]]:
        """Every live state with its payload."""
        queues = self.queues.payloads(self.agents.available)
        states: dict[State, dict[str, Any]] = {("queue", name): each for name, each in queues.items()}
        return states | {("agent", number): each for number, each in self.agents.payloads().items()}

    def _take_event(self, item: Event, moment: datetime) -> None:
        event = typed(item)
        if event is None:
            return
        at = item.at or moment
        self._apply(event, at)
        if self._since_begun is not None and len(self._since_begun) < KEEP_LIMIT:
            self._since_begun.append((event, at))

    def _take_snapshot(self, snapshot: Snapshot) -> None:
        """Asterisk's lists, then again the events since they were begun: the lists may be older or newer."""
        listed = [event for each in snapshot.events if (event := typed(each)) is not None]
        self.queues.reset(listed, snapshot.at)
        self.agents.reset(listed, snapshot.at)
        for event, at in self._since_begun or ():
            self._apply(event, at)
        self._since_begun = None
        self.complete = self.changed = True

    def _apply(self, event: Typed, at: datetime) -> None:
        self.queues.feed(event, at)
        self.agents.feed(event, at)
        self.changed = True
