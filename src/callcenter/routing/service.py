"""The value that tells the dialplan whether a line takes calls: written ahead, with a term. Pure."""

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from callcenter.calls.model import Line, Service
from callcenter.clock import from_epoch
from callcenter.schedule.model import ServiceState

VALID_FOR = timedelta(seconds=300)
"""The dialplan believes a pushed mode for so long; then it goes by the hours rendered into it."""
RENEW_AFTER = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Pushed:
    """`<mode>;<valid until>;<reason>;<closes at or empty>;<next opening or empty>`, instants in Unix seconds."""

    mode: Service
    until: datetime
    reason: str = ""
    closes_at: datetime | None = None
    next_opening: datetime | None = None

    def __str__(self) -> str:
        instants = (_epoch(self.closes_at), _epoch(self.next_opening))
        return ";".join((self.mode.value, _epoch(self.until), self.reason, *instants))


def service_key(line: Line) -> str:
    """The AstDB key that the dialplan reads (`dialplans/service.conf`)."""
    return f"service/{line.value}"


def wanted(state: ServiceState, moment: datetime) -> Pushed:
    """The state with its term: not beyond the next change, nor longer than it may hold without us."""
    soonest = moment + VALID_FOR if state.until is None else min(state.until, moment + VALID_FOR)
    until, closes, opens = (_whole(at) for at in (soonest, state.closes_at, state.next_opening))
    assert until is not None
    return Pushed(state.mode, until, state.reason, closes, opens)


def read_pushed(value: str) -> Pushed | None:
    """What AstDB holds; `None` for nothing, or for something that only a person can have written."""
    fields = value.split(";")
    try:
        mode, until, reason, closes, opens = fields
        return Pushed(Service(mode), from_epoch(int(until)), reason, _instant(closes), _instant(opens))
    except (ValueError, OverflowError, OSError):
        return None


def will_do(want: Pushed, found: Pushed | None, moment: datetime) -> bool:
    """Whether what is found may stay: all alike but for the term, which neither runs out soon nor lasts too long.

    Two listeners write terms a little apart; neither minds the other's.
    """
    if found is None or replace(found, until=want.until) != want:
        return False
    if found.until == want.until:
        return True
    bounded = want.until < moment + VALID_FOR  # the next change is near: a term beyond it would be wrong
    longest = want.until if bounded else moment + VALID_FOR + RENEW_AFTER
    return want.until - RENEW_AFTER < found.until <= longest and not bounded


def _whole(instant: datetime | None) -> datetime | None:
    return None if instant is None else from_epoch(math.ceil(instant.timestamp()))


def _epoch(instant: datetime | None) -> str:
    return "" if instant is None else str(math.ceil(instant.timestamp()))


def _instant(text: str) -> datetime | None:
    return from_epoch(int(text)) if text else None
