"""The clock is set by an hour, and slewed: on a hotline with a clock of its own (tests/acceptance/clock.py)."""

import asyncio
import time
from datetime import datetime

from callcenter.clock import LOCAL_ZONE
from tests.acceptance.clock import READ_EVERY_SECONDS, ShiftedClock
from tests.drills.judge import Step
from tests.drills.load import REGISTER_EVERY
from tests.drills.site import Site

HOUR = 3600.0


async def stepped(site: Site, seconds: float) -> None:
    """An hour forward, and later back. Forward, every registration has run out until the phones renew it."""
    began = time.time()
    await _set(site, HOUR)
    site.terms.phoneless.append((began, began + REGISTER_EVERY + READ_EVERY_SECONDS))
    await asyncio.sleep(seconds / 2)
    await _set(site, -HOUR)
    await asyncio.sleep(seconds / 2)


async def slewed(site: Site, seconds: float) -> None:
    """Half a second each second, as no NTP would dare (it slews 0.5 ms)."""
    for _ in range(max(2, int(seconds))):
        await _set(site, 0.5)
        await asyncio.sleep(0.5)


async def _set(site: Site, by: float) -> None:
    """Set it, note that for the judge, and wait until every process has seen it."""
    clock = site.hotline.clock
    assert isinstance(clock, ShiftedClock)
    if not site.terms.steps:
        site.terms.steps.append(Step(0.0, 0.0, clock.shift))
    began = time.time()
    wall = datetime.fromtimestamp(began + clock.shift + by, LOCAL_ZONE)
    clock.set(wall.replace(tzinfo=None).isoformat())
    await asyncio.sleep(READ_EVERY_SECONDS + 0.2)
    site.terms.steps.append(Step(began, time.time(), clock.shift))
