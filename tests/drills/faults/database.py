"""What happens to Postgres."""

import asyncio
import time
from contextlib import AsyncExitStack, suppress

import asyncpg

from callcenter.local.processes import send_signal
from tests.drills.site import Site


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
    """Somebody else holds every connection that there is."""
    site.postgres.reset()
    async with AsyncExitStack() as stack:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                connection = await asyncpg.connect(site.hotline.postgres_url, timeout=5)
                stack.push_async_callback(connection.close)
            except (asyncpg.PostgresError, OSError, TimeoutError):
                await asyncio.sleep(0.5)
                site.postgres.reset()


async def answers_lost(site: Site, seconds: float) -> None:
    """Half of the commits are carried out without an answer, a quarter never arrive."""
    site.postgres.lose_request, site.postgres.lose_answer = 0.25, 0.5
    try:
        await asyncio.sleep(seconds)
    finally:
        site.postgres.lose_request = site.postgres.lose_answer = 0.0
