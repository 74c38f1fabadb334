"""Reads chain, kept heads and rows in batches and says what does not fit; nothing grows with their number.

All in one snapshot, so that what is recorded meanwhile is either seen whole or not at all. Files have their own pass
(`recordings.verifying_files`): they may take hours, for which no snapshot is kept.
"""

from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.recordings.chain import Head, is_signed
from callcenter.recordings.chain_walk import ChainWalk, facts_of
from callcenter.recordings.comparing import Told, compare
from callcenter.recordings.deviations import Deviation, Figures, Result, Unchecked
from callcenter.recordings.heads import read_heads
from callcenter.recordings.tables import recording_chain, recording_keys, recording_peaks, recordings

BATCH = 2000
HEADS_AT_ONCE = 500
NO_UUID = UUID(int=0)

c, r, k, p = recording_chain.c, recordings.c, recording_keys.c, recording_peaks.c
WITH_PROOFS = (
    select(
        recordings,
        k.site_key,
        func.encode(func.sha256(k.wrapped), "hex").label("wrapped_sha256"),
        func.encode(func.sha256(p.peaks), "hex").label("peaks_sha256"),
    )
    .outerjoin_from(recordings, recording_keys, k.recording_id == r.id)
    .outerjoin(recording_peaks, p.recording_id == r.id)
    .order_by(r.id)
    .limit(BATCH)
)


async def check_record(
    connection: AsyncConnection, public: Ed25519PublicKey, heads: Sequence[Path], figures: Figures, *, every: bool
) -> AsyncGenerator[Result, None]:
    """Chains, kept heads, rows, keys and peaks. `every`: each entry's signature, not each chain's last alone."""
    walk = ChainWalk(public, every=every)
    async for found in _chains(connection, walk, figures):
        yield found
    async for result in _heads(connection, public, heads, set(walk.began)):
        yield result
    async for found in _rows(connection, walk.began, figures):
        yield found
    async for found in _orphans(connection):
        yield found


async def _chains(connection: AsyncConnection, walk: ChainWalk, figures: Figures) -> AsyncGenerator[Deviation, None]:
    query = select(recording_chain).order_by(c.pbx, c.seq).limit(BATCH)
    rows: Sequence[Any] = (await connection.execute(query)).all()
    while rows:
        for row in rows:
            for found in walk.step(row):
                yield found
        figures.entries += len(rows)
        last = rows[-1]
        if len(rows) < BATCH:
            break
        rows = (await connection.execute(query.where(tuple_(c.pbx, c.seq) > (last.pbx, last.seq)))).all()
    for found in walk.finish():
        yield found


async def _heads(
    connection: AsyncConnection, public: Ed25519PublicKey, files: Sequence[Path], chains: set[str]
) -> AsyncGenerator[Result, None]:
    seen: set[str] = set()
    for file in files:
        lines = read_heads(file)
        try:
            while some := list(islice(lines, HEADS_AT_ONCE)):
                for bad in (each for each in some if isinstance(each, Deviation)):
                    yield bad
                heads = [each for each in some if isinstance(each, Head)]
                seen |= {head.pbx for head in heads}
                for found in await _of_heads(connection, public, heads):
                    yield found
        except OSError as error:
            yield Unchecked("heads", f"{file}: {error.strerror or error}")
    for pbx in sorted(chains - seen):
        yield Unchecked("heads", f"no head of {pbx} was kept: entries cut off at the end of its chain can't be seen")


async def _of_heads(
    connection: AsyncConnection, public: Ed25519PublicKey, heads: Sequence[Head]
) -> Sequence[Deviation]:
    asked = [(head.pbx, head.seq) for head in heads]
    rows = await connection.execute(select(c.pbx, c.seq, c.hash).where(tuple_(c.pbx, c.seq).in_(asked)))
    there = {(row.pbx, row.seq): row.hash for row in rows}
    found = []
    for head in heads:
        stands = there.get((head.pbx, head.seq))
        if not is_signed(public, head):
            kind, what = "head_signature", "another signature"
        elif stands is None:
            kind, what = "head_removed", "no such entry"
        else:
            kind, what = "head_differs", stands
        if what != head.hash:
            found.append(Deviation(kind, head.hash, what, head.pbx, head.seq))
    return found


async def _rows(
    connection: AsyncConnection, began: Mapping[str, datetime | None], figures: Figures
) -> AsyncGenerator[Deviation, None]:
    after = NO_UUID
    while True:
        rows = (await connection.execute(WITH_PROOFS.where(r.id > after))).all()
        upto = rows[-1].id if len(rows) == BATCH else None
        told = await _entries(connection, after, upto)
        by_id = {row.id: row for row in rows}
        figures.recordings += len(rows)
        for recording in (*by_id, *(told.keys() - by_id.keys())):
            row = by_id.get(recording)
            for found in compare(recording, row, told.get(recording, ()), began.get(row.pbx) if row else None):
                yield found
        if upto is None:
            return
        after = upto


async def _entries(connection: AsyncConnection, after: UUID, upto: UUID | None) -> dict[UUID, list[Told]]:
    """What the chain says of the recordings in (after, upto], in its order."""
    query = select(c.recording_id, c.pbx, c.seq, c.entry).where(c.recording_id > after)
    if upto is not None:
        query = query.where(c.recording_id <= upto)
    told: dict[UUID, list[Told]] = defaultdict(list)
    for row in await connection.execute(query.order_by(c.seq)):
        told[row.recording_id].append(Told(row.pbx, row.seq, facts_of(row.entry)))
    return told


async def _orphans(connection: AsyncConnection) -> AsyncGenerator[Deviation, None]:
    """Keys and peaks without a recording."""
    for name, table in (("key", recording_keys), ("peaks", recording_peaks)):
        column = table.c.recording_id
        alone = select(column).where(~select(r.id).where(r.id == column).exists())
        async with connection.stream(alone) as rows:
            async for (recording,) in rows:
                yield Deviation("stray", "a recording", f"a row of {name} alone", recording=str(recording))
