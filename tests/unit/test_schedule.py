"""When a line takes calls. 2026-11-23 is a Monday."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.calls.model import Line, Service
from callcenter.clock import LOCAL_ZONE
from callcenter.errors import InvalidInput
from callcenter.schedule.hours import service_at
from callcenter.schedule.model import Override, ScheduleFacts
from callcenter.schedule.until import read_until


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LOCAL_ZONE)


def override(id: int, mode: Service, starts: str, until: str, line: Line = Line.HOTLINE) -> Override:
    return Override(id, line, mode, wall(starts), wall(until), "event", "operator")


def facts(*overrides: Override) -> ScheduleFacts:
    return ScheduleFacts(overrides=overrides)


@pytest.mark.parametrize(
    ("at", "mode", "until"),
    [
        ("2026-11-23 08:59:59.999999", "closed", "2026-11-23 09:00"),
        ("2026-11-23 09:00:00", "open", "2026-11-23 17:00"),
        ("2026-11-23 16:59:59.999999", "open", "2026-11-23 17:00"),
        ("2026-11-23 17:00:00", "closed", "2026-11-24 09:00"),
        ("2026-11-27 17:00:00", "closed", "2026-11-30 09:00"),  # Friday evening to Monday
        ("2026-11-28 12:00:00", "closed", "2026-11-30 09:00"),  # Saturday
        ("2026-12-31 16:00:00", "open", "2026-12-31 17:00"),
    ],
)
def test_hours(at: str, mode: str, until: str) -> None:
    state = service_at(Line.HOTLINE, wall(at))
    assert (state.mode, state.until) == (mode, wall(until))


def test_moment_in_any_zone() -> None:
    monday_nine = datetime(2026, 11, 23, 1, tzinfo=UTC)
    assert service_at(Line.HOTLINE, monday_nine).mode is Service.OPEN


def test_emergency_is_always_open() -> None:
    closing = override(1, Service.CLOSED, "2026-11-20 00:00", "2026-12-01 00:00", Line.EMERGENCY)
    state = service_at(Line.EMERGENCY, wall("2026-11-28 03:00"), facts(closing))
    assert (state.mode, state.until) == (Service.OPEN, None)


SUNDAY_OPEN = override(1, Service.OPEN, "2026-11-22 10:00", "2026-11-22 18:00")


@pytest.mark.parametrize(
    ("at", "mode", "until"),
    [
        ("2026-11-22 09:59:59", "closed", "2026-11-22 10:00"),
        ("2026-11-22 10:00:00", "open", "2026-11-22 18:00"),
        ("2026-11-22 17:59:59", "open", "2026-11-22 18:00"),
        ("2026-11-22 18:00:00", "closed", "2026-11-23 09:00"),
    ],
)
def test_override_opens_a_sunday(at: str, mode: str, until: str) -> None:
    state = service_at(Line.HOTLINE, wall(at), facts(SUNDAY_OPEN))
    assert (state.mode, state.until) == (mode, wall(until))


def test_override_made_last_wins_and_gives_way() -> None:
    later = override(2, Service.CLOSED, "2026-11-22 12:00", "2026-11-22 13:00")
    both = facts(later, SUNDAY_OPEN)
    modes = [service_at(Line.HOTLINE, wall(f"2026-11-22 {at}"), both).mode for at in ("11:00", "12:00", "13:00")]
    assert modes == [Service.OPEN, Service.CLOSED, Service.OPEN]


def test_override_of_another_line_changes_nothing() -> None:
    other = override(1, Service.OPEN, "2026-11-22 10:00", "2026-11-22 18:00", Line.EMERGENCY)
    assert service_at(Line.HOTLINE, wall("2026-11-22 12:00"), facts(other)).mode is Service.CLOSED


moments = st.integers(0, 14 * 24 * 3600).map(lambda s: wall("2026-11-16 00:00") + timedelta(seconds=s))


@given(moments, st.lists(st.tuples(st.sampled_from([Service.OPEN, Service.CLOSED]), moments, moments), max_size=5))
def test_nothing_changes_before_until(at: datetime, rows: list[tuple[Service, datetime, datetime]]) -> None:
    overrides = [Override(n, Line.HOTLINE, mode, min(a, b), max(a, b), "", "") for n, (mode, a, b) in enumerate(rows)]
    state = service_at(Line.HOTLINE, at, facts(*overrides))
    assert state.until is not None
    assert state.until > at
    between = at + (state.until - at) * 0.999
    assert service_at(Line.HOTLINE, between, facts(*overrides)).mode is state.mode


NOW = wall("2026-11-22 14:05:30")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+2h", "2026-11-22 16:05:30"),
        ("+90m", "2026-11-22 15:35:30"),
        ("+1d", "2026-11-23 14:05:30"),
        ("18:00", "2026-11-22 18:00"),
        ("2026-11-22 18:00", "2026-11-22 18:00"),
        ("2026-11-22T18:00:15", "2026-11-22 18:00:15"),
        (" 2026-11-23 00:00 ", "2026-11-23 00:00"),
    ],
)
def test_until(text: str, expected: str) -> None:
    assert read_until(text, NOW) == wall(expected)


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "14:05", "9:00", "25:00", "2026-11-31 10:00", "2026-11-22", "2020-01-01 10:00", "+2", "+0h"),
        *("-2h", "+99999d", "9999-12-31 23:59", "2026-11-22 18:00; rm -rf", "+２h", "\0", "1" * 500),
    ],
)
def test_until_that_is_no_time(text: str) -> None:
    with pytest.raises(InvalidInput, match="--until"):
        read_until(text, NOW)
