"""The primary is lost, a standby takes its place; nobody knows whether the last commits came through."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import asyncpg

from callcenter.local import addresses, postgres
from callcenter.local.identity import least_privileged
from callcenter.local.processes import until
from callcenter.local.secrets import load_or_make
from tests.drills.proxies import Proxy, Streams
from tests.drills.site import Site

PARTED_SECONDS = 1.5
"""The standby misses the commits of so long: replication is asynchronous, as it is by default."""


async def failed_over(site: Site, seconds: float) -> None:
    """A base backup, streaming; the standby is parted, COMMITs lose their answers, then it takes over."""
    cluster = addresses.cluster(site.hotline.settings, load_or_make(site.hotline.settings))
    replication = await site.stack.enter_async_context(Proxy(site.hotline.open_postgres))
    standby = await site.stack.enter_async_context(_standby(cluster, replication.port))
    assert await until(lambda: _streams(cluster), 30), "the standby does not follow"
    replication.hold()
    site.postgres.lose_answer = 0.7
    await asyncio.sleep(PARTED_SECONDS)
    site.postgres.refusing = True
    site.postgres.reset()
    site.postgres.lose_answer = 0.0
    await asyncio.sleep(seconds / 2)
    await _promote(standby)
    site.postgres.connect = lambda: _open(standby.sockets)
    site.hotline.moved_to = standby.url()
    site.postgres.refusing = False
    site.postgres.reset()


async def _open(sockets: Path) -> Streams:
    return await asyncio.open_unix_connection(str(sockets / ".s.PGSQL.5432"))


@asynccontextmanager
async def _standby(primary: postgres.Cluster, port: int) -> AsyncIterator[postgres.Cluster]:
    """A copy that follows the primary through a relay."""
    folder = primary.data.parent / "standby"
    folder.mkdir(mode=0o711)
    cluster = replace(primary, data=folder / "d", sockets=primary.sockets.parent / "sb", log=folder / "log")
    binaries = postgres.find_binaries(primary.data)
    identity = least_privileged(("postgres", "nobody"), binaries, folder)
    identity.own(folder)
    source = f"host=127.0.0.1 port={port} user={postgres.USER} password={primary.password}"
    command = [
        str(binaries / "pg_basebackup"),
        "-D",
        str(cluster.data),
        "-R",
        "-X",
        "stream",
        "-c",
        "fast",
        "-d",
        source,
    ]
    copying = await asyncio.create_subprocess_exec(*identity.prefix, *command, cwd=folder)
    assert await copying.wait() == 0, "pg_basebackup failed"
    process = await postgres.start(cluster)
    try:
        yield cluster
    finally:
        await postgres.halt(process)


async def _streams(primary: postgres.Cluster) -> bool:
    connection = await asyncpg.connect(primary.url())
    try:
        behind = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) FROM pg_stat_replication"
        lag = await connection.fetchval(behind)
        return lag is not None and lag < 100_000
    finally:
        await connection.close()


async def _promote(standby: postgres.Cluster) -> None:
    connection = await asyncpg.connect(standby.url())
    try:
        assert await connection.fetchval("SELECT pg_promote(true, 30)")
    finally:
        await connection.close()
