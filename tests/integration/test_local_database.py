"""What `callcenter run` does to the database before anything uses it."""

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.access.keys import KeyRing
from callcenter.errors import SetupFailed
from callcenter.http.auth import Owner
from callcenter.local import database, postgres
from callcenter.local.secrets import Secrets
from callcenter.settings import Settings

SECRETS = Secrets("a", {}, {}, "the local key", "b", "c")


def settings_for(url: str) -> Settings:
    return Settings(database_url=SecretStr(url))


async def test_empty_database_is_migrated_and_lets_the_local_key_in(postgres_server: postgres.Cluster) -> None:
    await postgres.ensure_database(postgres_server, "prepared")
    url = postgres_server.url("prepared")
    await database.prepare(settings_for(url), SECRETS)
    assert await database._is_prepared(url, "hotline", SECRETS.api_key)
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("SELECT version_num FROM alembic_version") == database.newest_migration()
    await connection.close()


async def test_changed_key_replaces_the_old_one(engine: AsyncEngine, database_url: str) -> None:
    await database.prepare(settings_for(database_url), SECRETS)
    await database.prepare(settings_for(database_url), Secrets("a", {}, {}, "another", "b", "c"))
    ring = KeyRing(engine)
    assert await ring.owner("another") == Owner("local-hotline", True)
    assert await ring.owner(SECRETS.api_key) is None


async def test_two_homes_in_one_database_keep_their_keys(engine: AsyncEngine, database_url: str) -> None:
    await database.prepare(settings_for(database_url), SECRETS)
    second = Settings(database_url=SecretStr(database_url), pbx="second")
    await database.prepare(second, Secrets("a", {}, {}, "another", "b", "c"))
    ring = KeyRing(engine)
    assert await ring.owner(SECRETS.api_key) == Owner("local-hotline", True)
    assert await ring.owner("another") == Owner("local-second", True)


async def test_yesterdays_health_is_forgotten(engine: AsyncEngine, database_url: str) -> None:
    row = (
        "INSERT INTO heartbeats (pbx, part, ok, detail) VALUES ('hotline', 'ami', true, ''), ('other', 'ami', true, '')"
    )
    async with engine.begin() as connection:
        await connection.execute(text(row))
    await database.prepare(settings_for(database_url), SECRETS)
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT pbx FROM heartbeats"))).scalars().all() == ["other"]


async def test_unreachable_database_is_said(postgres_server: postgres.Cluster) -> None:
    with pytest.raises(SetupFailed, match="CALLCENTER_DATABASE_URL"):
        await database.prepare(settings_for(postgres_server.url("missing")), SECRETS)
