"""The database engine and what every transaction shares."""

from typing import Any

import orjson
from sqlalchemy import MetaData, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from callcenter.errors import InvalidInput

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

SEARCHING = {"plan_cache_mode": "force_custom_plan", "jit": "off", "max_parallel_workers_per_gather": "0"}
"""Compiling takes longer than any page of a list; whether it is worth it, Postgres guesses from costs too high here."""


def make_engine(
    url: str, *, pool_size: int = 5, pre_ping: bool = True, command_timeout: float | None = 60, searches: bool = False
) -> AsyncEngine:
    """An engine on `postgresql://…`, whatever driver the address names. Raises `InvalidInput`.

    With `pre_ping` a connection that died while it lay in the pool is noticed before it is used; who tries again
    anyway can do without that round trip. A statement may take `command_timeout` seconds (None: as long as it takes).
    With `searches` each statement is planned for its own values: one plan for all would be wrong for most of them.
    """
    try:
        parsed = make_url(url)
    except Exception as error:
        raise InvalidInput(
            where="CALLCENTER_DATABASE_URL",
            what=str(error),
            mend="write postgresql://user:password@host:5432/name",
        ) from None
    if not parsed.drivername.startswith("postgresql"):
        raise InvalidInput(
            where="CALLCENTER_DATABASE_URL",
            what=f"{parsed.drivername} is not Postgres",
            mend="write postgresql://…",
        )
    engine = create_async_engine(
        parsed.set(drivername="postgresql+asyncpg"),
        pool_size=pool_size,
        max_overflow=5,
        pool_pre_ping=pre_ping and not searches,
        json_deserializer=orjson.loads,
        hide_parameters=True,  # errors are logged; parameters hold callers' numbers
        connect_args={
            "timeout": 5,
            "command_timeout": command_timeout,
            "server_settings": SEARCHING if searches else {},
        },
    )
    if searches:
        event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


def _refuse_closed(connection: Any, _record: Any, _proxy: Any) -> None:
    """A connection that the server closed while it lay in the pool is known to be closed: no round trip is needed."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError
