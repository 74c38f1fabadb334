"""Makes the database ready for the hotline: there, migrated, with the local key, without yesterday's health.

On most starts nothing is missing. That is seen with two plain statements, so that a start need not wait for
SQLAlchemy and alembic to be imported.
"""

import asyncio
import hashlib
from importlib import import_module
from pathlib import Path

import asyncpg

from callcenter.errors import SetupFailed
from callcenter.local import addresses, postgres
from callcenter.local.secrets import Secrets
from callcenter.settings import Settings

MIGRATIONS = Path(__file__).parents[1] / "storage" / "migrations" / "versions"
KEY_IS_KNOWN = (
    "SELECT true FROM api_keys WHERE name IN ('local', 'local-' || $2) AND revoked_at IS NULL AND sha256 = $1"
)
"""Each home has a key of its own in a database that several share; homes of before share the name `local`."""
MEND = "check CALLCENTER_DATABASE_URL and var/log/postgres.log"


async def prepare(settings: Settings, secrets: Secrets) -> None:
    """Bring what is missing. Raises `SetupFailed`."""
    if not settings.database_url:
        await postgres.ensure_database(addresses.cluster(settings, secrets))
    url = addresses.database_url(settings)
    try:
        if not await _is_prepared(url, settings.pbx, secrets.api_key):
            slow_half = await asyncio.to_thread(import_module, "callcenter.local.migration")
            await slow_half.bring_up_to_date(url, f"local-{settings.pbx}", secrets.api_key)
    except (OSError, ValueError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise SetupFailed(what="The database can't be used", why=str(error) or "time-out", mend=MEND) from error


def newest_migration() -> str:
    """The revision that this version's database has: they are numbered, and files are named by them."""
    return max(path.stem.partition("_")[0] for path in MIGRATIONS.glob("[0-9]*_*.py"))


async def _is_prepared(url: str, pbx: str, key: str) -> bool:
    """Whether migrations and key are there; yesterday's health is forgotten on the way."""
    connection = await asyncpg.connect(url.replace("+asyncpg", "", 1), timeout=10)
    try:
        if await connection.fetchval("SELECT to_regclass('alembic_version') IS NULL"):
            return False
        if await connection.fetchval("SELECT version_num FROM alembic_version") != newest_migration():
            return False
        await connection.execute("DELETE FROM heartbeats WHERE pbx = $1", pbx)
        return bool(await connection.fetchval(KEY_IS_KNOWN, hashlib.sha256(key.encode()).hexdigest(), pbx))
    finally:
        await connection.close()
