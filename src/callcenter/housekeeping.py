"""What a listener does beside calls: first PINs, old announcements, months of records."""

import asyncio
from collections.abc import Mapping

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter import clock
from callcenter.agents.pin_store import set_missing
from callcenter.errors import PartUnavailable, in_one_line
from callcenter.publishing.mqtt import forget_published
from callcenter.storage.away import AWAY
from callcenter.storage.retention import keep_months

log = structlog.get_logger()

OUTBOX_CLEANING_SECONDS = 3600.0
PARTITIONS_SECONDS = 86400.0
PARTITIONS_AGAIN_SECONDS = 60.0
PINS_AGAIN_SECONDS = 2.0


async def set_pins(engine: AsyncEngine, pins: Mapping[str, str]) -> None:
    """Agents without a PIN get the one made at the first start, as soon as Postgres is there."""
    while True:
        try:
            async with engine.begin() as connection:
                return await set_missing(connection, pins)
        except AWAY as error:
            log.warning("pins_not_set", why=str(error))
            await asyncio.sleep(PINS_AGAIN_SECONDS)


async def clean_outbox(engine: AsyncEngine) -> None:
    """Forget announcements that were sent long ago."""
    while True:
        try:
            await forget_published(engine)
        except AWAY as error:
            log.warning("outbox_not_cleaned", why=str(error))
        await asyncio.sleep(OUTBOX_CLEANING_SECONDS)


async def keep_partitions(engine: AsyncEngine, keep: int) -> None:
    """Partitions made ahead and detached when old; rows are stored all the same when that can't be done."""
    while True:
        try:
            await keep_months(engine, clock.now(), keep)
        except (*AWAY, PartUnavailable) as error:
            log.warning("partitions_not_kept", why=in_one_line(error))
            await asyncio.sleep(PARTITIONS_AGAIN_SECONDS)
        else:
            await asyncio.sleep(PARTITIONS_SECONDS)
