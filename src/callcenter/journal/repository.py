"""The raw facts and the place read up to, stored and read: every query on the journal's tables."""

import zlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.errors import CallcenterError
from callcenter.journal.facts import Reject
from callcenter.journal.follower import Chunk, Gap, Place
from callcenter.journal.tables import journal_chunks, journal_rejects, journal_sources, tracker_states

NOWHERE = (-1, -1)
"""Inode and position of a source that was never read."""

KEEP = text(
    "WITH needed AS ("
    " INSERT INTO tracker_states (pbx, low_water_chunk, last_chunk) VALUES (:pbx, :low, :id)"
    " ON CONFLICT (pbx) DO UPDATE SET low_water_chunk = excluded.low_water_chunk, last_chunk = excluded.last_chunk"
    " WHERE tracker_states.last_chunk < excluded.last_chunk"
    " RETURNING pbx"
    "), moved AS ("
    " INSERT INTO journal_sources (pbx, source, inode, position, head)"
    " SELECT pbx, :source, :inode, :end, CAST(:head AS bytea) FROM needed"
    " ON CONFLICT (pbx, source) DO UPDATE"
    " SET inode = excluded.inode, position = excluded.position, head = excluded.head, updated_at = now()"
    " WHERE (journal_sources.inode, journal_sources.position) = (:before_inode, :before_position)"
    " RETURNING source"
    "), kept AS ("
    ' INSERT INTO journal_chunks (id, pbx, source, inode, start, "end", lines, drained, data)'
    " SELECT :id, :pbx, :source, :inode, :start, :end, :lines, :drained, CAST(:data AS bytea) FROM moved"
    ") SELECT count(*) FROM moved"
)
"""One round trip: the place moves on from where the chunk was read, and only then the chunk is kept.

No chunk is kept behind a later one of the same PBX: another listener may have stored that of the other journal.
"""

NEXT_IDS = text("SELECT nextval(pg_get_serial_sequence('journal_chunks', 'id')) FROM generate_series(1, :n)")


class Displaced(CallcenterError):
    """Another listener stores the journal of {pbx}: {source} stands at {found}, not at {expected}"""

    code = "displaced"


@dataclass(frozen=True, slots=True)
class RawChunk:
    """A reading with the id it is stored under and its bytes as they are stored (zlib)."""

    id: int
    chunk: Chunk
    packed: bytes


StoredChunk = tuple[int, str, int, bool, bytes]
"""id, source, start, drained, bytes"""


async def take_ids(connection: AsyncConnection, count: int) -> list[int]:
    """Ids for chunks to come, rising."""
    return sorted((await connection.execute(NEXT_IDS, {"n": count})).scalars().all())


async def keep(
    connection: AsyncConnection,
    pbx: str,
    chunks: Sequence[RawChunk],
    before: dict[str, Place | None],
    low_water: int | None,
    *,
    drained: bool,
) -> bool:
    """Store chunks and move each source from where it was read; False when these very ones are stored already.

    Raises `Displaced` when another listener has moved a source.
    """
    last = len(chunks) - 1
    low = low_water or (chunks[-1].id + 1 if chunks else 0)
    moved = [
        await _keep_one(connection, pbx, raw, before[raw.chunk.source], low, drained and i == last)
        for i, raw in enumerate(chunks)
    ]
    if any(moved) and not all(moved):
        raise Displaced(pbx=pbx, source="one of two journals", found="moved", expected=before)
    return all(moved)


async def _keep_one(
    connection: AsyncConnection, pbx: str, raw: RawChunk, before: Place | None, low: int, drained: bool
) -> bool:
    chunk = raw.chunk
    inode, position = (before.inode, before.position) if before else NOWHERE
    row = {
        "id": raw.id, "pbx": pbx, "source": chunk.source, "inode": chunk.inode, "start": chunk.start,
        "end": chunk.after.position, "head": chunk.after.head, "lines": chunk.data.count(b"\n"), "drained": drained,
        "data": raw.packed, "low": low, "before_inode": inode, "before_position": position,
    }  # fmt: skip
    if (await connection.execute(KEEP, row)).scalar_one():
        return True
    found = (await stored_places(connection, pbx)).get(chunk.source)
    if found and (found.inode, found.position) == (chunk.after.inode, chunk.after.position):
        return False
    raise Displaced(pbx=pbx, source=chunk.source, found=found, expected=before)


async def keep_faults(
    connection: AsyncConnection, pbx: str, rejects: Iterable[tuple[str, Reject]], gaps: Iterable[Gap]
) -> None:
    """Lines that are no facts, and gaps (position -1)."""
    bad = [
        {"pbx": pbx, "source": source, "position": r.position, "line": r.line, "reason": r.reason}
        for source, r in rejects
    ]
    bad += [{"pbx": pbx, "source": g.source, "position": -1, "line": b"", "reason": g.reason} for g in gaps]
    if bad:
        await connection.execute(insert(journal_rejects), bad)


async def stored_places(connection: AsyncConnection, pbx: str) -> dict[str, Place]:
    """How far each source was read."""
    s = journal_sources.c
    rows = await connection.execute(select(s.source, s.inode, s.position, s.head).where(s.pbx == pbx))
    return {r.source: Place(r.inode, r.position, bytes(r.head)) for r in rows}


async def needed_chunks(connection: AsyncConnection, pbx: str) -> AsyncIterator[StoredChunk]:
    """What a new listener must read to know the running calls."""
    state = select(tracker_states.c.low_water_chunk).where(tracker_states.c.pbx == pbx)
    low = (await connection.execute(state)).scalar() or 0
    async for chunk in read_chunks(connection, pbx, low):
        yield chunk


async def read_chunks(connection: AsyncConnection, pbx: str, first: int = 0) -> AsyncIterator[StoredChunk]:
    """Raw chunks in the order they were stored. Streamed."""
    c = journal_chunks.c
    query = select(c.id, c.source, c.start, c.drained, c.data).where(c.pbx == pbx, c.id >= first).order_by(c.id)
    async for row in await connection.stream(query):
        yield _unpacked(row)


def _unpacked(row: Any) -> StoredChunk:
    return row.id, row.source, row.start, row.drained, zlib.decompress(row.data)
