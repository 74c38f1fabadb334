"""A journal of our own on local disk, laid out as Asterisk's: two files that only grow, renamed when they are large.

Theory of operation. `add` keeps lines in memory, `flush` writes what is kept and may fail: what was not written stays
and is written by a later flush, from the very byte on, so a reader never sees a line torn by a full disk. A file's last
line that was torn by a power cut is ended, and rejected by the parser. Data reaches the disk itself (`fdatasync`) once
a second: a killed process loses nothing that was flushed, a power cut a second. When the files together are larger than
the limit, the oldest go, read or not; the reader says so when it misses one (`follower.Gap`). One process at a time:
another one waits for the lock.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from callcenter.journal.from_ami import Line

FILE_BYTES = 64 << 20
SYNC_SECONDS = 1.0
CLOSE_SECONDS = 2.0
CEL_SHARE, QUEUE_LOG_SHARE = 0.9, 0.1
"""How the disk space is divided; a call writes twelve times as much CEL as queue_log."""


class JournalFile:
    """One growing file with its renamed predecessors (`cel.jsonl.00000007`), together at most `limit` bytes and one
    file's worth."""

    def __init__(self, path: Path, limit: int, file_bytes: int) -> None:
        self.path, self._limit, self._file_bytes = path, limit, min(file_bytes, max(limit // 4, 1))
        self._pending = bytearray()
        self._fd: int | None = None
        self._dirty = False
        self._fresh = True
        """Not opened by this process yet: the last line may have been torn by a power cut"""

    @property
    def pending(self) -> int:
        """Bytes not written yet."""
        return len(self._pending)

    def add(self, data: bytes) -> None:
        self._pending += data

    def flush(self) -> None:
        """Write everything pending. Raises `OSError`; what was written until then is not written again."""
        if self._fd is None or self._was_replaced():
            self._open()
        assert self._fd is not None
        while self._pending:
            written = os.write(self._fd, self._pending)
            self._dirty = True
            del self._pending[:written]
        if os.fstat(self._fd).st_size >= self._file_bytes:
            self._rotate()

    def sync(self) -> None:
        """To the disk itself."""
        if self._dirty and self._fd is not None:
            os.fdatasync(self._fd)
            self._dirty = False

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _open(self) -> None:
        self.close()
        self._fd = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        size = os.fstat(self._fd).st_size
        if self._fresh and size and os.pread(self._fd, 1, size - 1) != b"\n":
            self._pending[:0] = b"\n"
        self._fresh = False

    def _was_replaced(self) -> bool:
        """Somebody renamed or removed the file: what we write would be read by nobody."""
        assert self._fd is not None
        try:
            return os.stat(self.path).st_ino != os.fstat(self._fd).st_ino
        except FileNotFoundError:
            return True

    def _rotate(self) -> None:
        self.sync()
        self.close()
        older = self._older()
        number = int(older[-1].suffix[1:]) + 1 if older else 1
        self.path.rename(self.path.with_name(f"{self.path.name}.{number:08d}"))
        self._open()
        self._prune()

    def _older(self) -> list[Path]:
        """Renamed predecessors, oldest first."""
        found = self.path.parent.glob(f"{self.path.name}.*")
        return sorted((p for p in found if p.suffix[1:].isdigit()), key=lambda p: int(p.suffix[1:]))

    def _prune(self) -> None:
        older = self._older()
        total = sum(path.stat().st_size for path in older)
        while older and total > self._limit:
            oldest = older.pop(0)
            total -= oldest.stat().st_size
            oldest.unlink()


class Spool:
    """Both journals in one folder. Its calls block: use it from a thread. `seen_at` outlives the process."""

    def __init__(self, folder: Path, limit: int, file_bytes: int = FILE_BYTES) -> None:
        self.folder = folder
        self._files = {
            "cel": JournalFile(folder / "cel.jsonl", int(limit * CEL_SHARE), file_bytes),
            "queue_log": JournalFile(folder / "queue_log", int(limit * QUEUE_LOG_SHARE), file_bytes),
        }
        self._lock: int | None = None
        self._synced_at = 0.0
        self._writing = threading.Lock()

    @property
    def pending(self) -> int:
        """Bytes in memory that are not in the files yet."""
        return sum(file.pending for file in self._files.values())

    def open(self) -> bool:
        """Take the folder for this process; False while another one has it. Raises `OSError`."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._lock is None:
            lock = os.open(self.folder / "seen", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                return False
            self._lock = lock
        return True

    def add(self, lines: Iterable[Line]) -> None:
        for line in lines:
            self._files[line.source].add(line.data)

    def flush(self, seen: tuple[float, str] | None = None) -> None:
        """Write what is pending, queue_log first as it is read first; then remember `seen`. Raises `OSError`."""
        with self._writing:
            for name in ("queue_log", "cel"):
                self._files[name].flush()
            if time.monotonic() - self._synced_at >= SYNC_SECONDS:
                self._synced_at = time.monotonic()
                for file in self._files.values():
                    file.sync()
            if seen is not None:
                self.mark_seen(*seen)

    def close(self) -> None:
        """Let go of the folder, after a write that is under way; one that hangs is left to the end of the process."""
        if not self._writing.acquire(timeout=CLOSE_SECONDS):
            return
        try:
            for file in self._files.values():
                file.close()
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None
        finally:
            self._writing.release()

    def mark_seen(self, moment: float, boot: str) -> None:
        """Remember that Asterisk was seen at this moment (Unix seconds, its own clock), in this life of it."""
        assert self._lock is not None, "open it first"
        text = f"{moment:.6f} {boot}".encode()
        os.pwrite(self._lock, text.ljust(64), 0)

    def last_seen(self) -> tuple[float, str] | None:
        """What was last remembered; None when nothing was."""
        assert self._lock is not None, "open it first"
        moment, _, boot = os.pread(self._lock, 64, 0).decode("ascii", "replace").strip().partition(" ")
        try:
            return float(moment), boot
        except ValueError:
            return None
