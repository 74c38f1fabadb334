"""What is done to a real recording, by the name of its kind (`kinds.KINDS`)."""

import os
import random
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from uuid import UUID

from callcenter.recordings.archiving import store_key
from callcenter.recordings.wav import HEADER_BYTES, RATE
from tests.faulty.site import FaultSite, Line

Inject = Callable[[FaultSite, Sequence[Line], random.Random], Awaitable[None]]
Path2 = tuple[Path, Path]


async def stop(site: FaultSite, lines: Sequence[Line], dice: random.Random) -> None:
    await site.stop_recording(lines[0])


async def remove_legs(site: FaultSite, lines: Sequence[Line], dice: random.Random) -> None:
    for path in site.legs(lines[0].name):
        path.unlink()


async def remove_a_leg(site: FaultSite, lines: Sequence[Line], dice: random.Random) -> None:
    dice.choice(site.legs(lines[0].name)).unlink()


async def truncate(site: FaultSite, lines: Sequence[Line], dice: random.Random) -> None:
    """One leg or both."""
    for path in dice.sample(site.legs(lines[0].name), dice.choice((1, 2))):
        os.truncate(path, dice.randrange(HEADER_BYTES, path.stat().st_size - RATE // 10))


async def damage_header(site: FaultSite, lines: Sequence[Line], dice: random.Random) -> None:
    path, at = dice.choice(site.legs(lines[0].name)), dice.choice((0, 8, 22, 24, 34, 40, 41))
    _write(path, at, bytes(b ^ dice.randrange(1, 256) for b in _read(path, at, 1)))


async def make_garbage(site: FaultSite, lines: Sequence[Line], dice: random.Random) -> None:
    dice.choice(site.legs(lines[0].name)).write_bytes(b"\0" + dice.randbytes(dice.randrange(HEADER_BYTES, 100_000)))


def zero(*sides: int) -> Inject:
    async def inject(site: FaultSite, lines: Sequence[Line], dice: random.Random) -> None:
        for path in (site.legs(lines[0].name)[side] for side in sides):
            _write(path, HEADER_BYTES, bytes(path.stat().st_size - HEADER_BYTES))

    return inject


async def overdub(site: FaultSite, lines: Sequence[Line], dice: random.Random) -> None:
    """Half a second to two of one leg is something that was said elsewhere; nothing of it can be heard as a fault."""
    path = dice.choice(site.legs(lines[0].name))
    length, size = dice.randrange(RATE, 4 * RATE, 2), path.stat().st_size
    piece = _read(path, HEADER_BYTES + 2 * dice.randrange((size - HEADER_BYTES - length) // 2), length)
    _write(path, HEADER_BYTES + 2 * dice.randrange((size - HEADER_BYTES - length) // 2), piece)


async def swap(site: FaultSite, lines: Sequence[Line], dice: random.Random) -> None:
    """Moved, or the content alone."""
    moved = dice.random() < 0.5
    for pair in zip(*(site.legs(line.name) for line in lines), strict=True):
        (_exchange if moved else _exchange_content)(pair)


def _exchange(pair: Path2) -> None:
    one, other = pair
    aside = one.with_suffix(".aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def _exchange_content(pair: Path2) -> None:
    first, second = (path.read_bytes() for path in pair)
    pair[0].write_bytes(second)
    pair[1].write_bytes(first)


async def _sealed(site: FaultSite, line: Line) -> Path:
    return site.sealed / await site.database.fetchval("SELECT path FROM recordings WHERE name = $1", line.name)


async def _archived(site: FaultSite, line: Line) -> Path:
    row = await site.database.fetchrow("SELECT id, started_at FROM recordings WHERE name = $1", line.name)
    return site.recordings / store_key(row["id"], row["started_at"])


Where = Callable[[FaultSite, Line], Awaitable[Path]]


def flip(where: Where) -> Inject:
    async def inject(site: FaultSite, lines: Sequence[Line], dice: random.Random) -> None:
        path = await where(site, lines[0])
        at = dice.randrange(path.stat().st_size)
        _write(path, at, bytes([_read(path, at, 1)[0] ^ 1 << dice.randrange(8)]))

    return inject


def cut(where: Where) -> Inject:
    async def inject(site: FaultSite, lines: Sequence[Line], dice: random.Random) -> None:
        path = await where(site, lines[0])
        os.truncate(path, dice.randrange(path.stat().st_size))

    return inject


def remove(where: Where) -> Inject:
    async def inject(site: FaultSite, lines: Sequence[Line], dice: random.Random) -> None:
        (await where(site, lines[0])).unlink()

    return inject


async def swap_archived(site: FaultSite, lines: Sequence[Line], dice: random.Random) -> None:
    one, other = [await _archived(site, line) for line in lines]
    _exchange((one, other))


async def _id(site: FaultSite, line: Line) -> UUID:
    found: UUID = await site.database.fetchval("SELECT id FROM recordings WHERE name = $1", line.name)
    return found


async def delete_row(site: FaultSite, lines: Sequence[Line], dice: random.Random) -> None:
    await site.database.execute("DELETE FROM recordings WHERE name = $1", lines[0].name)


async def alter_hash(site: FaultSite, lines: Sequence[Line], dice: random.Random) -> None:
    column, value = dice.choice(("sha256", "sealed_sha256")), dice.randbytes(32).hex()
    await site.database.execute(
        f"UPDATE recordings SET {column} = $2 WHERE name = $1", lines[0].name, value  # noqa: S608
    )  # fmt: skip


async def delete_key(site: FaultSite, lines: Sequence[Line], dice: random.Random) -> None:
    await site.database.execute("DELETE FROM recording_keys WHERE recording_id = $1", await _id(site, lines[0]))


async def delete_entry(site: FaultSite, lines: Sequence[Line], dice: random.Random) -> None:
    """By who may drop the trigger that keeps the chain append-only."""
    kind, recording = dice.choice(("sealed", "archived")), await _id(site, lines[0])
    async with site.database.acquire() as connection, connection.transaction():
        await connection.execute("ALTER TABLE recording_chain DISABLE TRIGGER append_only")
        done = await connection.execute(
            "DELETE FROM recording_chain WHERE recording_id = $1 AND kind = $2", recording, kind
        )
        assert done == "DELETE 1", (recording, kind, done)


def _read(path: Path, at: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(at)
        return file.read(length)


def _write(path: Path, at: int, content: bytes) -> None:
    """In place: size, name and inode stay."""
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


DONE: dict[str, Inject] = {
    "recording stopped at once": stop,
    "recording stopped in mid-call": stop,
    "a leg removed in mid-call": remove_a_leg,
    "both legs removed in mid-call": remove_legs,
    "both legs removed": remove_legs,
    "a leg removed": remove_a_leg,
    "truncated": truncate,
    "header damaged": damage_header,
    "garbage": make_garbage,
    "caller's side zeroed": zero(0),
    "agent's side zeroed": zero(1),
    "both sides zeroed": zero(0, 1),
    "a stretch overdubbed": overdub,
    "swapped with another call's": swap,
    "sealed file altered": flip(_sealed),
    "sealed file truncated": cut(_sealed),
    "sealed file removed": remove(_sealed),
    "archived file altered": flip(_archived),
    "archived file truncated": cut(_archived),
    "archived file removed": remove(_archived),
    "archived files swapped": swap_archived,
    "row deleted": delete_row,
    "hash in the row altered": alter_hash,
    "key deleted": delete_key,
    "entry of the chain deleted": delete_entry,
}
