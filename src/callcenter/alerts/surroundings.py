"""What the hotline stands on: room on its disks and a steady clock. Asterisk goes on without either and says nothing;
what it could not write is gone, so people are told before and while it happens."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import structlog

from callcenter.alerts.keeper import AlertKeeper
from callcenter.alerts.model import Alert, Severity
from callcenter.clock import now

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
LOW_SHARE, LOW_BYTES = 0.05, 5_000_000_000
FULL_SHARE, FULL_BYTES = 0.01, 500_000_000
"""A disk is low, or as good as full, below both: a share means little on a huge disk, bytes little on a small one."""
STEP_SECONDS = 2.0
"""NTP slews smaller errors; what jumps further was set."""
STEP_STANDS_SECONDS = 3600.0

Health = Callable[[str, bool, str], None]


def disk_severity(free: int, total: int) -> Severity | None:
    """How bad it is that so many bytes of a disk are free for us; None when it isn't."""
    if free <= min(FULL_BYTES, total * FULL_SHARE):
        return Severity.CRITICAL
    return Severity.WARNING if free <= min(LOW_BYTES, total * LOW_SHARE) else None


class ClockWatch:
    """Compares the wall clock with the monotonic one, which nobody can set."""

    def __init__(self, wall: float, monotonic: float) -> None:
        self._offset = wall - monotonic

    def step(self, wall: float, monotonic: float) -> float:
        """Seconds by which the wall clock was set since the last look; 0 for what a slew does."""
        offset = wall - monotonic
        moved, self._offset = offset - self._offset, offset
        return moved if abs(moved) > STEP_SECONDS else 0.0


class Surroundings:
    """Looks every second. `folders`: what is written there → where."""

    def __init__(self, keeper: AlertKeeper, folders: Mapping[str, Path], health: Health) -> None:
        self._keeper, self._folders, self._health = keeper, folders, health
        self._clock = ClockWatch(time.time(), time.monotonic())
        self._stepped_at: float | None = None

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            self._look_at_disks(await asyncio.to_thread(self._rooms))
            self._look_at_clock(time.time(), time.monotonic(), now())
            await asyncio.sleep(LOOK_SECONDS)

    def _rooms(self) -> dict[str, tuple[int, int]]:
        """Free and total bytes of each folder's disk; a folder that is not there yet is left out."""
        return {name: room for name, folder in self._folders.items() if (room := room_at(folder))}

    def _look_at_disks(self, rooms: Mapping[str, tuple[int, int]]) -> None:
        full = []
        for name, (free, total) in rooms.items():
            severity = disk_severity(free, total)
            if severity is None:
                self._keeper.over("disk_low", name)
                continue
            share = f"{100 * free / total:.0f} %"
            self._keeper.stand(Alert("disk_low", name, severity, {"free": share, "of": str(self._folders[name])}))
            if severity is Severity.CRITICAL:
                full.append(f"{name}: {free // 1_000_000} MB are free at {self._folders[name]}")
        self._health("disk", not full, "; ".join(full) or "room enough")

    def _look_at_clock(self, wall: float, monotonic: float, moment: datetime) -> None:
        step = self._clock.step(wall, monotonic)
        if step:
            self._stepped_at = monotonic
            log.error("clock_stepped", seconds=round(step, 1))
            facts = {"seconds": f"{step:+.0f}", "at": moment.isoformat(timespec="seconds")}
            self._keeper.count(Alert("clock_stepped", "wall", Severity.WARNING, facts))
        elif self._stepped_at is None or monotonic - self._stepped_at > STEP_STANDS_SECONDS:
            self._keeper.over("clock_stepped", "wall")


def room_at(folder: Path) -> tuple[int, int] | None:
    """Bytes free for us, and all bytes, of a folder's disk; None when nobody can say."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
