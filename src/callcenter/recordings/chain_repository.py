"""The chain as rows: entries are only ever added, in the transaction of what they tell of."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.recordings.chain import GENESIS, Head, Signer
from callcenter.recordings.tables import recording_chain

c = recording_chain.c


async def head_of(connection: AsyncConnection, pbx: str) -> Head | None:
    """Where the chain stands; None before its first entry."""
    last = select(c.pbx, c.seq, c.hash, c.signature).where(c.pbx == pbx).order_by(c.seq.desc()).limit(1)
    row = (await connection.execute(last)).first()
    return Head(*row) if row else None


async def extend(
    connection: AsyncConnection, pbx: str, signer: Signer, entries: Sequence[Mapping[str, Any]]
) -> Head | None:
    """Add entries (`kind`, `recording` and what else they tell) in their order; who else extends it waits meanwhile."""
    if not entries:
        return None
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"recording_chain/{pbx}"))))
    head = await head_of(connection, pbx)
    seq, before = (head.seq, head.hash) if head else (0, GENESIS)
    rows = []
    for facts in entries:
        seq += 1
        link = signer.link(pbx, seq, before, facts)
        before = link.hash
        row = {"pbx": pbx, "seq": seq, "kind": facts["kind"], "recording_id": facts.get("recording")}
        rows.append(row | {"entry": link.entry, "hash": link.hash, "signature": link.signature})
    await connection.execute(insert(recording_chain), rows)
    return Head(pbx, seq, before, rows[-1]["signature"])
