"""Keeps the months of partitioned tables right: made three ahead, detached when they are old."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.errors import PartUnavailable
from callcenter.storage import partitions
from callcenter.storage.months import Month, month_of

log = structlog.get_logger()
T = TypeVar("T")

PARTITIONED = ("calls",)
AHEAD = 3
"""Months made before they begin: a service that is down for a quarter comes back to partitions."""
ATTEMPTS = 20
PAUSE_SECONDS = 1.0
"""Between attempts: what queued up behind our wait for a lock goes first."""
LOCK_NOT_AVAILABLE = "55P03"
EARLIEST = Month(2000, 1)
"""Rows from before are of a clock that was not set; they stay in the default partition."""


def months_wanted(moment: datetime, strays: list[Month], keep: int) -> list[Month]:
    """This month, those ahead, and months whose rows lie in the default partition; none that retention takes."""
    now = month_of(moment)
    ahead = [now.plus(n) for n in range(AHEAD + 1)]
    oldest = max(EARLIEST, now.plus(-keep)) if keep else EARLIEST
    return sorted({*ahead, *(m for m in strays if oldest <= m <= ahead[-1])})


def months_expired(moment: datetime, attached: list[Month], keep: int) -> list[Month]:
    """Months that ended more than `keep` months before this one began; 0 keeps all."""
    return [month for month in attached if keep and month < month_of(moment).plus(-keep)]


def kept_since(moment: datetime, keep: int) -> datetime | None:
    """The first instant that retention leaves in the lists; None when it leaves all."""
    return month_of(moment).plus(-keep).starts_at if keep else None


async def keep_months(engine: AsyncEngine, moment: datetime, keep: int = 0) -> None:
    """Make what is missing, detach what is older than `keep` months (0: nothing). Raises what Postgres raises."""
    for table in PARTITIONED:
        async with engine.connect() as connection:
            strays = await connection.run_sync(partitions.stray_months, table)
            listed = await connection.run_sync(partitions.list_partitions, table)
        there = {p.month for p in listed if p.attached}
        detached = {p.month for p in listed if not p.attached}
        for month in months_wanted(moment, strays, keep):
            if month not in there | detached:
                await in_turn(engine, lambda c, m=month, t=table: _make(c, t, m))  # type: ignore[misc]
        removable = [p.month for p in listed if p.month and p.attached and not p.kept]
        for month in months_expired(moment, removable, keep):
            await in_turn(engine, lambda c, m=month, t=table: _detach(c, t, m))  # type: ignore[misc]


def _make(connection: Connection, table: str, month: Month) -> None:
    if partitions.make_month(connection, table, month):
        log.info("partition_made", table=table, month=str(month))


def _detach(connection: Connection, table: str, month: Month) -> None:
    name = partitions.detach_month(connection, table, month)
    if name:
        log.info("partition_detached", table=name)
    else:
        log.warning("partition_not_detached", table=table, month=str(month), why="its name is taken or it has gone")


async def in_turn(engine: AsyncEngine, work: Callable[[Connection], T]) -> T:
    """One transaction as the only maker, again while locks can't be had. Raises `PartUnavailable` in the end."""
    for _attempt in range(ATTEMPTS):
        try:
            async with engine.begin() as connection:
                await connection.run_sync(partitions.take_turn)
                return await connection.run_sync(work)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
                raise
        await asyncio.sleep(PAUSE_SECONDS)
    raise PartUnavailable(part="database", why="long queries hold the call records", mend="try again when they ended")
