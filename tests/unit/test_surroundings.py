"""When a disk is low and when a clock was set: rules alone."""

import pytest

from callcenter.alerts.model import Severity
from callcenter.alerts.surroundings import ClockWatch, disk_severity

GB = 1_000_000_000


@pytest.mark.parametrize(
    ("free", "total", "severity"),
    [
        (20 * GB, 250 * GB, None),
        (6 * GB, 250 * GB, None),
        (4 * GB, 250 * GB, Severity.WARNING),
        (GB // 4, 250 * GB, Severity.CRITICAL),
        (GB, 10 * GB, None),
        (GB // 4, 10 * GB, Severity.WARNING),
        (0, 10 * GB, Severity.CRITICAL),
        (0, 0, Severity.CRITICAL),
    ],
)
def test_low_disk(free: int, total: int, severity: Severity | None) -> None:
    assert disk_severity(free, total) is severity


@pytest.mark.parametrize(("wall", "step"), [(1001.0, 0.0), (1001.5, 0.0), (4601.0, 3600.0), (-2599.0, -3600.0)])
def test_a_step_is_no_slew(wall: float, step: float) -> None:
    assert ClockWatch(1000.0, 50.0).step(wall, 51.0) == pytest.approx(step)


def test_a_step_is_told_once() -> None:
    watch = ClockWatch(1000.0, 50.0)
    assert watch.step(4601.0, 51.0) == pytest.approx(3600.0)
    assert watch.step(4602.0, 52.0) == 0.0
