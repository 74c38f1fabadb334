"""Brings the database to this version's shape; several processes may ask at once."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.clock import now
from callcenter.errors import PartUnavailable
from callcenter.storage.engine import make_engine
from callcenter.storage.retention import keep_months

MIGRATION_LOCK = 0x63616C6C
"""Advisory lock: one migration at a time, whoever starts first."""


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
    command.upgrade(config, "head")


async def migrate(engine: AsyncEngine) -> None:
    """Apply every migration that is missing, then make the coming months.

    Raises what Postgres raises; no migration is half applied.
    """
    async with engine.begin() as connection:
        await connection.run_sync(_upgrade)
    await keep_months(engine, now())


async def migrate_url(url: str) -> None:
    """Migrate the database at `postgresql://…`. Raises `PartUnavailable` when it can't be reached or used."""
    engine = make_engine(url, pool_size=1, command_timeout=None)
    try:
        await migrate(engine)
    except (OSError, SQLAlchemyError) as error:
        raise PartUnavailable(
            part="the database", why=str(error), mend="start callcenter run or check CALLCENTER_DATABASE_URL"
        ) from error
    finally:
        await engine.dispose()
