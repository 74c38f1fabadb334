"""From a recording's row to its audio: found in the store or where it waits for it, opened with the site's key."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from uuid import UUID

from callcenter.errors import PartUnavailable, RecordingMissing, RecordingNotReady
from callcenter.recordings.container import STORED_CHUNK, Damaged, Part
from callcenter.recordings.encoding import SUFFIXES
from callcenter.recordings.model import PENDING, PLAYABLE, State
from callcenter.recordings.playbacks import Length
from callcenter.recordings.site_key import PrivateHalves
from callcenter.recordings.store_interface import Store, store_key

NOT_WHAT_WAS_SEALED = "its file is not what was sealed; callcenter recordings verify says more"


@dataclass(frozen=True, slots=True)
class Player:
    """What is needed to play: where files are, and the private halves of the site's key."""

    sealed: Path
    store: Store
    keys: PrivateHalves

    def open(self, row: dict[str, Any]) -> "Audio":
        """The audio of a row with its key. Raises `RecordingNotReady`, `RecordingMissing`, `PartUnavailable`."""
        if row["state"] in PENDING:
            raise RecordingNotReady(key=row["id"], why=row["reason"] or "it is being made")
        if row["state"] not in PLAYABLE or not row["path"]:
            raise RecordingMissing(key=row["id"], why=row["reason"] or f"it is {row['state']}")
        if row["wrapped"] is None:
            raise RecordingMissing(key=row["id"], why="its key is gone")
        try:
            key = self.keys.unwrap(row["wrapped"], row["site_key"], row["id"])
        except LookupError as error:
            mend = "put the private key into recording_private_keys"
            raise PartUnavailable(part="key of the recordings", why=str(error), mend=mend) from None
        return Audio(self, row, key)


class Audio:
    """One recording's audio, as it is played."""

    def __init__(self, player: Player, row: dict[str, Any], key: bytes) -> None:
        self._player, self._row, self._key = player, row, key
        self.id: UUID = row["id"]
        self.size: int = row["bytes"]
        self.media_type: str = row["media_type"]
        self.etag = f'"{row["sha256"]}"'

    def __repr__(self) -> str:
        return f"Audio({self.id})"

    @property
    def length(self) -> Length:
        return Length(self.media_type, self._row["seconds"] or 0.0, self.size)

    @property
    def file_name(self) -> str:
        return f"{self.id}{SUFFIXES[self.media_type]}"

    async def read(self, start: int, end: int) -> AsyncGenerator[bytes, None]:
        """The bytes [start, end). Raises `RecordingMissing` before the first piece, or in between."""
        async with aclosing(self._pieces(start, end)) as pieces:
            try:
                async for piece in pieces:
                    yield piece
            except Damaged:
                raise RecordingMissing(key=self.id, why=NOT_WHAT_WAS_SEALED) from None

    async def _pieces(self, start: int, end: int) -> AsyncGenerator[bytes, None]:
        part = Part(self.id, self._key, self._row["sealed_bytes"], start, end)
        async with self._found() as place, aclosing(_stored(place, part)) as chunks:
            if await place.size() != self._row["sealed_bytes"]:
                raise Damaged("it has another size")
            numbers = iter(part.numbers)
            async for chunk in chunks:
                yield part.open(next(numbers), chunk)

    @asynccontextmanager
    async def _found(self) -> AsyncIterator["_Place"]:
        """Where it is now. An open file stays readable when it is archived meanwhile, and removed."""
        row, store = self._row, self._player.store
        if row["state"] != State.SEALED:
            yield _InStore(store, row["path"])
            return
        try:
            file = await asyncio.to_thread((self._player.sealed / row["path"]).open, "rb")
        except FileNotFoundError:
            # Since its row was read the store got it; where it lies there needs no second look at the row.
            yield _InStore(store, store_key(row["id"], row["started_at"]))
            return
        except OSError as error:
            raise RecordingMissing(key=self.id, why=error.strerror or "it can't be read") from None
        with file:
            yield _InFile(file, self.id)


class _Place(Protocol):
    async def size(self) -> int | None: ...

    async def read(self, start: int, length: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class _InStore:
    store: Store
    key: str

    async def size(self) -> int | None:
        return await self.store.size(self.key)

    async def read(self, start: int, length: int) -> bytes:
        return await self.store.read(self.key, start, length)


@dataclass(frozen=True, slots=True)
class _InFile:
    file: BinaryIO
    recording: UUID

    async def size(self) -> int | None:
        return os.fstat(self.file.fileno()).st_size

    async def read(self, start: int, length: int) -> bytes:
        try:
            return await asyncio.to_thread(os.pread, self.file.fileno(), length, start)
        except OSError as error:
            raise RecordingMissing(key=self.recording, why=error.strerror or "it can't be read") from None


PIECE = 16 * STORED_CHUNK
"""Read at a time: a megabyte of audio, some minutes of Opus."""


async def _stored(place: _Place, part: Part) -> AsyncGenerator[bytes, None]:
    """The stored chunks of a part, one by one; the last may be shorter. Raises `Damaged`."""
    waiting, left = bytearray(), part.stored_end - part.stored_start
    for at in range(part.stored_start, part.stored_end, PIECE):
        waiting += await place.read(at, min(PIECE, part.stored_end - at))
        while len(waiting) >= STORED_CHUNK:
            yield bytes(waiting[:STORED_CHUNK])
            del waiting[:STORED_CHUNK]
            left -= STORED_CHUNK
    if len(waiting) != left:
        raise Damaged("it is cut")
    if left:
        yield bytes(waiting)


async def begun(pieces: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    """The same pieces, the first of them read already: what is wrong shows before an answer is begun."""
    first = await anext(pieces, b"")

    async def all_of() -> AsyncGenerator[bytes, None]:
        async with aclosing(pieces):
            yield first
            async for piece in pieces:
                yield piece

    return all_of()
