"""The slow half of making the database ready: what needs SQLAlchemy and alembic."""

from callcenter.access import keys
from callcenter.errors import PartUnavailable, SetupFailed
from callcenter.storage.engine import make_engine
from callcenter.storage.migrate import migrate_url


async def bring_up_to_date(url: str, name: str, key: str) -> None:
    """Apply missing migrations and register the key of this home under its name. Raises `SetupFailed`."""
    try:
        await migrate_url(url)
    except PartUnavailable as error:
        raise SetupFailed(what="The database can't be used", **{k: error.facts[k] for k in ("why", "mend")}) from error
    engine = make_engine(url, pool_size=1)
    try:
        await keys.register(engine, name, key)
    finally:
        await engine.dispose()
