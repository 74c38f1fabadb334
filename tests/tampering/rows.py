"""What can be done to rows of recordings, keys and peaks, in a transaction. Each returns what must be said of it."""

import random
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Table, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.recordings.model import State
from callcenter.recordings.tables import recording_keys, recording_peaks, recordings
from tests.tampering.site import Small

r = recordings.c
NOT_VOUCHED_FOR = {
    "attempts", "next_try_at", "updated_at", "ended_at", "begun_at", "talk_at", "talk_seconds",
}  # fmt: skip
"""Of work, and taken over from the call (`recordings.comparing`)"""
COLUMNS = [column.name for column in recordings.columns if column.name not in NOT_VOUCHED_FOR]
SAID = {"id": {"no_row", "no_entry"}, "call_id": {"other_call", "no_recording"}, "state": {"state"}}
SWAPPED = ("path", "sha256", "sealed_sha256", "name", "call_id", "started_at", "heard", "life")


async def _any(connection: AsyncConnection, dice: random.Random, table: Table, number: int = 1) -> list[Any]:
    rows = (await connection.execute(select(table).order_by(next(iter(table.primary_key))))).all()
    return dice.sample(rows, number)


async def column(connection: AsyncConnection, dice: random.Random, site: Small) -> set[str]:
    (row,) = await _any(connection, dice, recordings)
    name = dice.choice(COLUMNS)
    value = _other(dice, name, getattr(row, name))
    await connection.execute(update(recordings).where(r.id == row.id).values({name: value}))
    return SAID.get(name, {"column"})


def _other(dice: random.Random, name: str, value: Any) -> Any:
    """Another value of the same type, or none where there was one."""
    if name in {"id", "call_id"}:
        return UUID(bytes=dice.randbytes(16))
    if name == "state":
        return dice.choice([state.value for state in State if state != value])
    if name in {"life", "heard", "flags"}:
        return _other_structure(dice, value)
    if value is not None and name not in {"pbx", "name", "started_at"} and dice.random() < 0.2:
        return None
    if name == "started_at":
        return value + timedelta(microseconds=dice.choice((-1, 1)) * dice.randrange(1, 10**12))
    if name in {"channels", "bytes", "sealed_bytes", "seconds"}:
        return (value or 0) + dice.choice((-1, 1, 1000))
    return dice.choice(((value or "") + "x", f"{dice.randbytes(32).hex()}"))


def _other_structure(dice: random.Random, value: Any) -> Any:
    if isinstance(value, dict):
        return {**value, dice.choice(list(value)): 0.12345}
    if value and isinstance(value[0], dict):
        changed = [dict(step) for step in value]
        step = dice.choice(changed)
        step[dice.choice(list(step))] += "x"
        others = (changed, changed[1:], changed[:-1], [*value, value[0]], value[::-1])
        return dice.choice([other for other in others if other != value])  # one step the other way round is the same
    return [*value, "unwatched"] if isinstance(value, list) else {"left": {}}


async def key(connection: AsyncConnection, dice: random.Random, site: Small) -> set[str]:
    (row,) = await _any(connection, dice, recording_keys)
    name = dice.choice(("recording_id", "site_key", "wrapped"))
    changed = {"recording_id": UUID(bytes=dice.randbytes(16)), "site_key": f"{row.site_key}0"}
    values = {name: changed.get(name, _flipped(dice, row.wrapped))}
    mine = recording_keys.c.recording_id == row.recording_id
    await connection.execute(update(recording_keys).where(mine).values(values))
    return {"key_missing"} if name == "recording_id" else {"key_differs"}


async def peaks(connection: AsyncConnection, dice: random.Random, site: Small) -> set[str]:
    (row,) = await _any(connection, dice, recording_peaks)
    moved = dice.random() < 0.3
    values = {"recording_id": UUID(bytes=dice.randbytes(16))} if moved else {"peaks": _flipped(dice, row.peaks)}
    mine = recording_peaks.c.recording_id == row.recording_id
    await connection.execute(update(recording_peaks).where(mine).values(values))
    return {"peaks_missing"} if moved else {"peaks_differ"}


def _flipped(dice: random.Random, value: bytes) -> bytes:
    changed = bytearray(value)
    changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


async def gone(connection: AsyncConnection, dice: random.Random, site: Small) -> set[str]:
    table, said = dice.choice(
        ((recordings, "no_row"), (recording_keys, "key_missing"), (recording_peaks, "peaks_missing"))
    )
    (row,) = await _any(connection, dice, table)
    await connection.execute(delete(table).where(next(iter(table.primary_key)) == row[0]))
    return {said}


async def invented(connection: AsyncConnection, dice: random.Random, site: Small) -> set[str]:
    (row,) = await _any(connection, dice, recordings)
    fresh = UUID(bytes=dice.randbytes(16))
    kind = dice.randrange(3)
    if kind == 0:
        await connection.execute(insert(recordings), {**row._mapping, "id": fresh})
        return {"no_entry"}
    if kind == 1:
        await connection.execute(insert(recording_keys), {"recording_id": fresh, "site_key": "a", "wrapped": b"b"})
    else:
        await connection.execute(insert(recording_peaks), {"recording_id": fresh, "peaks": b"b"})
    return {"stray"}


async def swapped(connection: AsyncConnection, dice: random.Random, site: Small) -> set[str]:
    """A column of two recordings, each with the other's value."""
    name = dice.choice(SWAPPED)
    while True:
        one, other = await _any(connection, dice, recordings, 2)
        if getattr(one, name) != getattr(other, name):
            break
    for row, values in ((one, other), (other, one)):
        await connection.execute(update(recordings).where(r.id == row.id).values({name: getattr(values, name)}))
    return SAID.get(name, {"column"})


async def keys_swapped(connection: AsyncConnection, dice: random.Random, site: Small) -> set[str]:
    table, name, said = dice.choice(
        ((recording_keys, "wrapped", "key_differs"), (recording_peaks, "peaks", "peaks_differ"))
    )
    one, other = await _any(connection, dice, table, 2)
    for row, values in ((one, other), (other, one)):
        mine = table.c.recording_id == row.recording_id
        await connection.execute(update(table).where(mine).values({name: getattr(values, name)}))
    return {said}


WAYS = (column, column, column, key, peaks, gone, invented, swapped, keys_swapped)
