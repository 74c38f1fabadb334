"""What can be done to the chain by whoever may drop its trigger, in a transaction; with and without the key."""

import random
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.recordings.chain import GENESIS, Signer
from callcenter.recordings.tables import recording_chain, recordings
from tests.tampering.site import PBX, Small

c = recording_chain.c
FREE = text("ALTER TABLE recording_chain DISABLE TRIGGER append_only")


async def _rows(connection: AsyncConnection) -> list[dict[str, Any]]:
    await connection.execute(FREE)
    return [dict(row) for row in (await connection.execute(select(recording_chain).order_by(c.seq))).mappings()]


async def _remade(connection: AsyncConnection, rows: Sequence[dict[str, Any]], signer: Signer, first: int = 0) -> None:
    """All hashes and signatures from rows[first] on, in the present order."""
    before, fresh = rows[first - 1]["hash"] if first else GENESIS, []
    for seq, row in enumerate(rows[first:], first + 1):
        link = signer.link(PBX, seq, before, orjson.loads(row["entry"]))
        before = link.hash
        fresh.append({**row, "seq": seq, "entry": link.entry, "hash": link.hash, "signature": link.signature})
    await connection.execute(delete(recording_chain).where(c.seq > first))
    if fresh:
        await connection.execute(insert(recording_chain), fresh)


async def altered(connection: AsyncConnection, dice: random.Random, site: Small) -> set[str]:
    rows = await _rows(connection)
    row, name = dice.choice(rows), dice.choice(("entry", "hash", "signature", "kind", "recording_id", "pbx"))
    said = {"hash": {"hash"}, "entry": {"hash"}, "signature": {"signature"}, "pbx": {"place"}}.get(name, {"place"})
    values: dict[str, Any] = {
        "entry": row["entry"].replace('"v":1', f'"v":{dice.randrange(2, 99)}'),
        "hash": dice.choice((dice.randbytes(32).hex(), "", "zz")),
        "signature": dice.choice((dice.randbytes(64).hex(), "", row["hash"])),
        "kind": "sealed" if row["kind"] != "sealed" else "absent",
        "recording_id": dice.choice((None, UUID(bytes=dice.randbytes(16)))),
        "pbx": "another",
    }
    await connection.execute(update(recording_chain).where(c.seq == row["seq"]).values({name: values[name]}))
    return said


async def removed(connection: AsyncConnection, dice: random.Random, site: Small) -> set[str]:
    rows = await _rows(connection)
    await connection.execute(delete(recording_chain).where(c.seq == dice.choice(rows[:-1])["seq"]))
    return {"gap"}


async def reordered(connection: AsyncConnection, dice: random.Random, site: Small) -> set[str]:
    rows = await _rows(connection)
    one, other = dice.sample(rows, 2)
    for seq, row in ((-1, one), (one["seq"], other), (other["seq"], {"seq": -1})):
        await connection.execute(update(recording_chain).where(c.seq == row["seq"]).values(seq=seq))
    return {"place"}


async def put_in(connection: AsyncConnection, dice: random.Random, site: Small) -> set[str]:
    """Beyond the end, or before the beginning."""
    rows = await _rows(connection)
    seq = dice.choice((0, len(rows) + 1, len(rows) + 7))
    await connection.execute(insert(recording_chain), {**dice.choice(rows), "seq": seq})
    return {"place"}


def _thief(site: Small, dice: random.Random) -> tuple[Signer, set[str]]:
    """With the site's key stolen only what was kept elsewhere tells."""
    if dice.random() < 0.5:
        return site.signer, {"head_differs", "head_removed"}
    return Signer(Ed25519PrivateKey.generate()), {"signature"}


async def remade(connection: AsyncConnection, dice: random.Random, site: Small) -> set[str]:
    """One recording's seal and its row say something else, and all hashes after it fit."""
    rows = await _rows(connection)
    at = dice.choice([n for n, row in enumerate(rows) if row["kind"] == "sealed"])
    facts = {**orjson.loads(rows[at]["entry"]), "media_type": "audio/aac"}
    rows[at]["entry"] = orjson.dumps(facts).decode()
    mine = recordings.c.id == rows[at]["recording_id"]
    await connection.execute(update(recordings).where(mine).values(media_type="audio/aac"))
    signer, said = _thief(site, dice)
    await _remade(connection, rows, signer, at)
    return said


async def left_out(connection: AsyncConnection, dice: random.Random, site: Small) -> set[str]:
    """One entry is gone, and all after it move up."""
    rows = await _rows(connection)
    del rows[dice.randrange(len(rows))]
    signer, said = _thief(site, dice)
    await _remade(connection, rows, signer)
    return said


async def cut(connection: AsyncConnection, dice: random.Random, site: Small) -> set[str]:
    rows = await _rows(connection)
    await connection.execute(delete(recording_chain).where(c.seq > dice.randrange(len(rows))))
    return {"head_removed"}


async def replaced(connection: AsyncConnection, dice: random.Random, site: Small) -> set[str]:
    """The same entries, told a little later."""
    rows = await _rows(connection)
    for row in rows:
        row["entry"] = orjson.dumps({**orjson.loads(row["entry"]), "v": 2}).decode()
    signer, said = _thief(site, dice)
    await _remade(connection, rows, signer)
    return said


WAYS = (altered, altered, removed, reordered, put_in, remade, left_out, cut, replaced)
