"""Months looked at one after the other hold each call that a list can show once, in the list's order."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from callcenter.calls.search import CallSearch, Order
from callcenter.calls.spans import Spans, far, near, suffices
from callcenter.http.paging import Position
from callcenter.storage.months import month_of, parse_month

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)
INSTANTS = st.datetimes(datetime(1969, 1, 1), datetime(2031, 1, 1), timezones=st.just(UTC))


def stages(search: CallSearch, after: Position | None, oldest: datetime) -> list[Spans]:
    looked = near(search, after, NOW)
    rest = () if suffices(search, looked) else far(search, looked, NOW, month_of(oldest))
    return [each for each in (looked, rest) if each]


@given(
    st.sampled_from([Order.NEWEST, Order.OLDEST]),
    st.none() | INSTANTS,
    st.none() | st.timedeltas(timedelta(microseconds=1), timedelta(days=1500)),
    st.none() | INSTANTS,
    st.datetimes(datetime(2000, 1, 1), datetime(2026, 11, 1), timezones=st.just(UTC)),
    INSTANTS,
)
def test_each_instant_is_looked_at_once(
    order: Order,
    since: datetime | None,
    length: timedelta | None,
    here: datetime | None,
    oldest: datetime,
    at: datetime,
) -> None:
    until = since + length if since and length else None
    after = Position(here, UUID(int=1)) if here else None
    search = CallSearch(since=since, until=until, order=order)
    inside = (not since or since <= at) and (not until or at < until)
    coming = here is None or (at <= here if order.descending else at >= here)
    spans = [span for stage in stages(search, after, oldest) for span in stage]
    found = [
        s
        for s in spans
        if (not s.first or s.first <= at) and (not s.last or at < s.last or (s.last_included and at == s.last))
    ]
    if inside and coming:
        assert len(found) == 1
    assert len(found) <= 1
    ends = [(s.first or datetime.min.replace(tzinfo=UTC)) for s in spans]
    assert ends == sorted(ends, reverse=order.descending)


def test_a_day_is_looked_for_in_its_month_alone() -> None:
    day = CallSearch(since=datetime(2026, 3, 4, 16, tzinfo=UTC), until=datetime(2026, 3, 5, 16, tzinfo=UTC))
    ((only,),) = stages(day, None, NOW - timedelta(days=999))
    assert only.first == parse_month("2026-03").starts_at


def test_orders_by_wait_need_all_months() -> None:
    assert [len(stage) for stage in stages(CallSearch(order=Order.LONGEST_WAIT), None, NOW)] == [1]
