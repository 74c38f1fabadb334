"""What was not observed, and whether it adds up: blind intervals and completeness checks as values."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Source(StrEnum):
    """Where we learn from what happens on a PBX."""

    AMI = "ami"
    JOURNAL = "journal"


class Cause(StrEnum):
    """Why a source was not observed. Stable names: reports and programs know them."""

    LINK_LOST = "link_lost"
    """The connection to Asterisk's manager ended, or no longer answered"""
    LINK_ABSENT = "link_absent"
    """Asterisk's manager could not be reached since our start"""
    ASTERISK_RESTART = "asterisk_restart"
    """The connection ended because Asterisk itself did; it was started anew"""
    LISTENER_STOPPED = "listener_stopped"
    """Our listener was stopped in order"""
    LISTENER_AWAY = "listener_away"
    """Our listener ended without a word: killed, crashed, or the machine went down"""
    LISTENER_FROZEN = "listener_frozen"
    """Our listener stood still: its process was stopped, or the machine slept"""
    JOURNAL_GAP = "journal_gap"
    """Lines of Asterisk's journal are gone: it was cut, replaced or torn before we read them"""
    JOURNAL_UNREADABLE = "journal_unreadable"
    """The journal could not be read for a time; nothing of it is lost"""
    JOURNAL_BEHIND = "journal_behind"
    """What Asterisk wrote is not stored yet; said of the present alone"""
    JOURNAL_MISSING = "journal_missing"
    """The journal's folder did not exist: Asterisk could not write"""


@dataclass(frozen=True, slots=True)
class Interval:
    """A span [since, until) in which one source of one PBX was not observed. `until` None: it lasts."""

    source: Source
    since: datetime
    until: datetime | None
    cause: Cause
    detail: str = ""
    filled_at: datetime | None = None
    filled_by: Source | None = None
    """The source from which what happened was learnt afterwards; None: figures of this span may be incomplete"""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far one PBX has been observed, as last stored."""

    watched_since: datetime
    """Observation of this PBX began"""
    seen_at: datetime
    """Our listener was alive"""
    read_up_at: datetime | None
    """What was written to the journal before this is stored; None: never, or a PBX without a journal"""
    stopped: bool = False
    """The listener said farewell"""


@dataclass(frozen=True, slots=True)
class Watched:
    """One PBX with the intervals that touch a period."""

    pbx: str
    journal: bool
    mark: Mark
    intervals: tuple[Interval, ...]


class State(StrEnum):
    """What became of a span."""

    FILLED = "filled"
    UNOBSERVED = "unobserved"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time in which the same is true of all blind intervals that touch it."""

    since: datetime
    until: datetime
    state: State
    intervals: tuple[Interval, ...]

    @property
    def seconds(self) -> float:
        return (self.until - self.since).total_seconds()

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Each cause once, in the order in which they began."""
        return tuple(dict.fromkeys(each.cause for each in self.intervals))


@dataclass(frozen=True, slots=True)
class Coverage:
    """A period [since, until) of one PBX, as far as it is past and was watched. Seconds add up to its length."""

    since: datetime
    until: datetime
    spans: tuple[Span, ...]
    observed_seconds: float
    filled_seconds: float
    unobserved_seconds: float

    @property
    def share(self) -> float | None:
        """Of the time: observed, or filled afterwards. None when there is no time to speak of."""
        whole = self.observed_seconds + self.filled_seconds + self.unobserved_seconds
        return round((self.observed_seconds + self.filled_seconds) / whole, 6) if whole > 0 else None


class Verdict(StrEnum):
    """What a completeness check found."""

    BEGUN = "begun"
    """The first of this life of Asterisk: there was nothing to compare with"""
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    """It does not add up"""
    UNDECIDED = "undecided"
    """Calls came and went while it was looked: no contradiction, no proof. The next check looks at this span, too"""
    NOT_POSSIBLE = "not_possible"
    """Asterisk or the journal could not be asked"""


@dataclass(frozen=True, slots=True)
class Check:
    """One completeness check: the journal against Asterisk's own count, over [since, at)."""

    at: datetime
    verdict: Verdict
    since: datetime | None = None
    boot: str = ""
    """Which life of Asterisk: its start-up time in its own words"""
    processed: int | None = None
    """Calls that Asterisk says it began in the span"""
    journalled: int | None = None
    """Calls that the journal says began in the span"""
    missing_calls: int = 0
    """Begun by Asterisk, not in the journal; negative: the journal has more"""
    missing_starts: tuple[str, ...] = ()
    """Channels that are up and of whose start the journal says nothing"""
    missing_ends: tuple[str, ...] = ()
    """Channels that are gone and of whose end the journal says nothing"""
    missing_linkedid_ends: tuple[str, ...] = ()
    """Calls all of whose channels have ended, without the line that says so"""
    why: str = ""
    """For what was not possible"""
