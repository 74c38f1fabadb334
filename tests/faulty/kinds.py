"""The kinds of fault that can happen to a real recording: when each strikes, and what must be said of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class Stage(StrEnum):
    """When a fault strikes."""

    NEVER = "never"
    PHONE = "phone"
    """By what the phones send"""
    TALK = "talk"
    """While the call is up"""
    CLOSED = "closed"
    """The call is over; nobody has taken its files up"""
    SEALED = "sealed"
    """Sealed, not in the store yet"""
    KEPT = "kept"
    """In the store and the database, at the end of all calls"""


@dataclass(slots=True)
class Told:
    """What the product says of one call's recording."""

    state: str = "no row"
    flags: frozenset[str] = frozenset()
    reason: str = ""
    steps: frozenset[str] = frozenset()
    report: str = "verified"
    """Under which heading the day's report has it: verified, flagged, missing, pending"""
    alerts: frozenset[str] = frozenset()
    """Kinds of alerts that name it"""
    deviations: set[str] = field(default_factory=set)
    """Kinds that `callcenter recordings verify` reports of it"""

    @property
    def summary(self) -> str:
        """For the table: what a person would read first."""
        if self.deviations:
            return "verify: " + " ".join(sorted(self.deviations))
        said = " ".join([*([self.state] if self.state != "archived" else []), *sorted(self.flags)])
        return said or "nothing"


Says = Callable[[Told], bool]


def flagged(*flags: str) -> Says:
    """All of these flags, and in the report as flagged."""
    return lambda told: told.flags >= set(flags) and told.report == "flagged"


def one_of(*ways: Says) -> Says:
    return lambda told: any(way(told) for way in ways)


def absent(told: Told) -> bool:
    return told.state == "absent" and told.report == "missing" and bool(told.reason)


def damaged(told: Told) -> bool:
    return told.state == "damaged" and told.report == "flagged" and bool(told.reason)


def damaged_and_alarmed(told: Told) -> bool:
    return damaged(told) and "recording_damaged" in told.alerts


def deviates(*kinds: str) -> Says:
    return lambda told: bool(told.deviations & set(kinds))


def fine(told: Told) -> bool:
    """Nothing at all is said of it."""
    return (
        told.state == "archived"
        and not told.flags
        and told.report == "verified"
        and not told.steps & {"missing", "stalled", "one_sided", "repaired", "damaged"}
        and not told.alerts
        and not told.deviations
    )


SHORT_TALK, TALK, LONG_TALK = (3.5, 6.0), (5.8, 8.0), (16.0, 17.5)
CUT_OFF_AFTER = (1.0, 2.5)
"""Seconds of talk after which a phone falls silent: more than 10 s of a long talk are left"""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault; `what` is done by `injecting.DONE`, `says` must hold of what the product tells."""

    name: str
    stage: Stage
    says: Says
    talk: tuple[float, float] = SHORT_TALK
    caller: str = "voice"
    agent: str = "voice"
    together: int = 1
    """Calls that it takes"""


SOUND = Kind("none", Stage.NEVER, fine)
KINDS = (
    Kind("caller's phone sends nothing", Stage.PHONE, flagged("caller_silent"), TALK, caller="nothing"),
    Kind("agent's phone sends nothing", Stage.PHONE, flagged("agent_silent"), TALK, agent="nothing"),
    Kind("both send nothing", Stage.PHONE, flagged("caller_silent", "short"), TALK, "nothing", "nothing"),
    Kind("caller falls silent in mid-call", Stage.PHONE, flagged("caller_silent"), LONG_TALK, caller="cut off"),
    Kind("agent falls silent in mid-call", Stage.PHONE, flagged("agent_silent"), LONG_TALK, agent="cut off"),
    Kind("a phone clips", Stage.PHONE, flagged("clipped"), caller="loud or voice", agent="loud or voice"),
    Kind("recording stopped at once", Stage.TALK, one_of(flagged("short"), absent)),
    Kind("recording stopped in mid-call", Stage.TALK, flagged("short")),
    Kind("a leg removed in mid-call", Stage.TALK, flagged("leg_missing", "unwatched"), TALK),
    Kind("both legs removed in mid-call", Stage.TALK, absent, TALK),
    Kind("both legs removed", Stage.CLOSED, absent),
    Kind("a leg removed", Stage.CLOSED, flagged("leg_missing")),
    Kind("truncated", Stage.CLOSED, flagged("repaired", "altered")),
    Kind("header damaged", Stage.CLOSED, one_of(flagged("leg_missing"), flagged("altered"))),
    Kind("garbage", Stage.CLOSED, flagged("leg_missing")),
    Kind("caller's side zeroed", Stage.CLOSED, flagged("caller_silent", "altered"), TALK),
    Kind("agent's side zeroed", Stage.CLOSED, flagged("agent_silent", "altered"), TALK),
    Kind("both sides zeroed", Stage.CLOSED, flagged("silent", "altered"), TALK),
    Kind("a stretch overdubbed", Stage.CLOSED, flagged("altered")),
    Kind("swapped with another call's", Stage.CLOSED, flagged("altered"), together=2),
    Kind("sealed file altered", Stage.SEALED, damaged_and_alarmed),
    Kind("sealed file truncated", Stage.SEALED, damaged_and_alarmed),
    Kind("sealed file removed", Stage.SEALED, damaged_and_alarmed),
    Kind("archived file altered", Stage.KEPT, deviates("file_differs")),
    Kind("archived file truncated", Stage.KEPT, deviates("file_size")),
    Kind("archived file removed", Stage.KEPT, deviates("file_missing")),
    Kind("archived files swapped", Stage.KEPT, deviates("file_size", "file_differs"), together=2),
    Kind("row deleted", Stage.KEPT, deviates("no_row")),
    Kind("hash in the row altered", Stage.KEPT, deviates("column")),
    Kind("key deleted", Stage.KEPT, deviates("key_missing")),
    Kind("entry of the chain deleted", Stage.KEPT, deviates("gap")),
)
