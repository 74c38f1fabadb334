"""The API as clients meet it: a real server on a real port, on this test's own database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_bytes
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.access.keys import issue
from callcenter.calls.tables import calls
from callcenter.http.server import Server, listening_socket
from callcenter.local import recording_keys
from callcenter.recordings.container import Sealer
from callcenter.recordings.site_key import load_public
from callcenter.recordings.tables import recording_keys as recording_keys_table
from callcenter.recordings.tables import recordings
from callcenter.settings import Settings
from callcenter.webapp import create_app

MONDAY = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
"""Monday 2026-11-23, 09:00 in Shanghai."""


@dataclass(frozen=True)
class Api:
    """A running API, a client that shows a key, and one that shows none."""

    url: str
    key: str
    app: FastAPI
    client: httpx.AsyncClient
    stranger: httpx.AsyncClient
    engine: AsyncEngine
    settings: Settings
    server: Server


@pytest_asyncio.fixture(loop_scope="session")
async def api(engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[Api]:
    """The API served on a port of its own until the test ends."""
    settings = Settings(home=tmp_path, pbx="hotline")
    recording_keys.ensure(settings)
    key, app = await issue(engine, "test", may_change=True), create_app(settings, engine)
    listener = listening_socket("127.0.0.1", 0)
    server = Server(uvicorn.Config(app, http="h11", log_config=None, access_log=False), app.state.feed.stop)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with (
        httpx.AsyncClient(base_url=url, headers={"X-API-Key": key}, timeout=60) as client,
        httpx.AsyncClient(base_url=url, timeout=60) as stranger,
    ):
        async with asyncio.timeout(60):
            await app.state.feed.connected.wait()
        yield Api(url, key, app, client, stranger, engine, settings, server)
    server.should_exit = True
    await serving


AddCall = Callable[..., Awaitable[UUID]]


@pytest.fixture
def add_call(engine: AsyncEngine) -> AddCall:
    """Stores a call: an answered hotline call on Monday morning unless told otherwise."""

    async def add(**facts: Any) -> UUID:
        row = call_row(**facts)
        async with engine.begin() as connection:
            await connection.execute(insert(calls).values(row))
        return UUID(str(row["id"]))

    return add


@pytest.fixture
def add_recording(engine: AsyncEngine) -> AddCall:
    """Stores a recording's row for a call."""

    async def add(call_id: UUID, **facts: Any) -> UUID:
        row = {"id": uuid4(), "call_id": call_id, "pbx": "hotline", "name": "x", "started_at": MONDAY, **facts}
        async with engine.begin() as connection:
            await connection.execute(insert(recordings).values(row))
        return UUID(str(row["id"]))

    return add


@pytest.fixture
def add_sealed(api: Api, add_recording: AddCall) -> AddCall:
    """Stores a sealed recording with these bytes as its audio; its row."""

    async def add(call_id: UUID, audio: bytes, **facts: Any) -> dict[str, Any]:
        row = seal_audio(api.settings, uuid4(), audio) | facts
        key = {"recording_id": row["id"], "site_key": row.pop("site_key"), "wrapped": row.pop("wrapped")}
        async with api.engine.begin() as connection:
            await connection.execute(insert(recording_keys_table).values(key))
        await add_recording(call_id, **row)
        return row

    return add


def seal_audio(settings: Settings, recording: UUID, audio: bytes) -> dict[str, Any]:
    """A sealed file of any bytes, as the columns of its row."""
    settings.sealed_dir.mkdir(parents=True, exist_ok=True)
    key, path = token_bytes(32), settings.sealed_dir / f"{recording}.ccr"
    with path.open("wb") as file:
        sealer = Sealer(file, recording, key)
        sealer.write(audio)
        sealer.close()
    site = load_public(settings.public_key_path)
    return {
        "id": recording, "state": "sealed", "path": path.name, "media_type": "audio/ogg", "bytes": len(audio),
        "sha256": sealer.audio_sha256, "sealed_bytes": sealer.sealed_bytes, "sealed_sha256": sealer.sealed_sha256,
        "site_key": site.name, "wrapped": site.wrap(key, recording),
    }  # fmt: skip


@pytest.fixture(name="call_row")
def call_row_fixture() -> Callable[..., dict[str, Any]]:
    """Makes a call's row without storing it."""
    return call_row


def call_row(**facts: Any) -> dict[str, Any]:
    """A call's row; `facts` replace what differs."""
    started = facts.get("started_at", MONDAY)
    agent = facts.get("agent", "1001")
    usual: dict[str, Any] = {
        "id": uuid4(), "pbx": "hotline", "uniqueid": "hotline-1795395600.1", "direction": "inbound",
        "line": "hotline", "caller_number": "13800138000", "caller_name": "王小明", "did": "12333",
        "started_at": started, "answered_at": started + timedelta(seconds=9),
        "ended_at": started + timedelta(seconds=60), "wait_seconds": 7.5, "ring_seconds": 3.0,
        "talk_seconds": 50.0, "hold_seconds": 0.0, "agent": agent, "agents": [agent] if agent else [],
        "queues": ["hotline"], "outcome": "answered", "hung_up_by": "caller", "notice_played": True,
        "service": "open", "service_source": "pushed", "evidence": "channel_ends", "legs": [],
        "queue_visits": [], "timeline": [], "anomalies": [],
    }  # fmt: skip
    return usual | facts
