"""Which months a list looks at first: mostly the page is full before the other partitions need to be thought of."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from callcenter.calls.search import CallSearch
from callcenter.http.paging import Position

NEAR = timedelta(days=45)
"""Two or three partitions: planning for three years of them takes longer than reading a page."""


@dataclass(frozen=True, slots=True)
class Span:
    """Calls that began in [first, last), or [first, last] with `last_included`; None is open."""

    first: datetime | None = None
    last: datetime | None = None
    last_included: bool = False


EVERYTHING = Span()


def spans(search: CallSearch, after: Position | None, moment: datetime) -> tuple[Span, ...]:
    """What to look at, one after the other until there are enough: together all that can come after a position.

    Filters of the search itself are not repeated here. Other orders than by start need every month at once.
    """
    if search.order.column != "started_at":
        return (EVERYTHING,)
    here = after.value if after is not None and isinstance(after.value, datetime) else None
    return _backwards(search, here, moment) if search.order.descending else _forwards(search, here)


def _backwards(search: CallSearch, here: datetime | None, moment: datetime) -> tuple[Span, ...]:
    top = min((each for each in (here, search.until) if each is not None), default=None)
    cut = (top or moment) - NEAR
    if search.since is not None and search.since >= cut:
        return (Span(None, here, last_included=True),)
    return Span(cut, here, last_included=True), Span(None, cut)


def _forwards(search: CallSearch, here: datetime | None) -> tuple[Span, ...]:
    bottom = max((each for each in (here, search.since) if each is not None), default=None)
    if bottom is None:
        return (EVERYTHING,)
    cut = bottom + NEAR
    if search.until is not None and search.until <= cut:
        return (Span(here),)
    return Span(here, cut), Span(cut)
