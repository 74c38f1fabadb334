"""Who serves which queue, whom the hotline refuses, and who spoke with a caller last."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

Members = Mapping[str, Mapping[str, int]]
"""Queue → agent → penalty: agents of a higher penalty are rung when all of a lower one are busy"""

HOTLINE, OVERFLOW, EMERGENCY = "hotline", "hotline-overflow", "emergency"
QUEUES = (HOTLINE, OVERFLOW, EMERGENCY)


@dataclass(frozen=True, slots=True)
class Blocked:
    """A number refused on the hotline (never on the emergency line), in [blocked_at, until); `None`: for ever."""

    number: str
    until: datetime | None
    reason: str
    blocked_at: datetime
    blocked_by: str

    def holds_at(self, moment: datetime) -> bool:
        return self.until is None or moment < self.until


@dataclass(frozen=True, slots=True)
class LastAgent:
    """Who answered a number last; it is remembered until `until`."""

    number: str
    agent: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """The last that an agent did: logged in or out."""

    agent: str
    logged_in: bool
    at: datetime
