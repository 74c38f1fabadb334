"""Every query on the API keys."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.access.tables import api_keys
from callcenter.errors import InvalidInput, NotFound
from callcenter.http.auth import Owner
from callcenter.storage.reading import reading

ANSWER_SECONDS = 2.0
"""Every request waits for this; while the database hangs, a key seen lately serves (keys.py)."""


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A key as it may be shown: never the key itself."""

    name: str
    may_change: bool
    created_at: datetime
    revoked_at: datetime | None


async def add_key(engine: AsyncEngine, name: str, sha256: str, *, may_change: bool) -> None:
    """Store a new key. Raises `InvalidInput` when the name was ever used: a name in a log means one key."""
    row = insert(api_keys).values(name=name, sha256=sha256, may_change=may_change).on_conflict_do_nothing()
    async with engine.begin() as connection:
        added = (await connection.execute(row.returning(api_keys.c.name))).scalar()
    if added is None:
        raise InvalidInput(where="name", what=f"a key named {name} exists already", mend="choose another name")


async def put_key(engine: AsyncEngine, name: str, sha256: str, *, may_change: bool) -> None:
    """Store a key under `name`, in place of an earlier one."""
    row = insert(api_keys).values(name=name, sha256=sha256, may_change=may_change)
    renewed = {"sha256": row.excluded.sha256, "may_change": may_change, "revoked_at": None}
    async with engine.begin() as connection:
        await connection.execute(row.on_conflict_do_update(index_elements=["name"], set_=renewed))


async def revoke_key(engine: AsyncEngine, name: str) -> None:
    """Refuse the key from now on. Raises `NotFound`."""
    row = update(api_keys).where(api_keys.c.name == name)
    at = func.coalesce(api_keys.c.revoked_at, func.now())
    async with engine.begin() as connection:
        revoked = await connection.execute(row.values(revoked_at=at).returning(api_keys.c.name))
        if revoked.scalar() is None:
            raise NotFound(kind="key", key=name)


async def list_keys(engine: AsyncEngine) -> list[KeyEntry]:
    """All keys ever made, oldest first."""
    columns = select(api_keys.c.name, api_keys.c.may_change, api_keys.c.created_at, api_keys.c.revoked_at)
    async with reading(engine) as connection:
        rows = await connection.execute(columns.order_by(api_keys.c.created_at, api_keys.c.name))
        return [KeyEntry(*row) for row in rows]


async def key_owner(engine: AsyncEngine, sha256: str) -> Owner | None:
    """Whose the valid key with this digest is."""
    valid = (api_keys.c.sha256 == sha256) & api_keys.c.revoked_at.is_(None)
    async with reading(engine, within=ANSWER_SECONDS) as connection:
        found = await connection.execute(select(api_keys.c.name, api_keys.c.may_change).where(valid))
        row = found.first()
        return Owner(*row) if row else None
