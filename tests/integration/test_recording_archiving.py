"""Sealed recordings go to the store, and no local file goes before the store has it: a folder and a real S3 server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.integration.conftest import eventually
from tests.integration.s3_server import S3Server
from tests.integration.stores import BucketPlace, FolderPlace, Place, sealed

from callcenter.alerts.keeper import AlertKeeper
from callcenter.alerts.tables import alerts
from callcenter.errors import StoreUnavailable
from callcenter.recordings import archiving
from callcenter.recordings.archiving import Archiver
from callcenter.recordings.chain import Signer
from callcenter.recordings.sealing import note_of
from callcenter.recordings.store_interface import store_key
from callcenter.recordings.tables import recording_chain, recordings

BEGAN = datetime(2026, 11, 27, 17, 30, tzinfo=UTC)
"""The 28th in Shanghai"""


@pytest_asyncio.fixture(params=["folder", "bucket"], loop_scope="session")
async def place(request: pytest.FixtureRequest, tmp_path: Path, s3_server: S3Server) -> AsyncIterator[Place]:
    if request.param == "folder":
        (tmp_path / "store").mkdir()
        yield FolderPlace(tmp_path / "store")
        return
    yield BucketPlace(s3_server)
    if s3_server.process is None or not await s3_server.is_ready():
        await s3_server.start()


class Sealer:
    """Makes sealed recordings as the pipeline leaves them."""

    def __init__(self, engine: AsyncEngine, folder: Path) -> None:
        self.engine, self.folder = engine, folder / "sealed"
        self.folder.mkdir()

    async def make(self, size: int = 50_000) -> Any:
        recording, file = uuid4(), sealed(self.folder, size)
        path = file.path.rename(self.folder / f"{recording}.0a1b2c3d.ccr")
        row = {"id": recording, "call_id": uuid4(), "pbx": "hotline", "name": "x", "started_at": BEGAN}
        row |= {"state": "sealed", "path": path.name, "sealed_bytes": file.size, "sealed_sha256": file.sha256}
        async with self.engine.begin() as connection:
            await connection.execute(insert(recordings).values(row))
        return await self.row(recording)

    async def row(self, recording: UUID) -> Any:
        async with self.engine.connect() as connection:
            return (await connection.execute(select(recordings).where(recordings.c.id == recording))).one()

    async def reaches(self, recording: UUID, state: str, seconds: float = 20) -> Any:
        async def there() -> Any:
            row = await self.row(recording)
            return row if row.state == state else None

        return await eventually(there, seconds)

    def files(self) -> list[str]:
        return [path.name for path in self.folder.glob("*.ccr")]


@pytest.fixture
def seals(engine: AsyncEngine, tmp_path: Path) -> Sealer:
    return Sealer(engine, tmp_path)


@asynccontextmanager
async def archiver(seals: Sealer, place: Place) -> AsyncIterator[dict[str, Any]]:
    health: dict[str, Any] = {}
    keeper = AlertKeeper(seals.engine, "hotline")
    loop = Archiver(
        seals.engine, "hotline", seals.folder, place.store, Signer(Ed25519PrivateKey.generate()), keeper,
        lambda part, ok, detail: health.update({part: (ok, detail)}),
    )  # fmt: skip
    tasks = [asyncio.create_task(loop.run()), asyncio.create_task(keeper.run())]
    try:
        yield health
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def alert(engine: AsyncEngine, kind: str) -> Any:
    async with engine.connect() as connection:
        standing = alerts.c.cleared_at.is_(None) & (alerts.c.kind == kind)
        return (await connection.execute(select(alerts).where(standing))).first()


async def test_archived_and_gone_from_here(seals: Sealer, place: Place) -> None:
    before = [await seals.make() for _ in range(5)]
    contents = {row.id: (seals.folder / row.path).read_bytes() for row in before}
    async with archiver(seals, place):
        rows = [await seals.reaches(row.id, "archived") for row in before]
    for row in rows:
        assert row.path == store_key(row.id, BEGAN)
        assert row.path.startswith("2026/11/28/")
        assert await place.content(row.path) == contents[row.id]
        assert [step["state"] for step in row.life] == ["archived"]
    assert seals.files() == []
    async with seals.engine.connect() as connection:
        entries = [orjson.loads(e) for e in (await connection.execute(select(recording_chain.c.entry))).scalars()]
    assert {(e["kind"], e["recording"]) for e in entries} == {("archived", str(row.id)) for row in rows}


async def test_what_was_altered_here_is_not_archived(seals: Sealer, place: Place) -> None:
    row, good = await seals.make(), await seals.make()
    path = seals.folder / row.path
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    async with archiver(seals, place):
        damaged = await seals.reaches(row.id, "damaged")
        await seals.reaches(good.id, "archived")
        await eventually(lambda: alert(seals.engine, "recording_damaged"))
    assert "is not what was sealed" in damaged.reason
    assert path.exists()
    assert store_key(row.id, BEGAN) not in await place.names()


async def test_what_is_gone_here_is_said(seals: Sealer, place: Place) -> None:
    row = await seals.make()
    (seals.folder / row.path).unlink()
    (seals.folder / note_of(row.path)).touch()
    async with archiver(seals, place):
        assert "is not there" in (await seals.reaches(row.id, "damaged")).reason


async def test_a_disk_that_is_not_mounted(seals: Sealer, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is there, not even the notes: no recording is given up for that."""
    monkeypatch.setattr(archiving, "RETRY_SECONDS", (0.2,))
    row, elsewhere = await seals.make(), seals.folder.with_name("unmounted")
    seals.folder.rename(elsewhere)
    seals.folder.mkdir()
    async with archiver(seals, place) as health:
        await eventually(lambda: alert(seals.engine, "recording_store"))
        assert "is not there, and neither is" in health["recording store"][1]
        seals.folder.rmdir()
        elsewhere.rename(seals.folder)
        await seals.reaches(row.id, "archived")


