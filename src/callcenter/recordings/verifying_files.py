"""Files against the chain: each recording's file is what was sealed, and there is no other file.

Recordings are read in batches, in their order of time, files of a batch hashed a few at once. The archiver goes on
meanwhile: before a file is called missing or altered, its row is read again and its new place looked at.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.errors import StoreRefused, StoreUnavailable
from callcenter.recordings.chain_walk import facts_of
from callcenter.recordings.deviations import Deviation, Figures, Result, Unchecked
from callcenter.recordings.looking import Seen, look_below
from callcenter.recordings.model import PLAYABLE, State
from callcenter.recordings.store_interface import Store, store_key
from callcenter.recordings.tables import recording_chain, recordings

BATCH = 512
AT_ONCE = max(2, min(4, os.cpu_count() or 1))
PROBE = "1970/01/01/00000000-0000-0000-0000-000000000000.ccr"

Connect = Callable[[], AbstractAsyncContextManager[AsyncConnection]]
c, r = recording_chain.c, recordings.c


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that must be there."""

    recording: UUID
    pbx: str
    state: str
    path: str
    seq: int
    key: str
    """Its place in the store, by the chain"""
    size: int
    sha256: str

    @property
    def waits(self) -> bool:
        """Whether it still lies in the folder of sealed files."""
        return self.state == State.SEALED


@dataclass(frozen=True, slots=True)
class Files:
    """Where files are, and which are asked for: of recordings begun in [since, until); `whole`: their bytes, too."""

    connect: Connect
    sealed: Path
    store: Store
    figures: Figures
    whole: bool = True
    since: datetime | None = None
    until: datetime | None = None

    async def check(self) -> AsyncGenerator[Result, None]:
        """Whatever of the files is not as the chain says. A store that is away ends the pass."""
        began = perf_counter()
        try:
            await self.store.size(PROBE)
            batches = self._batches()
            batch = await anext(batches, None)
            while batch is not None:
                looked, following = await asyncio.gather(self._look(batch), anext(batches, None))
                for result in looked:
                    yield result
                batch = following
        except (StoreUnavailable, StoreRefused) as error:
            yield Unchecked("store", str(error))
        self.figures.file_seconds += perf_counter() - began

    async def _batches(self) -> AsyncIterator[Sequence[Kept]]:
        query = select(r.id, r.pbx, r.state, r.path, r.started_at).where(r.state.in_(PLAYABLE))
        query = query if self.since is None else query.where(r.started_at >= self.since)
        query = query if self.until is None else query.where(r.started_at < self.until)
        query = query.order_by(r.started_at, r.id).limit(BATCH)
        page = query
        while True:
            async with self.connect() as connection:
                rows = (await connection.execute(page)).all()
                kept = await _kept(connection, rows)
            yield kept
            if len(rows) < BATCH:
                return
            page = query.where(tuple_(r.started_at, r.id) > (rows[-1].started_at, rows[-1].id))

    async def _look(self, batch: Sequence[Kept]) -> list[Deviation]:
        seen = await self._seen(batch)
        wrong = [each for each, what in zip(batch, seen, strict=True) if _fault(each, what) is not None]
        self.figures.files += sum(what is not None for what in seen)
        self.figures.bytes += sum(what.size for what in seen if what and what.sha256)
        if not wrong:
            return []
        async with self.connect() as connection:
            rows = await connection.execute(
                select(r.id, r.pbx, r.state, r.path, r.started_at).where(r.id.in_([each.recording for each in wrong]))
            )
            now = await _kept(connection, [row for row in rows if row.state in PLAYABLE])
        again = await self._seen(now)
        return [found for each, what in zip(now, again, strict=True) if (found := _fault(each, what))]

    async def _seen(self, batch: Sequence[Kept]) -> list[Seen | None]:
        """What is there, in the batch's order; `AT_ONCE` parts of it at a time."""
        parts = [batch[n::AT_ONCE] for n in range(AT_ONCE)]
        looked = await asyncio.gather(*(self._part(part) for part in parts))
        found: dict[UUID, Seen | None] = {}
        for part, seen in zip(parts, looked, strict=True):
            found |= {each.recording: what for each, what in zip(part, seen, strict=True)}
        return [found[each.recording] for each in batch]

    async def _part(self, part: Sequence[Kept]) -> list[Seen | None]:
        here, there = [k for k in part if k.waits], [k for k in part if not k.waits]
        seen: dict[Kept, Seen | None] = {}
        if here:
            seen |= dict(zip(here, await asyncio.to_thread(self._waiting, [k.path for k in here]), strict=True))
        if there:
            seen |= dict(zip(there, await self.store.look([k.key for k in there], whole=self.whole), strict=True))
        return [seen[each] for each in part]

    def _waiting(self, names: Sequence[str]) -> list[Seen | None]:
        try:
            return look_below(self.sealed, [], names, whole=self.whole)
        except OSError:
            return [None] * len(names)


async def _kept(connection: AsyncConnection, rows: Sequence[Any]) -> list[Kept]:
    """With what the chain says of each; one without a seal is told of elsewhere."""
    asked = c.recording_id.in_([row.id for row in rows])
    query = select(c.recording_id, c.seq, c.entry).where(asked, c.kind == "sealed").order_by(c.seq)
    seals = {e.recording_id: (e.seq, facts_of(e.entry)) for e in await connection.execute(query)} if rows else {}
    kept = []
    for row in rows:
        seq, facts = seals.get(row.id, (0, {}))
        size, digest = facts.get("sealed_bytes"), facts.get("sealed_sha256")
        if isinstance(size, int) and isinstance(digest, str):
            key = store_key(row.id, _begun(facts) or row.started_at)
            kept.append(Kept(row.id, row.pbx, row.state, row.path or "", seq, key, size, digest))
    return kept


def _begun(facts: dict[str, Any]) -> datetime | None:
    try:
        return datetime.fromisoformat(facts["started_at"])
    except (KeyError, ValueError, TypeError):
        return None


def _fault(kept: Kept, seen: Seen | None) -> Deviation | None:
    place = f"sealed/{kept.path}" if kept.waits else kept.key
    whole = f"{place}: {kept.size} bytes, SHA-256 {kept.sha256}"
    if seen is None:
        kind, found = "file_missing", "no file"
    elif seen.fault:
        kind, found = "file_unreadable", seen.fault
    elif seen.size != kept.size:
        kind, found = "file_size", f"{seen.size} bytes"
    elif seen.sha256 not in (None, kept.sha256):
        kind, found = "file_differs", f"SHA-256 {seen.sha256}"
    else:
        return None
    return Deviation(kind, whole, found, kept.pbx, kept.seq, str(kept.recording))
