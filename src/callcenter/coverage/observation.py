"""What one listener observes of one PBX, and since when it does not. Pure: whoever drives it says what happened when.

Theory of operation. Two sources are watched: AMI (its connection, and whether we live to hear it) and the journal
(whether it can be read, and whether lines of it are gone). What is said becomes intervals; `take_changes` hands out
those that are to be stored, which may be later, when Postgres is there again. An interval of AMI is filled when the
journal was read past its end and no line is gone from the span. What happened before we began is known from the mark
that the last run left: from then until the first link nobody heard Asterisk.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from callcenter.coverage.model import Cause, Interval, Mark, Source
from callcenter.journal.sight import Sight

FIRST_LINK = timedelta(seconds=10)
"""A link that comes so soon after our start is part of the start"""
WRITTEN_WITHIN = timedelta(seconds=2)
"""Asterisk writes its journal a little after the fact: it holds a moment for certain when read so much later"""
LOSES_LINES = frozenset({Cause.JOURNAL_GAP, Cause.JOURNAL_MISSING})

Key = tuple[Source, datetime]


class Observation:
    """One PBX as seen by this run. `journal`: whether its journal is within reach."""

    def __init__(self, moment: datetime, *, journal: bool = True) -> None:
        self.began_at = moment
        self.read_up_at: datetime | None = None
        self._unread_since = moment
        self._journal = journal
        self._linked_at: datetime | None = None
        self._recalled = False
        self._open: dict[Key, Interval] = {}
        self._unfilled: dict[Key, Interval] = {}
        self._lossy: dict[Key, Interval] = {}
        self._changed: dict[Key, Interval] = {}

    def recall(self, last: Mark | None, known: Iterable[Interval]) -> None:
        """What was stored before we began: the last word, and the intervals that are open or not filled."""
        self._recalled = True
        for each in known:
            if each.source is Source.AMI and each.until is None and self._linked_at is not None:
                self._put(replace(each, until=max(each.since, self._linked_at)))
            else:
                self._sort(each)
        if last is None:
            return
        self._unread_since = last.watched_since
        cause = Cause.LISTENER_STOPPED if last.stopped else Cause.LISTENER_AWAY
        since = min(last.seen_at, self.began_at)
        self._put(Interval(Source.AMI, since, self._linked_at and max(since, self._linked_at), cause))
        if self.read_up_at is None and last.read_up_at is not None:
            self.read_up_at = last.read_up_at

    def link_lost(self, at: datetime, why: str, heard_at: datetime) -> None:
        """The connection ended; nothing was heard of it since `heard_at`."""
        self._put(Interval(Source.AMI, min(heard_at, at), None, Cause.LINK_LOST, why))

    def link_up(self, at: datetime, boot_at: datetime, *, restarted: bool) -> None:
        """Connected: whatever blinded us to AMI is over."""
        self._linked_at = self._linked_at or at
        for each in [each for each in self._open.values() if each.source is Source.AMI]:
            lost = each.cause in (Cause.LINK_LOST, Cause.LINK_ABSENT) and restarted
            cause, detail = each.cause, each.detail
            if lost:
                cause, detail = Cause.ASTERISK_RESTART, f"started at {boot_at.isoformat(timespec='seconds')}"
            self._put(replace(each, until=max(each.since, at), cause=cause, detail=detail))

    def frozen(self, since: datetime, until: datetime) -> None:
        """We did not run from `since` to `until`."""
        self._put(Interval(Source.AMI, since, max(since, until), Cause.LISTENER_FROZEN))

    def tick(self, moment: datetime) -> None:
        """Time has passed: our absence ends with our start when no link follows it."""
        if self._linked_at is not None or not self._recalled or moment - self.began_at < FIRST_LINK:
            return
        ours = (Cause.LISTENER_STOPPED, Cause.LISTENER_AWAY)
        for each in [each for each in self._open.values() if each.cause in ours]:
            self._put(replace(each, until=max(each.since, self.began_at)))
        if not any(each.source is Source.AMI for each in self._open.values()):
            self._put(Interval(Source.AMI, self.began_at, None, Cause.LINK_ABSENT))

    def see_journal(self, sight: Sight, at: datetime, detail: str = "") -> None:
        """How the journal is to be read at a moment. `READ_UP`: all that was written before it is stored."""
        if sight is not Sight.READ_UP:
            cause = Cause.JOURNAL_MISSING if sight is Sight.MISSING else Cause.JOURNAL_UNREADABLE
            self._journal_fails(cause, at, detail)
            return
        for each in [each for each in self._open.values() if each.source is Source.JOURNAL]:
            over = replace(each, until=max(each.since, at))
            self._put(over if each.cause in LOSES_LINES else _filled(over, at))
        self.read_up_at = at
        self._fill(at)

    def lines_lost(self, reasons: Iterable[str], at: datetime) -> None:
        """Lines of the journal are gone, written between our last look at it and this one."""
        since = self._unread_since if self.read_up_at is None else self.read_up_at
        self._put(Interval(Source.JOURNAL, min(since, at), at, Cause.JOURNAL_GAP, "; ".join(reasons)[:500]))

    def take_changes(self) -> list[Interval]:
        """The intervals that are new or changed since they were taken last."""
        changed, self._changed = self._changed, {}
        return list(changed.values())

    def give_back(self, intervals: Iterable[Interval]) -> None:
        """They could not be stored; what was said since then is newer."""
        self._changed = {_key(each): each for each in intervals} | self._changed

    def _journal_fails(self, cause: Cause, at: datetime, detail: str) -> None:
        if not any(each.cause is cause for each in self._open.values()):
            since = at if self.read_up_at is None else min(self.read_up_at, at)
            self._put(Interval(Source.JOURNAL, since, None, cause, detail[:500]))

    def _put(self, interval: Interval) -> None:
        self._changed[_key(interval)] = interval
        self._sort(interval)

    def _sort(self, interval: Interval) -> None:
        key = _key(interval)
        for kept in (self._open, self._unfilled, self._lossy):
            kept.pop(key, None)
        if interval.until is None:
            self._open[key] = interval
        elif interval.source is Source.AMI and interval.filled_at is None and self._journal:
            self._unfilled[key] = interval
        if interval.cause in LOSES_LINES:
            self._lossy[key] = interval

    def _fill(self, at: datetime) -> None:
        """The journal was read up to `at`: it tells what AMI did not, unless lines of it are gone."""
        for key, each in list(self._unfilled.items()):
            assert each.until is not None
            if each.until + WRITTEN_WITHIN > at:
                continue
            if any(_touch(each, lossy) for lossy in self._lossy.values()):
                del self._unfilled[key]
            else:
                self._put(_filled(each, at))


def _filled(interval: Interval, at: datetime) -> Interval:
    return replace(interval, filled_at=at, filled_by=Source.JOURNAL)


def _key(interval: Interval) -> Key:
    return interval.source, interval.since


def _touch(one: Interval, other: Interval) -> bool:
    before = one.until is not None and one.until <= other.since
    after = other.until is not None and other.until <= one.since
    return not before and not after
