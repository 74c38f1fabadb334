"""Shared by all tests: one real Postgres and one real broker a run, one fresh migrated database a test."""

import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import settings
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.local import postgres, programs
from callcenter.local.broker import listens
from callcenter.local.identity import least_privileged
from callcenter.local.ports import passing_port
from callcenter.local.processes import last_lines, spawn, stop, until
from callcenter.storage.engine import make_engine
from callcenter.storage.migrate import migrate
from tests.acceptance.corpus.table import pytest_addoption, pytest_terminal_summary  # noqa: F401 - the corpus prints its table
from tests.integration.s3_server import s3_server  # noqa: F401 - a fixture

settings.register_profile("callcenter", deadline=None)
settings.load_profile("callcenter")
"""A busy machine is no fault of the code: tests are not timed."""

TEMPLATE = "template_migrated"
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")
"""A test's data need not survive a power cut."""


SECOND_HALF, BEFORE = "test_lanes.py", "test_control.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The corpus' second half waits until some other calls were made: beside the first, both make phones late."""
    half = [item for item in items if item.path.name == SECOND_HALF]
    others = [item for item in items if item.path.name != SECOND_HALF]
    place = next((n for n, item in enumerate(others) if item.path.name == BEFORE), len(others))
    items[:] = others[:place] + half + others[place:]


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for Unix sockets (107 bytes)."""
    folder = Path(tempfile.mkdtemp(prefix="cc-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_server(short_folder: Path) -> AsyncIterator[postgres.Cluster]:
    """One server for the whole run, with a migrated database that others are copied from."""
    cluster = postgres.Cluster(
        data=short_folder / "pg",
        sockets=short_folder / "pgs",
        log=short_folder / "postgres.log",
        password=secrets.token_hex(16),
        options=FAST,
    )
    process = await postgres.start(cluster)
    await postgres.ensure_database(cluster, TEMPLATE)
    template = make_engine(cluster.url(TEMPLATE))
    await migrate(template)
    await template.dispose()
    yield cluster
    await postgres.halt(process)


@pytest_asyncio.fixture(loop_scope="session")
async def database_url(postgres_server: postgres.Cluster) -> AsyncIterator[str]:
    """The address of a database of this test's own, migrated and empty."""
    name = f"test_{secrets.token_hex(6)}"
    await _ask(postgres_server, f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}"')
    yield postgres_server.url(name)
    await _ask(postgres_server, f'DROP DATABASE "{name}" WITH (FORCE)')


async def _ask(cluster: postgres.Cluster, statement: str) -> None:
    connection = await asyncpg.connect(cluster.url("postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest_asyncio.fixture(loop_scope="session")
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine on this test's database."""
    engine = make_engine(database_url)
    yield engine
    await engine.dispose()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def broker(short_folder: Path) -> AsyncIterator[str]:
    """The address of a real mosquitto that lets anybody in: `mqtt://127.0.0.1:PORT`."""
    port, configuration = passing_port(), short_folder / "mosquitto.conf"
    configuration.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nlog_dest stderr\n")
    program = programs.require("mosquitto")
    prefix = least_privileged(("mosquitto", "nobody"), short_folder, Path(program)).prefix
    log = short_folder / "mosquitto.log"
    process = spawn([*prefix, program, "-c", str(configuration)], log=log)
    assert await until(lambda: listens(port), 10), last_lines(log)
    yield f"mqtt://127.0.0.1:{port}"
    await stop(process, ())
