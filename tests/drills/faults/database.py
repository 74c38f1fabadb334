"""What happens to Postgres."""

import asyncio
import time
from contextlib import AsyncExitStack, suppress

import asyncpg

from callcenter.local.processes import send_signal
from tests.drills.site import Site

FILLED_SECONDS = 60
"""A hundred connections are that many new processes of Postgres."""


async def stopped(site: Site, seconds: float) -> None:
    """Killed again and again; the supervisor brings it back."""
    import signal

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(AssertionError):
            send_signal(site.hotline.process("postgres"), signal.SIGKILL)
        await asyncio.sleep(2.5)


async def hung(site: Site, seconds: float) -> None:
    """SIGSTOP: it accepts nothing, answers nothing, and does not say so."""
    async with site.hotline.postgres_frozen():
        await asyncio.sleep(seconds)


async def out_of_connections(site: Site, seconds: float) -> None:
    """Somebody else holds every connection that there is: for so long, once there is none left."""
    site.postgres.reset()
    async with AsyncExitStack() as stack:
        async with asyncio.timeout(FILLED_SECONDS):
            while await _took_another(site, stack):
                pass
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            site.postgres.reset()
            if not await _took_another(site, stack):
                await asyncio.sleep(0.5)


async def _took_another(site: Site, stack: AsyncExitStack) -> bool:
    """False: there is none left."""
    try:
        connection = await asyncpg.connect(site.hotline.postgres_url, timeout=5)
    except asyncpg.TooManyConnectionsError:
        return False
    except (asyncpg.PostgresError, OSError, TimeoutError):
        await asyncio.sleep(0.1)
    else:
        stack.push_async_callback(connection.close)
    return True


async def answers_lost(site: Site, seconds: float) -> None:
    """Half of the commits are carried out without an answer, a quarter never arrive."""
    site.postgres.lose_request, site.postgres.lose_answer = 0.25, 0.5
    try:
        await asyncio.sleep(seconds)
    finally:
        site.postgres.lose_request = site.postgres.lose_answer = 0.0
