"""Sealed recordings in a local folder.

Not by obstore's LocalStore: that one (0.12) makes nothing durable (no fsync of file or folder, seen with strace),
follows symbolic links out of the root, and leaves files readable by everybody.
"""

import asyncio
import errno
import os
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from callcenter.clock import from_epoch
from callcenter.errors import CallcenterError, RecordingMissing, StoreRefused, StoreUnavailable
from callcenter.recordings.anchored import everything, folder_below, open_plain
from callcenter.recordings.looking import Seen, look_below
from callcenter.recordings.store_interface import Store, Tally, checked_days, checked_key

PIECE_BYTES = 1024 * 1024
FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
CROOKED = {errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.EINVAL}
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class FolderStore(Store):
    """Below `root`, which must be there: a disk that is not mounted is not replaced by an empty folder."""

    def __init__(self, root: Path) -> None:
        super().__init__("local")
        self._root = root

    async def put(self, key: str, source: Path, sha256: str, size: int) -> None:
        await asyncio.to_thread(self._put, checked_key(key), source, sha256, size)

    async def read(self, key: str, start: int, length: int) -> bytes:
        return await asyncio.to_thread(self._read, checked_key(key), start, length)

    async def stream(self, key: str, start: int = 0) -> AsyncGenerator[bytes, None]:
        file = await asyncio.to_thread(self._open, checked_key(key))
        try:
            while piece := await asyncio.to_thread(self._piece, key, file, start, PIECE_BYTES):
                yield piece
                start += len(piece)
        finally:
            os.close(file)

    async def delete(self, key: str) -> None:
        await asyncio.to_thread(self._delete, checked_key(key))

    async def size(self, key: str) -> int | None:
        try:
            file = await asyncio.to_thread(self._open, checked_key(key))
        except RecordingMissing:
            return None
        try:
            return os.fstat(file).st_size
        finally:
            os.close(file)

    async def keys(self, prefix: str = "") -> AsyncGenerator[tuple[str, int], None]:
        folders = everything(self._root, [name for name in checked_days(prefix).split("/") if name])
        while found := await asyncio.to_thread(self._next, folders):
            for each in found:
                yield each

    async def look(self, keys: Sequence[str], *, whole: bool) -> list[Seen | None]:
        """All in one thread: for a small file, going there and back would take longer than reading it."""
        return await asyncio.to_thread(self._look_at, [checked_key(key) for key in keys], whole)

    async def modified(self, name: str) -> datetime | None:
        try:
            return from_epoch((self._root / name).lstat().st_mtime)
        except OSError:
            return None

    def _look_at(self, keys: Sequence[str], whole: bool) -> list[Seen | None]:
        """Neighbours of one day with their folder opened once."""
        found: list[Seen | None] = []
        for day, same in groupby(keys, key=lambda key: key.rpartition("/")[0]):
            files = [key.rpartition("/")[2] for key in same]
            try:
                with self._ours(day):
                    found += look_below(self._root, day.split("/"), files, whole=whole)
            except RecordingMissing:
                found += [None] * len(files)
            except StoreRefused as error:  # a link in its place: of this day alone
                found += [Seen(0, None, str(error.facts["why"]))] * len(files)
        return found

    def _put(self, key: str, source: Path, sha256: str, size: int) -> None:
        *names, name = key.split("/")
        part = f"{uuid4()}.part"  # a name like a recording's: what a power cut leaves is found and deleted like those
        with source.open("rb") as original, self._ours(key), folder_below(self._root, names, make=True) as folder:
            try:
                seen = _copied(original, folder, part)
                seen.require(sha256, size, self.name, source)
                os.replace(part, name, src_dir_fd=folder, dst_dir_fd=folder)
                os.fsync(folder)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(part, dir_fd=folder)

    def _open(self, key: str) -> int:
        *names, name = key.split("/")
        with self._ours(key), folder_below(self._root, names) as folder:
            return open_plain(folder, name)

    def _read(self, key: str, start: int, length: int) -> bytes:
        file = self._open(key)
        try:
            return self._piece(key, file, start, length)
        finally:
            os.close(file)

    def _piece(self, key: str, file: int, start: int, length: int) -> bytes:
        with self._ours(key):
            return os.pread(file, length, start)

    def _delete(self, key: str) -> None:
        *names, name = key.split("/")
        with suppress(RecordingMissing), self._ours(key), folder_below(self._root, names) as folder:
            os.unlink(name, dir_fd=folder)
            os.fsync(folder)

    def _next(self, folders: Iterator[list[tuple[str, int]]]) -> list[tuple[str, int]]:
        """What is in the next folder that holds anything; empty at the end."""
        with suppress(RecordingMissing), self._ours("below this day"):
            return next((found for found in folders if found), [])
        return []

    @contextmanager
    def _ours(self, key: str) -> Iterator[None]:
        """Errors of the system as errors of ours."""
        try:
            yield
        except OSError as error:
            raise _fault(error, key, self._root) from error


def _copied(original: BinaryIO, folder: int, part: str) -> Tally:
    """Write the file and make it durable, then let memory forget it: `verified` shall read the disk."""
    seen = Tally()
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
    with open(descriptor, "wb", buffering=0) as file:
        while piece := original.read(PIECE_BYTES):
            seen.add(piece)
            rest = memoryview(piece)
            while rest:
                rest = rest[file.write(rest) :]
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    return seen


def _fault(error: OSError, key: str, root: Path) -> CallcenterError:
    why = error.strerror or str(error)
    if not root.is_dir():
        return StoreRefused(part="local", why=f"there is no folder {root}", mend="mount it or create it")
    if error.errno == errno.ENOENT:
        return RecordingMissing(key=key, why="the store has no such file")
    if error.errno in FORBIDDEN:
        return StoreRefused(part="local", why=why, mend=f"let this account read and write below {root}")
    if error.errno in CROOKED:
        return StoreRefused(part="local", why=f"{key}: {why}", mend=f"see who put a link or a folder there, in {root}")
    if error.errno in FULL:
        return StoreUnavailable(part="local", why=why, mend=f"make room for {root}")
    return StoreUnavailable(part="local", why=why, mend=f"see that the disk of {root} is well")
