"""The embedded Postgres: private, adopted when it still runs, up again after a crash."""

import os
import signal
from dataclasses import replace

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.local import postgres
from callcenter.local.processes import ended, is_alive, send_signal


async def test_database_is_migrated(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM calls"))).scalar_one() == 0


async def test_wrong_password_is_refused(postgres_server: postgres.Cluster) -> None:
    stranger = replace(postgres_server, password="guess")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(stranger.url("postgres"))


async def test_socket_folder_is_private(postgres_server: postgres.Cluster) -> None:
    status = postgres_server.sockets.stat()
    assert status.st_mode & 0o777 == 0o700
    assert os.geteuid() != 0 or status.st_uid != 0, "root's server runs as somebody else"


async def test_starts_again_after_kill_9(postgres_server: postgres.Cluster) -> None:
    home = postgres_server.data.parent
    cluster = replace(postgres_server, data=home / "crash", sockets=home / "cs", log=home / "crash.log")
    first = await postgres.start(cluster)
    send_signal(first, signal.SIGKILL)
    await ended(first)
    second = await postgres.start(cluster)
    assert await postgres.answers(cluster)
    assert postgres.postmaster(cluster) == second
    await postgres.halt(second)
    assert not is_alive(second)
    assert postgres.postmaster(cluster) is None
