"""Files that belong to no recording: in the store, and where sealed ones wait for it."""

import asyncio
import re
from collections.abc import AsyncGenerator, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select

from callcenter.clock import LOCAL_ZONE, from_epoch, now
from callcenter.errors import StoreRefused, StoreUnavailable
from callcenter.recordings.deviations import Deviation, Result, Unchecked
from callcenter.recordings.model import PENDING, State
from callcenter.recordings.store_interface import KEY, Store, store_key
from callcenter.recordings.tables import recordings
from callcenter.recordings.verifying_files import Connect

BATCH = 1000
BEING_WRITTEN = timedelta(hours=1)
SEALED = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.[0-9a-f]{8}\.(ccr|json)")
OURS = ("spool/", "sealed/")
"""Folders of the recorder, where the store is the folder of recordings itself"""
WITHOUT_FILE = frozenset({State.ABSENT, State.DESTROYED})
r = recordings.c


@dataclass(frozen=True, slots=True)
class Strangers:
    """`since` and `until` leave out what lies in the store under other days."""

    connect: Connect
    sealed: Path
    store: Store
    since: datetime | None = None
    until: datetime | None = None

    async def check(self) -> AsyncGenerator[Result, None]:
        names = await asyncio.to_thread(_names, self.sealed)
        for some in _parts(names):
            for found in await self._of_sealed(some):
                yield found
        try:
            batch: list[str] = []
            async for name, _ in self.store.keys():
                batch.append(name)
                if len(batch) == BATCH:
                    for found in await self._of_store(batch):
                        yield found
                    batch = []
            for found in await self._of_store(batch):
                yield found
        except (StoreUnavailable, StoreRefused) as error:
            yield Unchecked("store", str(error))

    async def _of_sealed(self, names: Iterable[str]) -> list[Deviation]:
        ids = {name: _id(SEALED.fullmatch(name), 1) for name in names}
        rows = await self._rows(ids.values())
        found = []
        for name, recording in ids.items():
            row = rows.get(recording) if recording else None
            path = self.sealed / name
            if row is None and _is_being_written(name, _modified(path)):
                continue
            if not _belongs(row, name) and path.exists():  # the archiver may have removed it since
                found.append(_stranger(f"sealed/{name}", row))
        return found

    async def _of_store(self, names: Iterable[str]) -> list[Deviation]:
        asked = {name: _id(KEY.fullmatch(name), 0) for name in names if not self._is_left_out(name)}
        rows = await self._rows(asked.values())
        old = await self._unsealed([name for name, recording in asked.items() if recording is None])
        found = []
        for name, recording in asked.items():
            row = rows.get(recording) if recording else None
            fits = row is not None and row.state not in WITHOUT_FILE and store_key(row.id, row.started_at) == name
            if fits or name in old or _is_being_written(name, await self.store.modified(name)):
                continue
            found.append(_stranger(name, row))
        return found

    def _is_left_out(self, name: str) -> bool:
        if self.store.name == "local" and (name.startswith(OURS) or name == "README.md"):
            return True
        day = name[:10]
        return bool(KEY.fullmatch(name)) and not (_day(self.since, "") <= day <= _day(self.until, "9"))

    async def _rows(self, ids: Iterable[UUID | None]) -> dict[UUID | None, Any]:
        known = [each for each in ids if each is not None]
        if not known:
            return {}
        async with self.connect() as connection:
            query = select(r.id, r.state, r.path, r.started_at).where(r.id.in_(known))
            return {row.id: row for row in await connection.execute(query)}

    async def _unsealed(self, names: list[str]) -> set[str]:
        """Files of recordings that are older than seals."""
        if not names:
            return set()
        async with self.connect() as connection:
            query = select(r.path).where(r.state == State.UNSEALED, r.path.in_(names))
            return set((await connection.execute(query)).scalars())


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError:
        return []  # what should lie there is then told to be missing


def _parts(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), BATCH):
        yield names[start : start + BATCH]


def _id(match: re.Match[str] | None, group: int) -> UUID | None:
    if match is None:
        return None
    return UUID(match[1] if group else match[0].rpartition("/")[2].partition(".")[0])


def _belongs(row: Any, name: str) -> bool:
    """A note of any recording that is known; a file that is being made; the one that counts."""
    if row is None:
        return False
    if name.endswith(".json") or row.state in PENDING:
        return True
    return row.path == name and row.state not in WITHOUT_FILE


def _modified(path: Path) -> datetime | None:
    try:
        return from_epoch(path.lstat().st_mtime)
    except OSError:
        return None


def _is_being_written(name: str, modified: datetime | None) -> bool:
    last = name.rpartition("/")[2]
    half = last.endswith(".part") or last.startswith(".")
    return half and modified is not None and now() - modified < BEING_WRITTEN


def _day(moment: datetime | None, otherwise: str) -> str:
    return otherwise if moment is None else f"{moment.astimezone(LOCAL_ZONE):%Y/%m/%d}"


def _stranger(name: str, row: Any) -> Deviation:
    destroyed = row is not None and row.state == State.DESTROYED
    kind, state = "file_destroyed" if destroyed else "file_foreign", row.state if row else "unknown"
    recording = str(row.id) if row else None
    return Deviation(kind, f"no file {name}: the recording is {state}", name, recording=recording)
