"""What happens to the MQTT broker."""

import asyncio
import os
import signal
import time
from contextlib import suppress

from tests.drills.site import Site


async def killed(site: Site, seconds: float) -> None:
    """`kill -9`, again and again; the supervisor brings it back."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(AssertionError, TimeoutError):
            await site.hotline.kill("mosquitto")
        await asyncio.sleep(2.0)


async def frozen(site: Site, seconds: float) -> None:
    """SIGSTOP: connections stay, nothing is acknowledged."""
    broker = site.hotline.process("mosquitto")
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        os.kill(broker.pid, signal.SIGCONT)


async def acknowledgements_lost(site: Site, seconds: float) -> None:
    """What the broker took is sent again: clients get it twice, with the same event id."""
    deadline, before = time.monotonic() + seconds, site.subscriber.doubled
    while time.monotonic() < deadline or (site.subscriber.doubled == before and time.monotonic() < deadline + 20):
        site.mqtt.cut_next = True
        await asyncio.sleep(1.0)
    site.mqtt.cut_next = False
    assert site.subscriber.doubled > before, "nothing was delivered twice: this drill drilled nothing"
