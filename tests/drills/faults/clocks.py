"""The clock is set by an hour, and slewed: on a hotline with a clock of its own (tests/acceptance/clock.py)."""

import asyncio
import time
from datetime import datetime, timedelta

from callcenter.clock import LOCAL_ZONE
from tests.acceptance.clock import READ_EVERY_SECONDS, ShiftedClock
from tests.drills.judge import Step, Terms
from tests.drills.site import Site

HOUR = 3600.0


async def stepped(site: Site, seconds: float) -> Terms:
    """An hour forward, and later back."""
    first = await _set(site, HOUR)
    await asyncio.sleep(seconds / 2)
    second = await _set(site, -HOUR)
    await asyncio.sleep(seconds / 2)
    return Terms(steps=(*_before(site), first, second))


async def slewed(site: Site, seconds: float) -> Terms:
    """Half a second each second, as no NTP would dare (it slews 0.5 ms)."""
    steps = []
    for _ in range(max(2, int(seconds))):
        steps.append(await _set(site, 0.5))
        await asyncio.sleep(0.5)
    return Terms(steps=(*_before(site), *steps))


def _before(site: Site) -> tuple[Step, ...]:
    return tuple(site.steps)


async def _set(site: Site, by: float) -> Step:
    """Set it, and wait until every process has seen it."""
    clock = site.hotline.clock
    assert isinstance(clock, ShiftedClock)
    if not site.steps:
        site.steps.append(Step(0.0, 0.0, clock.shift))
    began = time.time()
    wall = datetime.fromtimestamp(began + clock.shift + by, LOCAL_ZONE) + timedelta(0)
    clock.set(wall.replace(tzinfo=None).isoformat())
    await asyncio.sleep(READ_EVERY_SECONDS + 0.2)
    step = Step(began, time.time(), clock.shift)
    site.steps.append(step)
    return step
