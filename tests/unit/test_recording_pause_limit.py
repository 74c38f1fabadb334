"""The pause that a recorded channel carries, as the next listener reads it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.agents.recording_pauses import in_variable, read_variable

BEGAN = datetime(2026, 11, 28, 2, 0, 0, 123_000, UTC)


def test_read_as_written() -> None:
    assert in_variable(BEGAN, "phone 1001") == "1795831200.123;phone 1001"
    assert read_variable(in_variable(BEGAN, "phone 1001")) == (BEGAN, "phone 1001")


@given(st.integers(0, 4_000_000_000_000), st.text())
def test_whoever_asked_for_it(milliseconds: int, by: str) -> None:
    began = datetime.fromtimestamp(milliseconds / 1000, UTC)
    known = read_variable(in_variable(began, by))
    assert known is not None
    assert abs((known[0] - began).total_seconds()) <= 0.001 and known[1] == by


@pytest.mark.parametrize("value", ["", "x;phone 1001", ";", "nan;x", "1e300;x", "inf;x", "-1e20;x"])
def test_what_is_no_pause(value: str) -> None:
    assert read_variable(value) is None
