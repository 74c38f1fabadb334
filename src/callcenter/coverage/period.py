"""What the figures of a period rest on, over all PBXs: complete, or what is missing and why. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from callcenter.coverage.model import Cause, Check, Coverage, Interval, Mark, Source, Span, State, Watched
from callcenter.coverage.spans import coverage_of

SILENT_AFTER = timedelta(seconds=10)
"""A listener says every 2 s that it lives"""


@dataclass(frozen=True, slots=True)
class PbxCoverage:
    """One PBX in a period."""

    pbx: str
    journal: bool
    watched_since: datetime
    coverage: Coverage

    def spans(self, state: State) -> tuple[Span, ...]:
        return tuple(span for span in self.coverage.spans if span.state is state)


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """A span in which the journal and Asterisk did not add up."""

    pbx: str
    check: Check


@dataclass(frozen=True, slots=True)
class PeriodCoverage:
    """Every PBX, and what did not add up."""

    pbxs: tuple[PbxCoverage, ...]
    failed: tuple[FailedCheck, ...] = ()

    @property
    def complete(self) -> bool | None:
        """Whether nothing is known to be missing. None: no PBX was watched in the period."""
        seen = [each.coverage for each in self.pbxs if each.coverage.until > each.coverage.since]
        if not seen:
            return None
        return not self.failed and not any(each.unobserved_seconds for each in seen)

    def seconds(self) -> tuple[float, float, float]:
        """Observed, filled, never observed: summed over the PBXs."""
        each = [pbx.coverage for pbx in self.pbxs]
        observed, filled = sum(c.observed_seconds for c in each), sum(c.filled_seconds for c in each)
        return round(observed, 3), round(filled, 3), round(sum(c.unobserved_seconds for c in each), 3)


def cover(
    watched: Iterable[Watched], failed: Sequence[FailedCheck], since: datetime, until: datetime, moment: datetime
) -> PeriodCoverage:
    """The coverage of [since, until) as it is known at `moment`."""
    pbxs = tuple(
        PbxCoverage(
            each.pbx,
            each.journal,
            each.mark.watched_since,
            coverage_of(
                (*each.intervals, *present(each.mark, moment, journal=each.journal)),
                since, until, each.mark.watched_since, moment,
            ),
        )
        for each in watched
    )  # fmt: skip
    touching = tuple(each for each in failed if each.check.at > since and (each.check.since or each.check.at) < until)
    return PeriodCoverage(pbxs, touching)


def present(mark: Mark, moment: datetime, *, journal: bool) -> tuple[Interval, ...]:
    """What nobody could store: the listener that is not there now, the journal that is not read up."""
    if mark.stopped or moment - mark.seen_at > SILENT_AFTER:
        cause = Cause.LISTENER_STOPPED if mark.stopped else Cause.LISTENER_AWAY
        return (Interval(Source.AMI, mark.seen_at, None, cause),)
    read_up = mark.watched_since if mark.read_up_at is None else mark.read_up_at
    if journal and mark.seen_at - read_up > SILENT_AFTER:
        return (Interval(Source.JOURNAL, read_up, None, Cause.JOURNAL_BEHIND),)
    return ()
