"""The traffic figures: the ledger balances for any calls, and every ratio shows what it was made of."""

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.calls.model import Line, Outcome, Service
from callcenter.errors import ReportUnbalanced
from callcenter.reports.figures import Slice, Tally, make_report, slice_of
from callcenter.reports.periods import Period, days_of, each_day

MONDAY = date(2026, 11, 23)
WEEK = each_day(MONDAY, MONDAY + timedelta(days=7))


@st.composite
def tallies(draw: st.DrawFn) -> Tally:
    count = draw(st.integers(1, 50))
    within_90 = draw(st.integers(0, count))
    return Tally(
        day=draw(st.sampled_from(WEEK)),
        line=draw(st.sampled_from([*Line, None, "unheard_of"])),
        service=draw(st.sampled_from([*Service, None])),
        outcome=draw(st.sampled_from(list(Outcome))),
        calls=count,
        wait_seconds=draw(st.floats(0, 1e6)),
        within_15=draw(st.integers(0, within_90)),
        within_90=within_90,
        short=draw(st.integers(0, count)),
    )


def received_of(given_tallies: list[Tally]) -> Counter[date]:
    counted: Counter[date] = Counter()
    for tally in given_tallies:
        counted[tally.day] += tally.calls
    return counted


@given(st.lists(tallies(), max_size=60))
def test_the_ledger_balances(some: list[Tally]) -> None:
    report = make_report(MONDAY, WEEK[-1], WEEK, some, received_of(some))
    for row in (*report.days, report.total):
        hotline, figures = row.ledger[Slice.HOTLINE], row.figures
        assert row.received == sum(sum(outcomes.values()) for outcomes in row.ledger.values())
        not_inbound = sum(hotline[o] for o in (Outcome.INVALID, Outcome.CLOSED, Outcome.BLOCKED))
        assert figures["inbound"].value == sum(hotline.values()) - not_inbound
        assert figures["answered"].value == hotline[Outcome.ANSWERED]
        assert figures["lost"].numerator + figures["answered"].numerator == figures["inbound"].numerator
    for name in ("inbound", "answered", "lost", "answered_within_15"):
        assert report.total.figures[name].numerator == sum(day.figures[name].numerator for day in report.days)
    assert report.total.received == sum(day.received for day in report.days)


@given(st.lists(tallies(), max_size=60))
def test_ratios_are_shares_or_nothing(some: list[Tally]) -> None:
    total = make_report(MONDAY, WEEK[-1], WEEK, some, received_of(some)).total
    for figure in total.figures.values():
        assert figure.definition == "traffic/1"
        if figure.unit == "ratio":
            assert (figure.value is None) == (figure.denominator == 0)
            assert figure.value is None or 0 <= figure.value <= 1
    loss, connection = total.figures["loss_rate"].value, total.figures["connection_rate"].value
    assert loss is None or connection is None or abs(loss + connection - 1) < 1e-5


@given(st.lists(tallies(), min_size=1, max_size=20), st.integers(-3, 3).filter(bool))
def test_a_call_more_or_less_is_refused(some: list[Tally], missing: int) -> None:
    received = received_of(some)
    received[some[0].day] += missing
    with pytest.raises(ReportUnbalanced):
        make_report(MONDAY, WEEK[-1], WEEK, some, received)


@pytest.mark.parametrize(
    ("line", "service", "expected"),
    [
        ("hotline", "open", Slice.HOTLINE),
        ("hotline", "duty", Slice.HOTLINE),
        ("hotline", "closed", Slice.HOTLINE_OUTSIDE_HOURS),
        ("hotline", None, Slice.HOTLINE_HOURS_UNKNOWN),
        ("emergency", "closed", Slice.EMERGENCY),
        ("emergency", None, Slice.EMERGENCY),
        (None, "open", Slice.OTHER),
    ],
)
def test_every_call_has_its_line(line: str | None, service: str | None, expected: Slice) -> None:
    assert slice_of(line, service) is expected


@pytest.mark.parametrize(
    ("period", "day", "since", "until"),
    [
        (Period.DAY, date(2024, 2, 29), date(2024, 2, 29), date(2024, 3, 1)),
        (Period.WEEK, date(2026, 11, 22), date(2026, 11, 16), date(2026, 11, 23)),
        (Period.WEEK, date(2026, 11, 23), date(2026, 11, 23), date(2026, 11, 30)),
        (Period.MONTH, date(2026, 12, 31), date(2026, 12, 1), date(2027, 1, 1)),
        (Period.MONTH, date(2026, 2, 28), date(2026, 2, 1), date(2026, 3, 1)),
    ],
)
def test_periods(period: Period, day: date, since: date, until: date) -> None:
    assert days_of(period, day) == (since, until)
