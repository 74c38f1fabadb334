"""Which months a list looks at, one after the other until its page is full.

Each month is planned by its own statistics and not begun before it is needed. Asked for all months at once, Postgres
takes an agent who left a year ago for one whose calls lie evenly over all, and walks the months since from end to end.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from callcenter.calls.search import CallSearch
from callcenter.http.paging import Position
from callcenter.storage.months import Month, month_of

MOST = 120
"""Months looked at one by one; what lies beyond is looked at in one."""
INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Span:
    """Calls that began in [first, last), or [first, last] with `last_included`; None is open."""

    first: datetime | None = None
    last: datetime | None = None
    last_included: bool = False


Spans = tuple[Span, ...]
EVERYTHING = Span()


def near(search: CallSearch, after: Position | None, moment: datetime) -> Spans | None:
    """The two months that are looked at first; None when the oldest month must be known for that.

    Filters of the search are not repeated here. Other orders than by start need every month at once.
    """
    if search.order.column != "started_at":
        return (EVERYTHING,)
    here = _instant(after)
    if search.order.descending:
        top = min(each for each in (here, search.until and search.until - INSTANT, moment) if each)
        month = month_of(top)
        return _asked(search, (Span(month.starts_at, here, here is not None), _of(month.plus(-1))))
    bottom = max((each for each in (here, search.since) if each), default=None)
    if bottom is None:
        return None
    month = month_of(bottom)
    return _asked(search, (Span(here, month.ends_at), _of(month.plus(1))))


def suffices(search: CallSearch, looked: Spans | None) -> bool:
    """Whether nothing that the search asks for lies beyond the months looked at."""
    if not looked or search.order.column != "started_at":
        return bool(looked)
    first, last = looked[-1].first, looked[-1].last
    if search.order.descending:
        return search.since is not None and first is not None and first <= search.since
    return search.until is not None and last is not None and search.until <= last


def far(search: CallSearch, looked: Spans | None, moment: datetime, oldest: Month) -> Spans:
    """The other months, in the list's order; empty when `near` was all that the search asks for."""
    if search.order.column != "started_at":
        return ()
    start = looked[-1].last if looked else None
    if _has_ordered_index(search):
        return _asked(
            search, (Span(None, looked[-1].first if looked else None) if search.order.descending else Span(start),)
        )
    if search.order.descending:
        return _asked(search, _down(looked[-1].first if looked else None, oldest))
    return _asked(search, _up(start, oldest, month_of(moment).plus(1)))


def _has_ordered_index(search: CallSearch) -> bool:
    """What is asked for comes by an index in the order of start: all months at once then cost less than one by one."""
    unordered = (search.queue, search.agent, search.mark, search.min_talk, search.max_talk)
    return search.number is not None or all(each is None for each in unordered)


def _down(end: datetime | None, oldest: Month) -> Spans:
    if end is None:
        return ()
    months: list[Month] = []
    month = month_of(end - INSTANT)
    while month >= oldest and len(months) < MOST:
        months.append(month)
        month = month.plus(-1)
    return (*(_of(each) for each in months), Span(None, months[-1].starts_at if months else end))


def _up(start: datetime | None, oldest: Month, newest: Month) -> Spans:
    before = (Span(start, oldest.starts_at),) if start is None or start < oldest.starts_at else ()
    months: list[Month] = []
    month = oldest if before or start is None else month_of(start)
    while month <= newest and len(months) < MOST:
        months.append(month)
        month = month.plus(1)
    return (*before, *(_of(each) for each in months), Span(months[-1].ends_at if months else start))


def _of(month: Month) -> Span:
    return Span(month.starts_at, month.ends_at)


def _asked(search: CallSearch, spans: Spans) -> Spans:
    """Those in which the search can find anything."""
    since, until = search.since, search.until
    return tuple(
        span
        for span in spans
        if not (since and span.last and span.last <= since) and not (until and span.first and span.first >= until)
    )


def _instant(after: Position | None) -> datetime | None:
    return after.value if after is not None and isinstance(after.value, datetime) else None
