"""Who waits beyond an early closing: pure, but for the memory of when the line was seen to close.

The dialplan knows when the line closes as it was planned on the caller's arrival. When a person closes it earlier,
those who wait are still served for the grace; then the control loop takes them out, and the dialplan tells them.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from callcenter.agents.model import HOTLINE, OVERFLOW
from callcenter.calls.model import Service
from callcenter.routing.found import Waiting
from callcenter.schedule.model import ScheduleFacts, ServiceState

MARGIN = timedelta(seconds=2)
"""At a planned closing the dialplan comes first."""


class Closing:
    """Since when the hotline is closed; `None` while it serves, and when that was before our time."""

    def __init__(self) -> None:
        self.since: datetime | None = None
        self._mode: Service | None = None

    def see(self, state: ServiceState, facts: ScheduleFacts, moment: datetime) -> None:
        """Take the line's state at one look."""
        before, self._mode = self._mode, state.mode
        if state.mode is not Service.CLOSED:
            self.since = None
        elif before is not Service.CLOSED:
            self.since = _closed_by(state.reason, facts) or (moment if before else None)

    def overdue(self, waiting: Iterable[Waiting], grace: timedelta, moment: datetime) -> tuple[Waiting, ...]:
        """Callers of the hotline who joined before it closed and have had their grace."""
        if self.since is None or moment < self.since + grace + MARGIN:
            return ()
        ours = (each for each in waiting if each.queue in (HOTLINE, OVERFLOW))
        shut_for = (moment - self.since).total_seconds()
        return tuple(each for each in ours if each.wait_seconds >= shut_for)


def _closed_by(reason: str, facts: ScheduleFacts) -> datetime | None:
    """When the override that closes the line began."""
    return next((each.starts_at for each in facts.overrides if reason == f"override-{each.id}"), None)
