"""Reading from Postgres, and single changes: whatever keeps us from it becomes one error that names the part."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callcenter.errors import PartUnavailable
from callcenter.storage.engine import make_engine

MEND = "see that Postgres runs and can be reached, then try again"


def unavailable(error: BaseException) -> PartUnavailable | None:
    """The database's absence as an error of ours; None when `error` is about something else."""
    if isinstance(error, PoolTimeout):
        return PartUnavailable(part="database", why="all its connections are in use", mend="try again shortly")
    if isinstance(error, TimeoutError):
        return PartUnavailable(part="database", why="no answer in time", mend=MEND)
    if isinstance(error, (ConnectionError, OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError)):
        return PartUnavailable(part="database", why=_short(error), mend=MEND)
    if isinstance(error, asyncpg.OperatorInterventionError):
        return PartUnavailable(part="database", why=_short(error), mend=MEND)
    if isinstance(error, (OperationalError, InterfaceError)):
        return PartUnavailable(part="database", why=_short(error.orig or error), mend=MEND)
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return PartUnavailable(part="database", why=_short(error.orig or error), mend=MEND)
    return None


def _short(error: BaseException) -> str:
    """The fault's last line: the first ones name driver classes."""
    lines = str(error).strip().splitlines()
    return (lines[-1] if lines else type(error).__name__)[:200]


@asynccontextmanager
async def reading(
    engine: AsyncEngine, *, snapshot: bool = False, within: float | None = None
) -> AsyncIterator[AsyncConnection]:
    """A read-only transaction; with `snapshot` all its statements see one instant.

    Raises `PartUnavailable` when Postgres can't be reached, goes away, or has not answered `within` so many seconds.
    """
    level = "REPEATABLE READ" if snapshot else "READ COMMITTED"
    options = {"isolation_level": level, "postgresql_readonly": True}
    try:
        async with asyncio.timeout(within), engine.connect() as connection:
            yield await connection.execution_options(**options)
    except Exception as error:
        cause = unavailable(error)
        if cause is None:
            raise
        raise cause from error


@asynccontextmanager
async def writing(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A transaction that is committed at the end. Raises `PartUnavailable` when Postgres can't be reached."""
    try:
        async with engine.begin() as connection:
            yield connection
    except Exception as error:
        cause = unavailable(error)
        if cause is None:
            raise
        raise cause from error


async def with_engine(url: str, work: Callable[[AsyncEngine], Awaitable[None]]) -> None:
    """Do one piece of work on the database, then let go of it. Raises `PartUnavailable`."""
    engine = make_engine(url)
    try:
        await work(engine)
    except Exception as error:
        cause = unavailable(error)
        if cause is None or isinstance(error, BrokenPipeError):  # a pipe is what we print to
            raise
        raise cause from error
    finally:
        await engine.dispose()
