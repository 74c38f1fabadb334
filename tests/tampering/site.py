"""A small site: real calls, legs with noise, sealed by the pipeline, partly archived, with kept heads."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callcenter.alerts.keeper import AlertKeeper
from callcenter.calls.ids import recording_id
from callcenter.calls.model import CallRecord
from callcenter.calls.rows import store_records
from callcenter.recordings import wav
from callcenter.recordings.archiving import Archiver
from callcenter.recordings.chain import Signer
from callcenter.recordings.deviations import Figures, Result
from callcenter.recordings.heads import HeadKeeper, heads_in
from callcenter.recordings.pipeline import Pipeline, Place
from callcenter.recordings.site_key import new_private, public_of
from callcenter.recordings.store import StoreAddress, open_store
from callcenter.recordings.tables import recordings
from callcenter.recordings.verify_command import Asked, Site, check_all
from tests.scenarios.stories import facts, track

PBX = "hotline"
RATE = 8000
r = recordings.c


@dataclass
class Small:
    """The site, and the one connection that everything is asked through: what it changes, it can take back."""

    root: Path
    signer: Signer
    verified: Site
    engine: AsyncEngine

    @property
    def sealed(self) -> Path:
        return self.root / "sealed"

    async def found(self, connection: AsyncConnection, asked: Asked | None = None) -> list[Result]:
        """What a verification finds, uncommitted changes of this connection included."""

        @asynccontextmanager
        async def same() -> AsyncIterator[AsyncConnection]:
            yield connection

        return [each async for each in check_all(same, self.verified, asked or Asked(), Figures())]


async def build(engine: AsyncEngine, root: Path, recordings_made: int = 40) -> Small:
    """So many recordings: the last one absent, of the others three of five archived."""
    signer, sealed = Signer(Ed25519PrivateKey.generate()), root / "sealed"
    keys = root.parent / "keys"
    root.mkdir(parents=True)
    keys.mkdir()
    (keys / "site.pem").write_text(new_private())
    (keys / "public.pem").write_text(public_of(keys / "site.pem"))
    (pattern,) = track(facts("answered")).values()
    records = [_another(pattern, n, absent=n == recordings_made - 1) for n in range(recordings_made)]
    for number, record in enumerate(records[:-1]):
        _write_legs(root / "spool", record.recordings[0].name, 800 + 160 * number)
    async with engine.begin() as connection:
        await store_records(connection, records)
    store = open_store(StoreAddress(str(root)))
    heads = HeadKeeper(engine, PBX, root.parent / "heads", _quiet, interval=0.05)
    pipeline = Pipeline(engine, PBX, Place(root, keys / "public.pem"), signer, _quiet, heads.see)
    archiver = Archiver(engine, PBX, sealed, store, signer, AlertKeeper(engine, PBX), _quiet, heads.see)
    async with _running(heads):
        async with _running(pipeline):
            await _until(engine, "expected", 0)
        waiting = [record.recordings[0].id for n, record in enumerate(records[:-1]) if n % 5 > 2]
        async with engine.begin() as connection:
            later = func.now() + timedelta(minutes=30)
            await connection.execute(update(recordings).values(next_try_at=func.now()))
            await connection.execute(update(recordings).where(r.id.in_(waiting)).values(next_try_at=later))
        async with _running(archiver):
            await _until(engine, "sealed", len(waiting))
            await eventually(lambda: _is_moved(sealed, len(waiting)))
    return Small(root, signer, Site(signer.public, heads_in(root.parent / "heads"), sealed, store), engine)


def _quiet(part: str, ok: bool, detail: str) -> None:
    """Health is not of interest here."""


def _another(pattern: CallRecord, number: int, *, absent: bool) -> CallRecord:
    """The same call with its own ids."""
    (ref,) = pattern.recordings
    name, by = f"1795000000.{number * 10}", timedelta(seconds=number)
    mine = replace(
        ref, id=recording_id(PBX, name, ref.started_at + by), name=name, started_at=ref.started_at + by,
        ended_at=ref.ended_at and ref.ended_at + by, begun_at=None if absent else ref.started_at + by,
    )  # fmt: skip
    legs = tuple(replace(leg, uniqueid=name) if leg.uniqueid == ref.name else leg for leg in pattern.legs)
    return replace(pattern, id=UUID(int=number + 1), uniqueid=name, legs=legs, recordings=(mine,))


def _write_legs(spool: Path, name: str, samples: int) -> None:
    spool.mkdir(parents=True, exist_ok=True)
    for side in ("caller", "agent"):
        (spool / f"{name}-{side}.wav").write_bytes(wav.header(1, 2 * samples) + os.urandom(2 * samples))


@asynccontextmanager
async def _running(part: Any) -> AsyncIterator[None]:
    task = asyncio.create_task(part.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _until(engine: AsyncEngine, state: str, left: int) -> None:
    """Wait until only so many recordings are in that state."""

    async def count() -> int:
        async with engine.connect() as connection:
            query = select(func.count()).select_from(recordings).where(r.state == state)
            return int((await connection.execute(query)).scalar_one())

    await eventually(lambda: _equals(count, left))


async def _equals(count: Callable[[], Awaitable[int]], number: int) -> bool:
    return await count() == number


async def _is_moved(sealed: Path, waiting: int) -> bool:
    return len(list(sealed.glob("*.ccr"))) == waiting


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.02)
