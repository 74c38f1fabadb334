"""Follows one file that Asterisk appends to, over rotations, truncation and our own absence.

Theory of operation. A place in a journal is (inode, position, head): the head is the hash of the file's first bytes,
because a file system may give a deleted file's inode to the next one. `read` returns whole lines only; a last line
without newline waits. When the path names another inode than the one we read, the old file is drained first (its
descriptor stays open), then its rotated successors by age, then the new file from 0. What cannot be reached any more
is a `Gap`: said, stored, never silent.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

CHUNK_BYTES = 1 << 20
LINE_LIMIT = 8 << 20
"""A line longer than this is not waited for: it is handed on as it is and rejected by the parser."""
HEAD_BYTES = 256
"""Enough to reach past the field names into the first record's time."""
DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class Place:
    """How far a source has been read."""

    inode: int
    position: int
    head: bytes


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole lines of one file, exactly as written; `after` is the place behind them."""

    source: str
    inode: int
    start: int
    data: bytes
    after: Place


@dataclass(frozen=True, slots=True)
class Gap:
    """Lines may be missing: the file we were reading is gone or was cut."""

    source: str
    reason: str


class Follower:
    """Reads one journal from a place on. `source` is `cel` or `queue_log`."""

    def __init__(self, source: str, path: Path, place: Place | None) -> None:
        self.source = source
        self.path = path
        self.gaps: list[Gap] = []
        self._place = place
        self._fd: int | None = None

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def read(self) -> Chunk | None:
        """The next whole lines, or None when there are none yet. Raises `OSError` when the disk does."""
        if self._fd is None and not self._open():
            return None
        chunk = self._read_lines()
        if chunk is None and (successor := self._successor()):
            chunk = self._read_lines()  # written between our look at the file and its rotation
            if chunk is None:
                self._switch_to(successor)
                return self.read()
        return chunk

    def _open(self) -> bool:
        target = self._resume_path()
        if target is None:
            return False
        try:
            fd = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        self._fd = fd
        self._place = self._place_in(fd)
        return True

    def _place_in(self, fd: int) -> Place:
        known, status = self._place, os.fstat(fd)
        if known is None or known.inode != status.st_ino:
            return Place(status.st_ino, 0, b"")
        if _was_cut(fd, known):
            self.gaps.append(Gap(self.source, f"{self.path.name} was cut or replaced at {known.position}"))
            return Place(status.st_ino, 0, b"")
        return known

    def _resume_path(self) -> Path | None:
        """The file that holds our place, else the current one; a place that is nowhere is a gap."""
        if self._place is None:
            return self.path if self.path.exists() else None
        family = self._family()
        if not family:
            return None  # the whole folder is out of reach, a mount that is late: our file may be there again
        for candidate in family:
            if _inode(candidate) == self._place.inode:
                return candidate
        self.gaps.append(Gap(self.source, f"the file read up to {self._place.position} is gone"))
        self._place = None
        return family[0]

    def _family(self) -> list[Path]:
        """The journal and its rotated predecessors (`cel.jsonl.1`, `cel.jsonl-20261122`), oldest first.

        The journal itself is the newest even when it is older: Asterisk may still write to the one rotated last.
        """
        try:
            names = [p for p in self.path.parent.iterdir() if p.name.startswith(self.path.name)]
            return sorted((p for p in names if p.is_file() and p.suffix not in {".gz", ".xz"}), key=self._order)
        except FileNotFoundError:
            return []

    def _order(self, path: Path) -> tuple[bool, tuple[float, int]]:
        return path == self.path, _age(path)

    def _read_lines(self) -> Chunk | None:
        assert self._fd is not None and self._place is not None
        place, want = self._place, CHUNK_BYTES
        data = os.pread(self._fd, want, place.position)
        while data and b"\n" not in data and len(data) == want and want < LINE_LIMIT:
            want *= 2
            data = os.pread(self._fd, want, place.position)
        if _was_cut(self._fd, place):
            self._cut()
            return self._read_lines()
        end = data.rfind(b"\n") + 1 or (len(data) if len(data) >= LINE_LIMIT else 0)
        if not end:
            return None
        self._place = _place_after(self._fd, place, end)
        return Chunk(self.source, place.inode, place.position, data[:end], self._place)

    def _cut(self) -> None:
        assert self._place is not None
        self.gaps.append(Gap(self.source, f"{self.path.name} was cut at {self._place.position}"))
        self._place = Place(self._place.inode, 0, b"")

    def _successor(self) -> Path | None:
        """The file that follows a rotated one; None while ours is the current one.

        An empty one does not follow yet: rotation may have made it while Asterisk still holds ours open.
        """
        assert self._fd is not None and self._place is not None
        current = _inode(self.path)
        if current in {-1, self._place.inode}:
            return None
        family = self._family()
        inodes = [_inode(p) for p in family]
        if self._place.inode in inodes:
            later = family[inodes.index(self._place.inode) + 1 :]
        else:  # deleted while we read it: what was written since then is later
            later = [p for p in family if _age(p)[0] > os.fstat(self._fd).st_mtime]
        return next((p for p in (*later, self.path) if _size(p)), None)

    def _switch_to(self, path: Path) -> None:
        self._partial_is_lost()
        self.close()
        self._place = Place(_inode(path), 0, b"")

    def _partial_is_lost(self) -> None:
        assert self._fd is not None and self._place is not None
        if os.fstat(self._fd).st_size > self._place.position:
            self.gaps.append(Gap(self.source, f"a rotated file ends in a torn line at {self._place.position}"))


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return -1


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _age(path: Path) -> tuple[float, int]:
    try:
        return path.stat().st_mtime, len(path.name)
    except FileNotFoundError:
        return 0.0, 0


def _place_after(fd: int, place: Place, size: int) -> Place:
    position = place.position + size
    known = place.head if place.position >= HEAD_BYTES else b""
    return Place(place.inode, position, known or _head(fd, min(position, HEAD_BYTES)))


def _was_cut(fd: int, place: Place) -> bool:
    """Shorter than where we stand, or as long or longer again but with another beginning."""
    return os.fstat(fd).st_size < place.position or not _same_file(place.head, fd)


def _head(fd: int, length: int) -> bytes:
    """The file's first bytes, hashed (they hold personal data); how many they are stands behind when they are few."""
    digest = hashlib.blake2b(os.pread(fd, length, 0), digest_size=DIGEST_BYTES).digest()
    return digest if length == HEAD_BYTES else digest + length.to_bytes(2, "big")


def _same_file(head: bytes, fd: int) -> bool:
    length = int.from_bytes(head[DIGEST_BYTES:], "big") or HEAD_BYTES
    return not head or head == _head(fd, length)
