"""Makes the database ready for the hotline: there, migrated, with the local key, without yesterday's health."""

from sqlalchemy.exc import SQLAlchemyError

from callcenter.access import keys
from callcenter.errors import SetupFailed
from callcenter.local import addresses, postgres
from callcenter.local.secrets import Secrets
from callcenter.settings import Settings
from callcenter.storage.engine import make_engine
from callcenter.storage.heartbeat import forget_health
from callcenter.storage.migrate import migrate


async def prepare(settings: Settings, secrets: Secrets) -> None:
    """Create, migrate, register the key of this machine's command line. Raises `SetupFailed`."""
    if not settings.database_url:
        await postgres.ensure_database(addresses.cluster(settings, secrets))
    engine = make_engine(addresses.database_url(settings), pool_size=1)
    try:
        await migrate(engine)
        await keys.register(engine, "local", secrets.api_key)
        await forget_health(engine, settings.pbx)
    except (OSError, SQLAlchemyError) as error:
        raise SetupFailed(
            what="The database can't be used", why=str(error), mend="check CALLCENTER_DATABASE_URL"
        ) from error
    finally:
        await engine.dispose()
