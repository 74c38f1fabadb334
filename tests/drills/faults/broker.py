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
    before, site.mqtt.lose_answer = site.subscriber.doubled, 0.2
    try:
        await asyncio.sleep(seconds)
        async with asyncio.timeout(30):
            while site.subscriber.doubled == before:  # else this drill drilled nothing
                await asyncio.sleep(0.1)
    finally:
        site.mqtt.lose_answer = 0.0
