"""Where Asterisk is, how long we wait for it, and what its connection says besides events."""

from dataclasses import dataclass
from datetime import datetime

from callcenter.ami.messages import Event


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int
    username: str
    password: str


@dataclass(frozen=True, slots=True)
class Timings:
    """All in seconds."""

    connect: float = 5.0
    answer: float = 5.0
    fully_booted: float = 30.0
    idle: float = 1.0
    ping_answer: float = 3.0
    busy: float = 5.0
    """Asked so often although events keep coming: how late they come, only an answer can tell"""
    behind: float = 10.0
    """An answer that comes later has events of the past before it: the link is made anew, and a snapshot with it"""
    first_wait: float = 0.2
    longest_wait: float = 10.0
    refused_wait: float = 15.0
    """After a refused login: slow, so that no log is flooded and no account locked"""
    steady: float = 5.0
    """A connection that lived so long counts as good: the waits begin anew"""


@dataclass(frozen=True, slots=True)
class Boot:
    """One life of Asterisk."""

    at: datetime
    """When it started, down to the second before"""
    mark: str
    """Start-up time in Asterisk's own words: another mark is another life"""


@dataclass(frozen=True, slots=True)
class LinkUp:
    """Logged in. What happened from `blind_since` until `at` was seen by nobody here.

    `blind_since` is the link's last sign of life; `None`: the first link.
    """

    at: datetime
    boot: Boot
    restarted: bool
    """Asterisk itself was started anew since the link before this one"""
    blind_since: datetime | None


@dataclass(frozen=True, slots=True)
class LinkLost:
    """Noticed at `at`; nothing was heard since `heard_at` (a half-open connection is silent before it is noticed)."""

    at: datetime
    why: str
    heard_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SnapshotBegun:
    """Events after this one may already be in the snapshot that follows, or not: both must come out right."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Asterisk's whole present state, as the events of its lists."""

    at: datetime
    events: tuple[Event, ...]


Item = Event | LinkUp | LinkLost | SnapshotBegun | Snapshot
