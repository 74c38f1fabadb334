"""Every boundary of 2024–2026, to the second. What is expected is written by hand from the State Council's notices,
break by break, and not computed by the code under test."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.alerts.model import Alert
from callcenter.calls.model import Line, Service
from callcenter.clock import LOCAL_ZONE
from callcenter.schedule import fallback, snapshot
from callcenter.schedule.alarm import calendar_alert
from callcenter.schedule.hours import decide, service_at
from callcenter.schedule.model import DutyPeriod, Override, ScheduleFacts

FACTS = snapshot.shipped()

BREAKS = """
2023-12-30 2024-01-01 | 2024-02-10 2024-02-17 | 2024-04-04 2024-04-06 | 2024-05-01 2024-05-05 | 2024-06-08 2024-06-10
2024-09-15 2024-09-17 | 2024-10-01 2024-10-07 | 2025-01-01 2025-01-01 | 2025-01-28 2025-02-04 | 2025-04-04 2025-04-06
2025-05-01 2025-05-05 | 2025-05-31 2025-06-02 | 2025-10-01 2025-10-08 | 2026-01-01 2026-01-03 | 2026-02-15 2026-02-23
2026-04-04 2026-04-06 | 2026-05-01 2026-05-05 | 2026-06-19 2026-06-21 | 2026-09-25 2026-09-27 | 2026-10-01 2026-10-07
"""
"""First and last day of each break, as the notices name them."""

MAKEUP = [
    "2024-02-04",
    "2024-02-18",
    "2024-04-07",
    "2024-04-28",
    "2024-05-11",
    "2024-09-14",
    "2024-09-29",
    "2024-10-12",
    "2025-01-26",
    "2025-02-08",
    "2025-04-27",
    "2025-09-28",
    "2025-10-11",
    "2026-01-04",
    "2026-02-14",
    "2026-02-28",
    "2026-05-09",
    "2026-09-20",
    "2026-10-10",
]
"""Saturdays and Sundays that the notices say are worked."""

LAST_WORKDAY_BEFORE = [
    "2023-12-29",
    "2024-02-09",
    "2024-04-03",
    "2024-04-30",
    "2024-06-07",
    "2024-09-14",
    "2024-09-30",
    "2024-12-31",
    "2025-01-27",
    "2025-04-03",
    "2025-04-30",
    "2025-05-30",
    "2025-09-30",
    "2025-12-31",
    "2026-02-14",
    "2026-04-03",
    "2026-04-30",
    "2026-06-18",
    "2026-09-24",
    "2026-09-30",
]
"""The workday before each break, in its order, read off a wall calendar."""

FIRST_WORKDAY_AFTER = [
    "2024-01-02",
    "2024-02-18",
    "2024-04-07",
    "2024-05-06",
    "2024-06-11",
    "2024-09-18",
    "2024-10-08",
    "2025-01-02",
    "2025-02-05",
    "2025-04-07",
    "2025-05-06",
    "2025-06-03",
    "2025-10-09",
    "2026-01-04",
    "2026-02-24",
    "2026-04-07",
    "2026-05-06",
    "2026-06-22",
    "2026-09-28",
    "2026-10-08",
]

WORKDAY = {"00:00:00": "closed", "08:59:59": "closed", "09:00:00": "open", "16:59:59": "open", "17:00:00": "closed"}
CLOSED = dict.fromkeys(("00:00:00", "08:59:59", "09:00:00", "12:00:00", "16:59:59", "23:59:59"), "closed")


def breaks() -> list[tuple[str, str]]:
    pairs = BREAKS.replace("|", "\n").split("\n")
    return [(first, last) for first, last in (pair.split() for pair in pairs if pair.strip())]


def table() -> list[tuple[str, str]]:
    rows: dict[str, dict[str, str]] = {}
    for first, last in breaks():
        rows |= {first: CLOSED, last: CLOSED}
    rows |= dict.fromkeys([*MAKEUP, *LAST_WORKDAY_BEFORE, *FIRST_WORKDAY_AFTER], WORKDAY)
    return [(f"{day} {at}", mode) for day, times in sorted(rows.items()) for at, mode in times.items() if day >= "2024"]


TABLE = table()


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LOCAL_ZONE)


def test_the_table_is_long_enough() -> None:
    assert len(TABLE) >= 200


@pytest.mark.parametrize(("at", "mode"), TABLE)
def test_boundary(at: str, mode: str) -> None:
    state = service_at(Line.HOTLINE, wall(at), FACTS)
    assert (state.mode.value, state.provisional) == (mode, False)


@pytest.mark.parametrize(("before", "after"), list(zip(LAST_WORKDAY_BEFORE, FIRST_WORKDAY_AFTER, strict=True))[1:])
def test_next_opening_is_after_the_break(before: str, after: str) -> None:
    assert service_at(Line.HOTLINE, wall(f"{before} 17:00"), FACTS).next_opening == wall(f"{after} 09:00")


@pytest.mark.parametrize(("at", "year"), [("2026-11-30 23:59", None), ("2026-12-01 00:00", 2027), ("2027-03-01", 2027)])
def test_alarm_about_a_missing_year(at: str, year: int | None) -> None:
    alert = calendar_alert(FACTS, wall(at))
    assert (alert.facts["year"] if isinstance(alert, Alert) else None) == year


def test_unloaded_year_goes_by_weekday_and_says_so() -> None:
    state = service_at(Line.HOTLINE, wall("2027-01-01 10:00"), FACTS)
    assert (state.mode, state.reason, state.provisional) == (Service.OPEN, "hours", True)
    assert "2027" in state.why


seconds = st.integers(0, 3 * 366 * 86400 - 1).map(lambda s: wall("2024-01-01 00:00") + timedelta(seconds=s))
lengths = st.integers(60, 40 * 86400).map(lambda s: timedelta(seconds=s))
overrides = st.builds(
    lambda n, mode, at, length: Override(n, Line.HOTLINE, mode, at, at + length, "", ""),
    st.integers(1, 9), st.sampled_from([Service.OPEN, Service.CLOSED]), seconds, lengths,
)  # fmt: skip
duties = st.builds(
    lambda n, at, length: DutyPeriod(n, Line.HOTLINE, "x", at, at + length, "", ""), st.integers(1, 9), seconds, lengths
)
worlds = st.builds(
    lambda o, d: ScheduleFacts(FACTS.calendar, FACTS.hours, tuple(o), tuple(d)),
    st.lists(overrides, max_size=3, unique_by=lambda o: o.id), st.lists(duties, max_size=2, unique_by=lambda d: d.id),
)  # fmt: skip


@given(seconds, worlds, st.floats(0, 1, exclude_max=True))
def test_until_is_really_the_next_change(at: datetime, facts: ScheduleFacts, share: float) -> None:
    now, until = decide(Line.HOTLINE, at, facts), service_at(Line.HOTLINE, at, facts).until
    assert until is not None and until > at
    assert decide(Line.HOTLINE, until, facts) != now
    within = min(at + (until - at) * share, until - timedelta(microseconds=1))
    assert decide(Line.HOTLINE, within, facts) == now


@given(seconds, worlds)
def test_next_opening_opens_and_closing_closes(at: datetime, facts: ScheduleFacts) -> None:
    state, tick = service_at(Line.HOTLINE, at, facts), timedelta(microseconds=1)
    if state.next_opening:
        assert decide(Line.HOTLINE, state.next_opening, facts).mode is not Service.CLOSED
        assert decide(Line.HOTLINE, state.next_opening - tick, facts).mode is Service.CLOSED
    if state.closes_at:
        assert state.mode is not Service.CLOSED
        assert decide(Line.HOTLINE, state.closes_at, facts).mode is Service.CLOSED


@given(worlds)
def test_snapshot_reads_back(facts: ScheduleFacts) -> None:
    assert snapshot.from_json(snapshot.to_json(facts)) == facts


def test_dialplan_knows_every_named_day() -> None:
    known = {each.digits: each.weekday for each in fallback.special_days(FACTS)}
    assert known["20261005"] == 0 and known["20261010"] == 1
    assert len(known) == len(FACTS.calendar.days)
    assert date(2026, 10, 10).isoweekday() == 6
