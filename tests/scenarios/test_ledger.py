"""The ledger balances: over the whole corpus, over random mixes of days, for any period and any way to cut it."""

import itertools
from collections import Counter
from datetime import date, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callcenter.calls.model import CallRecord, Outcome
from callcenter.reports.figures import NOT_INBOUND, Row, Slice, TrafficReport, make_report, slice_of
from callcenter.reports.periods import each_day
from tests.scenarios.mixes import (
    BEGIN,
    DAYS,
    FIRST_DAY,
    OF_ONE_BOOT,
    Told,
    inbound,
    journal,
    local_day,
    recorded,
    tallied,
)
from tests.scenarios.stories import NAMES, facts, track

EVIDENCES = {"channel_ends", "linkedid_end", "pbx_crash", "silence", "blind_interval"}
"""What may have closed a record (docs/figures.md)."""
LAST_DAY = FIRST_DAY + timedelta(days=DAYS + 1)
"""A call that rings before midnight is of the day before; the last story begins on the day before this one."""

near_midnight = st.builds(lambda day, second: day * 86400.0 + second, st.integers(1, DAYS - 1), st.floats(-30, 5))
near_an_hour = st.builds(lambda hour, second: hour * 3600.0 + second, st.integers(1, DAYS * 24 - 1), st.floats(-9, 9))
seconds = st.one_of(st.floats(10, DAYS * 86400.0 - 200), near_midnight, near_an_hour, st.floats(40_000, 40_060))
"""Anywhere, at the edges of days and hours, and many at once"""
whole_calls = st.builds(Told, st.sampled_from(OF_ONE_BOOT), seconds)
torn_calls = st.builds(Told, st.sampled_from(OF_ONE_BOOT), seconds, st.frozensets(st.integers(0, 150), max_size=12))
days = st.integers(0, DAYS + 1).map(lambda n: FIRST_DAY + timedelta(days=n))
often = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _report(records: list[CallRecord], since: date, until: date) -> TrafficReport:
    tallies, received = tallied(records, since, until)
    return make_report(since, until, each_day(since, until), tallies, received)


def _cells(row: Row) -> Counter[tuple[Slice, Outcome]]:
    return Counter({(part, outcome): n for part, line in row.ledger.items() for outcome, n in line.items() if n})


def _counted(records: list[CallRecord]) -> Counter[tuple[Slice, Outcome]]:
    return Counter((slice_of(r.line, r.service), r.outcome) for r in records)


def _check_report(records: list[CallRecord], since: date, until: date) -> TrafficReport:
    """A report is issued, so it balances; and it counts every call of the period once, at its day."""
    report, mine = _report(records, since, until), inbound(records, since, until)
    assert report.total.received == len(mine) == sum(_cells(report.total).values())
    assert _cells(report.total) == _counted(mine) == sum((_cells(day) for day in report.days), Counter())
    for row in (report.total, *report.days):
        open_line = row.ledger[Slice.HOTLINE]
        refused = sum(open_line[outcome] for outcome in NOT_INBOUND)
        assert row.figures["inbound"].value == sum(open_line.values()) - refused
        assert row.day is None or _cells(row) == _counted([r for r in mine if local_day(r) == row.day])
    return report


def _check_records(records: list[CallRecord]) -> None:
    """One record a call, with one outcome of the twelve, closed by one of the evidences there are."""
    assert len({r.id for r in records}) == len({(r.uniqueid, r.started_at) for r in records}) == len(records)
    assert all(isinstance(r.outcome, Outcome) for r in records)
    assert {r.evidence for r in records} <= EVIDENCES


def _check_partition(records: list[CallRecord], edges: list[date]) -> None:
    """However a period is cut: its parts add up to it, and no call is in two of them or in none."""
    whole = _check_report(records, edges[0], edges[-1])
    parts = [_check_report(records, since, until) for since, until in itertools.pairwise(edges)]
    assert sum((_cells(part.total) for part in parts), Counter()) == _cells(whole.total)
    assert sum(part.total.received for part in parts) == whole.total.received
    for name, figure in whole.total.figures.items():
        if figure.denominator is None:
            assert sum(part.total.figures[name].numerator for part in parts) == figure.numerator


def _edges(drawn: list[date]) -> list[date]:
    return sorted({FIRST_DAY, LAST_DAY, *drawn})


def test_the_whole_corpus_balances() -> None:
    records = [record for name in NAMES for record in track(facts(name)).values()]
    _check_records(records)
    dates = sorted({local_day(record) for record in records})
    edges = [*dates, dates[-1] + timedelta(days=1)]
    _check_partition(records, edges)
    assert len(inbound(records, edges[0], edges[-1])) > len(NAMES) / 2


@often
@given(st.lists(whole_calls, min_size=1, max_size=25), st.lists(days, max_size=4))
def test_no_call_of_a_mix_is_lost_or_invented(calls: list[Told], drawn: list[date]) -> None:
    records = recorded(journal(calls))
    _check_records(records)
    _check_partition(records, _edges(drawn))
    alone = [record for call in calls for record in recorded(journal([call]))]
    assert Counter((r.started_at, r.outcome, r.talk_seconds) for r in records) == Counter(
        (r.started_at, r.outcome, r.talk_seconds) for r in alone
    )


@often
@given(
    st.lists(torn_calls, min_size=1, max_size=25),
    st.lists(st.floats(1000, DAYS * 86400.0), max_size=3),
    st.lists(days, max_size=4),
    st.booleans(),
)
def test_it_balances_over_lost_lines_and_crashes(
    calls: list[Told], crashes: list[float], drawn: list[date], amid: bool
) -> None:
    if amid:  # a crash while the first of them is up
        crashes = [calls[0].second + 6, *crashes]
    records = recorded(journal(calls, crashes))
    _check_records(records)
    _check_partition(records, _edges(drawn))
    _check_report(records, *sorted((drawn or [FIRST_DAY])[:1] * 2))


@often
@given(st.sampled_from(OF_ONE_BOOT), st.floats(0.5, 20), st.lists(whole_calls, max_size=5))
def test_what_a_crash_cuts_is_closed_by_it(name: str, after: float, others: list[Told]) -> None:
    """Every call that was up when Asterisk died says so, and every one that had begun is there."""
    crash = 50_000.0 + after
    calls, moment = [Told(name, 50_000.0), *others], BEGIN + timedelta(seconds=crash)
    found = {r.started_at: r.evidence for r in recorded(journal(calls, [crash]))}
    for whole in recorded(journal(calls)):
        if whole.started_at < moment:
            assert (found[whole.started_at] == "pbx_crash") == (whole.ended_at >= moment)