async def test_one_that_can_not_be_read_holds_up_no_other(
    seals: Sealer, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archiving, "RETRY_SECONDS", (0.2,))
    bad, *good = [await seals.make() for _ in range(4)]
    put = place.store.put

    async def faulty(key: str, path: Path, *facts: Any) -> None:
        if path.name == bad.path:
            raise StoreUnavailable(part="x", why="an error of the disk", mend="")
        await put(key, path, *facts)

    monkeypatch.setattr(place.store, "put", faulty)
    async with archiver(seals, place) as health:
        for row in good:
            await seals.reaches(row.id, "archived")
        assert "an error of the disk" in health["recording store"][1]
        monkeypatch.undo()
        await seals.reaches(bad.id, "archived", 40)


async def test_put_there_before_we_died(seals: Sealer, place: Place) -> None:
    """The store has it, the database does not know: the local file may even be gone."""
    row = await seals.make()
    path = seals.folder / row.path
    await place.store.put(store_key(row.id, BEGAN), path, row.sealed_sha256, row.sealed_bytes)
    path.unlink()
    async with archiver(seals, place):
        await seals.reaches(row.id, "archived")


async def test_a_store_that_is_down(seals: Sealer, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said, and nothing is lost: what is sealed meanwhile waits here, and goes there once it is back."""
    monkeypatch.setattr(archiving, "RETRY_SECONDS", (0.5,))
    place = BucketPlace(s3_server)
    await s3_server.kill()
    waiting = [await seals.make() for _ in range(40)]
    async with archiver(seals, place) as health:
        await eventually(lambda: alert(seals.engine, "recording_store"), 20)
        assert not health["recording store"][0]
        assert len(seals.files()) == 40
        assert {(await seals.row(row.id)).state for row in waiting} == {"sealed"}
        await s3_server.start()
        for row in waiting:
            await seals.reaches(row.id, "archived", 40)

        async def over() -> bool:
            return await alert(seals.engine, "recording_store") is None

        await eventually(over)
    assert seals.files() == []
    assert len(await place.names()) == 40
