"""What every store of sealed recordings can do, and the check that comes before anything is deleted elsewhere."""

import asyncio
import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from uuid import UUID

from callcenter.clock import LOCAL_ZONE
from callcenter.errors import InvalidInput, RecordingMissing, StoreRefused
from callcenter.recordings.container import SUFFIX
from callcenter.recordings.looking import Seen

KEY = re.compile(r"[0-9]{4}/[0-9]{2}/[0-9]{2}/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[a-z0-9]{1,12}")
DAYS = re.compile(r"([0-9]{4}(/[0-9]{2}(/[0-9]{2})?)?)?")


def store_key(recording: UUID, started_at: datetime) -> str:
    """Where a recording lies in a store: by its day in Asia/Shanghai."""
    return f"{started_at.astimezone(LOCAL_ZONE):%Y/%m/%d}/{recording}{SUFFIX}"


class Store(ABC):
    """Sealed recordings by key `YYYY/MM/DD/<uuid>.<ext>`, in a folder or in a bucket.

    Every call raises `StoreUnavailable` when trying again later may help and `StoreRefused` when only a person can
    help. No call tries for long: who has to have it done calls again.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        """`local` or `s3://bucket/prefix`: for records and logs, never with credentials."""

    @abstractmethod
    async def put(self, key: str, source: Path, sha256: str, size: int) -> None:
        """Keep `source` (of `size` bytes) durably: whole or not at all; what was there is replaced.

        Raises `StoreRefused` also when `source` is not what `sha256` and `size` say, `OSError` when it can't be opened.
        """

    @abstractmethod
    async def read(self, key: str, start: int, length: int) -> bytes:
        """Bytes [start, start + length), fewer at the end of the file. Raises `RecordingMissing`."""

    @abstractmethod
    def stream(self, key: str, start: int = 0) -> AsyncGenerator[bytes, None]:
        """All bytes from `start` on, piece by piece. Raises `RecordingMissing`."""

    @abstractmethod
    async def delete(self, key: str) -> None:
        """Afterwards it is not there; no error when it was not there before."""

    @abstractmethod
    async def size(self, key: str) -> int | None:
        """In bytes; None when the store answers and has no such file."""

    @abstractmethod
    def keys(self, prefix: str = "") -> AsyncGenerator[tuple[str, int], None]:
        """Name and bytes of everything there, also of what is no recording; `prefix` is YYYY, YYYY/MM or YYYY/MM/DD."""

    async def modified(self, name: str) -> datetime | None:
        """When something that `keys` names was last written; None where that is not known."""
        return None

    async def look(self, keys: Sequence[str], *, whole: bool) -> list[Seen | None]:
        """Size of each file and, with `whole`, SHA-256 of what the store gives back; None for what is not there."""
        return [await self._look(key, whole) for key in keys]

    async def _look(self, key: str, whole: bool) -> Seen | None:
        if not whole:
            size = await self.size(key)
            return None if size is None else Seen(size, None)
        seen = Tally()
        try:
            async with aclosing(self.stream(key)) as pieces:
                async for piece in pieces:
                    await asyncio.to_thread(seen.add, piece)
        except RecordingMissing:
            return None
        return seen.result

    async def verified(self, key: str, sha256: str, size: int) -> bool:
        """Whether the store gives back exactly this file: reads all of it."""
        seen = Tally()
        try:
            async with aclosing(self.stream(key)) as pieces:
                async for piece in pieces:
                    await asyncio.to_thread(seen.add, piece)
        except RecordingMissing:
            return False
        return seen.matches(sha256, size)


class Tally:
    """SHA-256 and length of bytes that pass by."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._bytes = 0

    def add(self, piece: bytes) -> None:
        self._digest.update(piece)
        self._bytes += len(piece)

    @property
    def result(self) -> Seen:
        return Seen(self._bytes, self._digest.hexdigest())

    def matches(self, sha256: str, size: int) -> bool:
        return self._bytes == size and self._digest.hexdigest() == sha256.lower()

    def require(self, sha256: str, size: int, store: str, source: Path) -> None:
        """Raises `StoreRefused`: what would be kept is not what the record says."""
        if not self.matches(sha256, size):
            raise StoreRefused(
                part=store,
                why=f"{source.name} ({self._bytes} bytes) is not the file of {size} bytes that its record describes",
                mend="seal the recording again",
            )


def checked_key(key: str) -> str:
    """Raises `InvalidInput` for anything that is not the name of a recording: no key leaves the store."""
    if not KEY.fullmatch(key):
        raise InvalidInput(where="key", what=f"{key[:100]!r} names no recording", mend="use YYYY/MM/DD/<uuid>.<ext>")
    return key


def checked_days(prefix: str) -> str:
    """Raises `InvalidInput`; a slash at the end is dropped."""
    days = prefix.removesuffix("/")
    if not DAYS.fullmatch(days):
        raise InvalidInput(where="prefix", what=f"{prefix[:100]!r} is no day", mend="use YYYY, YYYY/MM or YYYY/MM/DD")
    return days
