"""The roster's rules: chains, gaps, what may be entered, what Asterisk is given."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.alerts.model import Severity
from callcenter.errors import InvalidInput
from callcenter.roster.chain import (
    check_hand_over,
    check_shift,
    fallback,
    gap_alert,
    gaps,
    read_steps,
    shift_at,
    write_steps,
)
from callcenter.roster.desired import AT_LEAST, AT_MOST, emergency_keys
from callcenter.roster.model import Gap, HandOver, Shift, Step

NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
PHONES = ("1001", "1002", "1010")
STEPS = (Step(("1001", "m13800138000"), 20), Step(("1002",), 30))


def shift(begins: float, ends: float, number: int = 1, **changed: object) -> Shift:
    """From `begins` to `ends` hours from now."""
    return replace(Shift(number, NOW + begins * HOUR, NOW + ends * HOUR, STEPS), **changed)  # type: ignore[arg-type]


def test_a_shift_holds_from_its_beginning_until_its_end() -> None:
    early, late = shift(-8, 0, 1), shift(0, 8, 2)
    assert shift_at([early, late], NOW - timedelta(microseconds=1)) == early
    assert shift_at([early, late], NOW) == late
    assert shift_at([early, late], NOW + 8 * HOUR) is None
    assert shift_at([replace(late, withdrawn_at=NOW)], NOW) is None


def test_steps_are_written_as_they_are_read() -> None:
    text = "20:1001&m13800138000;30:1002"
    assert read_steps(text) == STEPS
    assert write_steps(STEPS) == text


@pytest.mark.parametrize(
    "text", ["", "1001", "20:", "20:1001;;30:", "x:1001", "20:1001|1002", "20:${EXTEN}", "-5:1001"]
)
def test_steps_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_steps(text)


@given(st.text(max_size=60))
def test_steps_from_any_text_hold_digits_alone(text: str) -> None:
    try:
        steps = read_steps(text)
    except InvalidInput:
        return
    assert set(write_steps(steps)) <= set("0123456789m&:;")


WRONG = {
    "it ends before it begins": shift(2, 1),
    "lies in the past": shift(-3, -1),
    "more than 31 days": shift(0, 24 * 40),
    "too far away": shift(24 * 500, 24 * 501),
    "no phone of ours": shift(0, 8, steps=(Step(("1099",), 20),)),
    "1 to 9": shift(0, 8, steps=()),
    "5 to 300": shift(0, 8, steps=(Step(("1001",), 2),)),
    "1 to 8": shift(0, 8, steps=(Step((), 20),)),
    "too long": shift(0, 8, steps=(Step(tuple(f"m{n:015}" for n in range(8)), 20),) * 2),
    "control characters": shift(0, 8, note="a\0b"),
    "overlaps shift 7": shift(5, 9),
}


@pytest.mark.parametrize("why", WRONG)
def test_shifts_that_may_not_be(why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        check_shift(WRONG[why], [shift(8, 16, 7)], PHONES, NOW)


def test_shifts_may_touch() -> None:
    check_shift(shift(0, 8), [shift(8, 16, 7), shift(-8, 0, 6)], PHONES, NOW)


def test_gaps_between_before_and_after() -> None:
    shifts = [shift(2, 8), shift(10, 20, 2)]
    found = gaps(shifts, NOW, NOW + 24 * HOUR)
    hours = [((g.since - NOW) / HOUR, (g.until - NOW) / HOUR) for g in found]
    assert hours == [(0, 2), (8, 10), (20, 24)]
    assert gaps([shift(-1, 25)], NOW, NOW + 24 * HOUR) == ()
    assert gaps([], NOW, NOW + HOUR) == (Gap(NOW, NOW + HOUR),)


@given(st.lists(st.tuples(st.integers(-30, 60), st.integers(1, 30)), max_size=8))
def test_every_instant_is_covered_or_in_a_gap(spans: list[tuple[int, int]]) -> None:
    shifts = [shift(begin, begin + length, n) for n, (begin, length) in enumerate(spans)]
    found = gaps(shifts, NOW, NOW + 24 * HOUR)
    for half_hour in range(48):
        moment = NOW + half_hour * HOUR / 2
        assert (shift_at(shifts, moment) is None) == any(g.since <= moment < g.until for g in found)


def test_gap_is_told_only_where_a_roster_is_in_use() -> None:
    assert gap_alert([], NOW) is None
    assert gap_alert([shift(-1, 25)], NOW) is None
    later, now = gap_alert([shift(-1, 10)], NOW), gap_alert([shift(-10, -1)], NOW)
    assert later is not None and later.severity is Severity.WARNING
    assert now is not None and now.severity is Severity.CRITICAL


def test_fallback_is_everybody_then_the_mobiles() -> None:
    assert fallback(("1001", "1002"), ("138",), 20) == (Step(("1001", "1002"), 20), Step(("m138",), 20))
    assert fallback(("1001",), (), 20) == (Step(("1001",), 20),)
    assert fallback((), (), 20) == ()


def test_asterisk_gets_a_week_ahead_and_ten_at_least() -> None:
    daily = [shift(24 * n, 24 * n + 24, n + 1) for n in range(-2, 30)]
    keys = emergency_keys(daily, NOW)
    assert next(iter(keys)) == "emergency/shift/1"
    assert len(keys) == AT_LEAST
    assert len(emergency_keys([shift(n, n + 1, n + 1) for n in range(100)], NOW)) == AT_MOST
    begins = int(NOW.timestamp())
    assert keys["emergency/shift/1"] == f"{begins};{begins + 86400};20:1001&m13800138000;30:1002"


def test_longest_value_fits_what_ami_reads_back() -> None:
    longest = shift(
        0, 8, steps=(Step(tuple(f"m{n:011}" for n in range(8)), 300), Step(tuple(f"m{n:010}" for n in range(7)), 300))
    )
    check_shift(longest, [], PHONES, NOW)
    assert max(len(value) for value in emergency_keys([longest], NOW).values()) < 255


@pytest.mark.parametrize(
    "given_", [("", "1002", "x", ""), ("1001", " ", "x", ""), ("1001", "1002", "", " "), ("1001", "1002", "a\x1b", "")]
)
def test_hand_over_that_says_nothing_is_refused(given_: tuple[str, str, str, str]) -> None:
    with pytest.raises(InvalidInput):
        check_hand_over(HandOver(*given_))
