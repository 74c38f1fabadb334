"""From blind intervals to what a period's figures rest on. Pure; docs/figures.md says the same in words."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from callcenter.coverage.model import Coverage, Interval, Span, State


def coverage_of(
    intervals: Iterable[Interval], since: datetime, until: datetime, watched_since: datetime, moment: datetime
) -> Coverage:
    """How much of [since, until) was observed: the part that is past at `moment` and in which the PBX was watched."""
    begin = max(since, watched_since)
    end = max(begin, min(until, moment))
    spans = tuple(_spans(sorted(intervals, key=lambda each: each.since), begin, end))
    filled = sum(span.seconds for span in spans if span.state is State.FILLED)
    blind = sum(span.seconds for span in spans if span.state is State.UNOBSERVED)
    observed = max(0.0, (end - begin).total_seconds() - filled - blind)
    return Coverage(begin, end, spans, round(observed, 3), round(filled, 3), round(blind, 3))


def _spans(intervals: Sequence[Interval], begin: datetime, end: datetime) -> Iterator[Span]:
    """Disjoint, in order; neighbours in the same state are one."""
    current: Span | None = None
    for span in _pieces(intervals, begin, end):
        if current is not None and current.until == span.since and current.state is span.state:
            together = tuple(dict.fromkeys((*current.intervals, *span.intervals)))
            current = Span(current.since, span.until, span.state, together)
            continue
        if current is not None:
            yield current
        current = span
    if current is not None:
        yield current


def _pieces(intervals: Sequence[Interval], begin: datetime, end: datetime) -> Iterator[Span]:
    """Between two neighbouring edges the same intervals hold; one that is not filled decides."""
    reaching = [(each, max(each.since, begin), min(each.until or end, end)) for each in intervals]
    reaching = [(each, since, until) for each, since, until in reaching if since < until]
    edges = sorted({edge for _, since, until in reaching for edge in (since, until)})
    for since, until in pairwise(edges):
        here = tuple(each for each, first, last in reaching if first <= since and last >= until)
        if here:
            open_for_good = any(each.filled_at is None for each in here)
            yield Span(since, until, State.UNOBSERVED if open_for_good else State.FILLED, here)
