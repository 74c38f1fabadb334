"""What AstDB should hold for a line, and whether what it holds will do."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from callcenter.calls.model import Line, Service
from callcenter.clock import from_epoch
from callcenter.schedule.model import ServiceState

FAMILY = "callcenter"
VALID_FOR = timedelta(seconds=300)
"""The dialplan believes a pushed mode for so long; then it goes by the hours rendered into it."""
RENEW_AFTER = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Pushed:
    """The value of `callcenter/service/<line>`: `<mode>;<valid until, Unix seconds>`."""

    mode: Service
    until: datetime

    def __str__(self) -> str:
        return f"{self.mode.value};{math.ceil(self.until.timestamp())}"


def service_key(line: Line) -> str:
    """The AstDB key that the dialplan reads (`dialplans/service.conf`)."""
    return f"service/{line.value}"


def wanted(state: ServiceState, moment: datetime) -> Pushed:
    """The mode with its term: not beyond the next change, nor longer than it may hold without us."""
    soonest = moment + VALID_FOR if state.until is None else min(state.until, moment + VALID_FOR)
    return Pushed(state.mode, from_epoch(math.ceil(soonest.timestamp())))


def read_pushed(value: str) -> Pushed | None:
    """What AstDB holds; `None` for nothing, or for something that only a person can have written."""
    mode, _, until = value.partition(";")
    try:
        return Pushed(Service(mode), from_epoch(int(until)))
    except (ValueError, OverflowError, OSError):
        return None


def must_send(want: Pushed, found: Pushed | None) -> bool:
    """Another mode, a term that outlives the next change, or one that runs out soon."""
    if found is None or found.mode is not want.mode or found.until > want.until:
        return True
    return want.until - found.until >= RENEW_AFTER
