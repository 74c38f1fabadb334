"""LISTEN on a Postgres channel, on a connection of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

CONNECT_SECONDS = 5.0


@asynccontextmanager
async def listening(engine: AsyncEngine, channel: str, wake: Callable[..., None]) -> AsyncIterator[Any]:
    """The driver's connection; `wake` is called for each NOTIFY, and when the connection ends.

    Raises what Postgres raises, and `TimeoutError` when it does not answer.
    """
    async with asyncio.timeout(CONNECT_SECONDS):
        pooled = await engine.connect()
    raw: Any = None
    try:
        raw = (await pooled.get_raw_connection()).driver_connection
        raw.add_termination_listener(wake)
        async with asyncio.timeout(CONNECT_SECONDS):
            await raw.add_listener(channel, wake)
        yield raw
    finally:
        if raw is not None:  # not given back to the pool: it would go on listening there
            raw.remove_termination_listener(wake)
            raw.terminate()
        await pooled.invalidate()
        await pooled.close()
