"""The latest migrations there and back, with rows in every table that they make: what is older stays as it was."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from secrets import token_hex
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.integration.test_partitions import _shape

from callcenter.storage.engine import make_engine

OLDEST, NEWEST = "0014", "0018"
RECORDING = UUID("5f0c0a1b-2c3d-4e5f-8a9b-0c1d2e3f4a5b")
MADE = {
    "0015": ("recording_playbacks", "recording_playback_ends", "recording_exports"),
    "0016": ("recording_orders",),
    "0017": ("retention_policies", "recording_holds", "expiry_protocols"),
}
APPEND_ONLY = ("recording_chain", "recording_playbacks", "recording_playback_ends", "expiry_protocols")
OLDER = (
    "INSERT INTO recordings (id, call_id, pbx, name, started_at, state, path, life) VALUES"
    " (:recording, :any, 'hotline', 'x', '2025-01-15', 'archived', 'p',"
    ' \'[{"state": "archived", "at": "2025-01-15T00:00:00+00:00", "cause": "local"}]\')',
    "INSERT INTO recording_keys VALUES (:recording, 'site', '\\x01')",
    "INSERT INTO recording_chain VALUES ('hotline', 1, 'archived', :recording, '{}', 'h', 's')",
)
BEFORE_LIVES = (
    "INSERT INTO recordings (id, call_id, pbx, name, started_at, state, path)"
    " VALUES (:id, gen_random_uuid(), 'hotline', 'x', '2025-01-15', :state, :path)"
)
ROWS = {
    "0015": (
        "INSERT INTO recording_playbacks VALUES (:any, :recording, now(), 'k', 'why', 'play', 0, 1, 9, '::1')",
        "INSERT INTO recording_playback_ends VALUES (:any, now(), 1, 9)",
        'INSERT INTO recording_exports (id, "by", why, address, filters, recordings, total)'
        " VALUES (:any, 'k', 'why', '::1', '{}', ARRAY[CAST(:recording AS uuid)], 1)",
    ),
    "0016": (
        "INSERT INTO recording_orders (pbx, recording_id, what, by) VALUES ('hotline', :recording, 'pause', 'k')",
    ),
    "0017": (
        "INSERT INTO retention_policies (kind, keep_days, reference, by) VALUES ('hotline', 365, 'letter', 'k')",
        "INSERT INTO recording_holds (recording_id, why, note, by) VALUES (:recording, 'complaint', '7', 'k')",
        "INSERT INTO expiry_protocols (pbx, day, action, recordings, reasons, last_seq)"
        " VALUES ('hotline', '2025-01-15', 'expire', 1, '{}', 1)",
    ),
    "0018": (
        "UPDATE recording_holds SET reference = '2026-118', ended_why = 'closed', ended_by = 'k', ended_at = now()",
        "UPDATE retention_policies SET ended_why = 'replaced', ended_by = 'k', ended_at = now()",
    ),
}


@pytest_asyncio.fixture(loop_scope="session")
async def old(postgres_server: Any) -> AsyncIterator[AsyncEngine]:
    """A database as it was before all of them, with a recording."""
    async with database(postgres_server, OLDEST) as engine:
        await _say(engine, OLDER)
        yield engine


@asynccontextmanager
async def database(postgres_server: Any, revision: str) -> AsyncIterator[AsyncEngine]:
    name, admin = f"shapes_{token_hex(4)}", await asyncpg.connect(postgres_server.url("postgres"))
    await admin.execute(f"CREATE DATABASE {name}")
    engine = make_engine(postgres_server.url(name))
    await _shape(engine, revision)
    yield engine
    await engine.dispose()
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


async def _say(engine: AsyncEngine, statements: tuple[str, ...]) -> None:
    async with engine.begin() as connection:
        for each in statements:
            asked = text(each)
            values = {"recording": RECORDING, "any": uuid4()}
            await connection.execute(asked, {k: v for k, v in values.items() if f":{k}" in each})


async def _shape_of(engine: AsyncEngine) -> list[Any]:
    """Every column, index and trigger."""
    found: list[Any] = []
    async with engine.connect() as connection:
        for query in (
            "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns"
            " WHERE table_schema = 'public' ORDER BY 1, 2",
            "SELECT indexdef, '' FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2",
            "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1",
        ):
            found += [tuple(row) for row in await connection.execute(text(query))]
    return found


async def _rows(engine: AsyncEngine) -> list[Any]:
    async with engine.connect() as connection:
        query = "SELECT r::text, k::text, c::text FROM recordings r, recording_keys k, recording_chain c"
        return [tuple(row) for row in await connection.execute(text(query))]


async def test_recordings_of_before_their_lives(postgres_server: Any) -> None:
    """What has a file is to be sealed; calls that brought no audio have none, and never will."""
    rows = (("ready", "2025/01/15/a.wav", "unsealed"), ("silent", None, "absent"), ("failed", None, "absent"))
    async with database(postgres_server, "0013") as engine:
        for state, path, _ in rows:
            values = {"id": uuid4(), "state": state, "path": path}
            async with engine.begin() as connection:
                await connection.execute(text(BEFORE_LIVES), values)
        await _shape(engine, OLDEST)
        async with engine.connect() as connection:
            found = {tuple(row) for row in await connection.execute(text("SELECT path, state FROM recordings"))}
    assert found == {(path, state) for _, path, state in rows}


async def test_there_and_back_with_rows(old: AsyncEngine) -> None:
    """Step by step up, a row in each new table, then step by step down: every shape is the one it was on the way up."""
    before, shapes = await _rows(old), {OLDEST: await _shape_of(old)}
    steps = [OLDEST, *ROWS]
    for revision, rows in ROWS.items():
        await _shape(old, revision)
        await _say(old, rows)
        shapes[revision] = await _shape_of(old)
    for revision in reversed(steps[:-1]):
        await _shape(old, f"-{revision}")
        assert await _shape_of(old) == shapes[revision], revision
    assert await _rows(old) == before
    await _shape(old, NEWEST)
    assert await _shape_of(old) == shapes[NEWEST]
    assert await _rows(old) == before
    for tables in MADE.values():
        for table in tables:
            async with old.connect() as connection:
                assert (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar() == 0  # noqa: S608


async def test_what_was_there_is_kept_by_the_last_step(old: AsyncEngine) -> None:
    """Policies and holds lose what 0018 added, and nothing else; what is append-only is so again afterwards."""
    for revision, rows in ROWS.items():
        await _shape(old, revision)
        await _say(old, rows)
    await _shape(old, "-0017")
    await _shape(old, NEWEST)
    async with old.connect() as connection:
        holds = "SELECT note, reference, ended_why, ended_by FROM recording_holds"
        assert [tuple(row) for row in await connection.execute(text(holds))] == [("7", "", None, "k")]
        terms = "SELECT keep_days, reference, ended_why, ended_by FROM retention_policies"
        assert [tuple(row) for row in await connection.execute(text(terms))] == [(365, "letter", None, "k")]
    for table in APPEND_ONLY:
        with pytest.raises(DBAPIError, match="append-only"):
            async with old.begin() as connection:
                await connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608
