"""Postgres away and back: clear answers meanwhile, the live stream goes on, nothing to restart."""

import asyncio
import os
import secrets
import signal
import sys
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.access.keys import issue
from callcenter.http.server import listening_socket
from callcenter.local import postgres
from callcenter.publishing.outbox import Announcement, announce
from callcenter.storage.engine import make_engine
from callcenter.storage.migrate import migrate

PROGRAM = Path(sys.executable).parent / "callcenter"


async def announce_call(engine: AsyncEngine, n: int) -> None:
    async with engine.begin() as connection:
        await announce(connection, "hotline", [Announcement(f"calls/{n}/queued", "call", str(n), {"n": n})])


async def until_status(client: httpx.AsyncClient, path: str, status: int) -> httpx.Response:
    """Ask until the answer has that status; an API that is still starting counts as none."""
    async with asyncio.timeout(20):
        while True:
            try:
                answer = await client.get(path)
            except httpx.ConnectError:
                answer = httpx.Response(0)
            if answer.status_code == status:
                return answer
            await asyncio.sleep(0.05)


async def start_api(home: Path, database_url: str) -> tuple[asyncio.subprocess.Process, str]:
    """`callcenter api` as a process of its own, and its address."""
    with listening_socket("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    environment = {
        **os.environ, "CALLCENTER_HOME": str(home), "CALLCENTER_HTTP_PORT": str(port),
        "CALLCENTER_DATABASE_URL": database_url,
    }  # fmt: skip
    return await asyncio.create_subprocess_exec(PROGRAM, "api", env=environment), f"http://127.0.0.1:{port}"


async def next_data(lines: Any) -> str:
    async with asyncio.timeout(20):
        async for line in lines:
            if line.startswith("data: "):
                return str(line)
    raise AssertionError("the stream ended")


async def test_postgres_away_and_back(short_folder: Path, tmp_path: Path) -> None:
    folder = short_folder / "outage"
    folder.mkdir(mode=0o711)
    cluster = postgres.Cluster(
        data=folder / "data", sockets=folder / "s", log=folder / "log", password=secrets.token_hex(8),
        options=("fsync=off",),
    )  # fmt: skip
    server = await postgres.start(cluster)
    await postgres.ensure_database(cluster)
    engine = make_engine(cluster.url())
    await migrate(engine)
    headers = {"X-API-Key": await issue(engine, "test", may_change=False)}
    process, url = await start_api(tmp_path, cluster.url())
    try:
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as client:
            await until_status(client, "/v1/cdrs", 200)
            async with client.stream("GET", "/v1/live") as stream:
                lines = stream.aiter_lines()
                assert "states" in await next_data(lines)
                await postgres.halt(server)
                refused = await until_status(client, "/v1/cdrs", 503)
                assert refused.json()["code"] == "unavailable"
                assert "database" in refused.json()["detail"]
                health = (await until_status(client, "/v1/health", 503)).json()
                assert {p["part"]: p["ok"] for p in health["parts"]}["database"] is False
                server = await postgres.start(cluster)
                await until_status(client, "/v1/cdrs", 200)
                await engine.dispose()
                await announce_call(engine, 7)
                assert '"n":7' in await next_data(lines)
                process.send_signal(signal.SIGTERM)
                async with asyncio.timeout(4):
                    assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await engine.dispose()
        await postgres.halt(server)
