"""The wall clock as a journal's lines show it."""

from datetime import UTC, datetime, timedelta

import pytest

from callcenter.calls.wall import WallClock

NOON = datetime(2026, 11, 25, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "set_back"),
    [
        ([0, 1, 2, 3], 0),
        ([0, 1, 0.9, 2], 0),  # channels write on their own
        ([0, 10, 5, 6], 5),
        ([0, 10, 5, 8, 2, 9], 11),
        ([0, 1, 3600, 2, 3], 0),  # a line from elsewhere
        ([0, 1, 3600, 3601, 2, 3], 3599),
        ([0, 1, 3600, -10, -9], 3610),  # after a quiet hour
        ([0, 100, 300, 200], 100),  # two lines agree that it is later
        ([0, 100, 300, 301, 200], 101),
    ],
)
def test_set_back(seconds: list[float], set_back: float) -> None:
    clock = WallClock()
    for second in seconds:
        clock.see(NOON + timedelta(seconds=second))
    assert clock.set_back.total_seconds() == pytest.approx(set_back, abs=0.01)
