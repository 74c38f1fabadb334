"""Does the journal add up with Asterisk's own count? The rule, pure: what Asterisk said, what the journal counts.

Asterisk and the journal are read at different instants, and Asterisk writes a fact a little before or after it counts
it. So the journal is counted a margin before and a margin after Asterisk was asked: between them the truth lies. When
nothing began meanwhile, the two are one number and the check is exact. A check that is not exact can contradict, but
proves nothing: the next one looks at its span, too.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from callcenter.alerts.model import Alert, Severity
from callcenter.coverage.counting import JournalCount
from callcenter.coverage.model import Check, Verdict

RECORD_INCOMPLETE, JOURNAL_KEY = "record_incomplete", "journal"
MARGIN = timedelta(seconds=2)
NAMED = 20
"""So many channels are named in a check"""
INTERNAL = ("Surrogate/", "AsyncGoto/", "Message/", "CBAnn/", "CBRec/", "Announcer/", "Recorder/")
"""Channels of Asterisk's own that CEL says nothing of (`AST_CHAN_TP_INTERNAL`)"""


@dataclass(frozen=True, slots=True)
class Reading:
    """What Asterisk said of itself, asked at `at`."""

    at: datetime
    boot: str
    boot_at: datetime
    processed: int
    channels: frozenset[str]
    """Unique ids of those that are up"""
    linkedids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Anchor:
    """What a check compares with: at `at`, in this life of Asterisk, both counts stood so."""

    at: datetime
    boot: str
    processed: int
    calls: int

    def as_stored(self) -> dict[str, Any]:
        return {"at": self.at.isoformat(), "boot": self.boot, "processed": self.processed, "calls": self.calls}


def read_anchor(stored: dict[str, Any] | None) -> Anchor | None:
    """As it was stored."""
    return None if stored is None else Anchor(**{**stored, "at": datetime.fromisoformat(stored["at"])})


def judge(reading: Reading, count: JournalCount, anchor: Anchor | None) -> tuple[Check, Anchor | None]:
    """One look, and what the next one compares with. The journal must have been read past `reading.at` + margin."""
    anchor = _anchor_of(reading, count, anchor)
    check = _ends(reading, count, Check(reading.at, Verdict.BEGUN, anchor.at if anchor else None, reading.boot))
    low, high = count.begun_by(reading.at - MARGIN)[0], count.begun_by(reading.at + MARGIN)[1]
    exact = low == high
    fresh = Anchor(reading.at, reading.boot, reading.processed, low)
    if anchor is None:  # the count may have begun in mid-call: it knows no start before
        return _concluded(replace(check, missing_starts=()), exact=True), fresh if exact else None
    began, journalled = reading.processed - anchor.processed, low - anchor.calls
    missing = _missing(began, journalled, high - anchor.calls)
    check = replace(check, processed=began, journalled=journalled, missing_calls=missing)
    return _concluded(check, exact=exact, compared=True), fresh if exact else anchor


def _anchor_of(reading: Reading, count: JournalCount, anchor: Anchor | None) -> Anchor | None:
    """The one of this life of Asterisk; a new life began with nothing, if the journal tells of that moment."""
    if anchor is not None and anchor.boot == reading.boot:
        return anchor
    if anchor is None or not count.reaches(reading.boot_at):
        return None
    return Anchor(reading.boot_at, reading.boot, 0, count.begun_by(reading.boot_at)[0])


def _missing(began: int, at_least: int, at_most: int) -> int:
    """How many calls the journal lacks; negative: how many it has too many."""
    return max(0, began - at_most) or min(0, began - at_least)


def _ends(reading: Reading, count: JournalCount, check: Check) -> Check:
    """Starts against ends, channel by channel."""
    gone = count.up_before(reading.at - MARGIN) - reading.channels
    unknown = {name for name in reading.channels if not count.knows(name)}
    linkedids = count.open_linkedids(reading.at - MARGIN) - reading.linkedids
    return replace(
        check,
        missing_starts=tuple(sorted(unknown)),
        missing_ends=tuple(sorted(gone)),
        missing_linkedid_ends=tuple(sorted(linkedids)),
    )


def is_internal(channel: str) -> bool:
    """Whether a channel's name is one of Asterisk's own."""
    return channel.startswith(INTERNAL)


def settle(reading: Reading, count: JournalCount, check: Check) -> None:
    """It has been told what is missing: the next check looks for what comes after."""
    count.give_up(check.missing_ends, check.missing_linkedid_ends)
    for name in reading.channels:
        if not count.knows(name):
            count.adopt(name, reading.at)


def alert_of(check: Check) -> Alert:
    """What somebody must know of a check that does not add up."""
    facts = {
        "since": "–" if check.since is None else check.since.isoformat(timespec="seconds"),
        "until": check.at.isoformat(timespec="seconds"),
        "calls": check.missing_calls,
        "starts": len(check.missing_starts),
        "ends": len(check.missing_ends) + len(check.missing_linkedid_ends),
        "channels": [*check.missing_starts, *check.missing_ends][:NAMED],
    }
    return Alert(RECORD_INCOMPLETE, JOURNAL_KEY, Severity.WARNING, facts)


def _concluded(check: Check, *, exact: bool, compared: bool = False) -> Check:
    lacks = check.missing_calls or check.missing_starts or check.missing_ends or check.missing_linkedid_ends
    if lacks:
        return replace(check, verdict=Verdict.INCOMPLETE)
    if not compared:
        return check
    return replace(check, verdict=Verdict.COMPLETE if exact else Verdict.UNDECIDED)
