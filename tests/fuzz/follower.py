"""The journal's follower against a disk on which everything happens: lines appended, torn and completed, files rotated
once or often, cut, copied and cut, replaced, deleted, out of reach for a while, and our own restarts in between.

The model knows every line that was written and where it is. The law: what could still be read is delivered whole, once
and in order; a line that was not delivered, was delivered twice or out of order has a gap that was told.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from callcenter.journal import follower as follower_module
from callcenter.journal.follower import Follower, Place
from tests.fuzz.captured import journal_files
from tests.fuzz.choices import Choices

MAX_BYTES = 250
CHUNK_BYTES = 512
LINE_LIMIT = 2048
"""Small, so that few bytes reach every branch"""
READS_AT_MOST = 2000
LENGTHS = (40, 20, 300, 90, 700, 1500)
"""Bytes of a line; heads are 256 bytes, so short files have none and long ones do"""
ROTATED = 4
"""Names `cel.jsonl.1` to `.4`, as logrotate gives them; a fifth rotation deletes the oldest"""


@dataclass
class Disk:
    """Asterisk's end: it writes lines with numbers, opening the file for each, or holding it open over a rotation."""

    path: Path
    follower: Follower
    written: list[bytes] = field(default_factory=list)
    torn: bytes = b""
    """The rest of a line whose beginning has been written"""
    torn_in: int = -1
    """The inode of that file"""
    delivered: list[bytes] = field(default_factory=list)
    gaps: int = 0
    wrecked: bool = False
    """Something happened that may cost lines: then gaps are told, and lines may come twice"""
    place: Place | None = None
    held: int | None = None
    clock: int = 1_000_000_000
    vanished: set[bytes] = field(default_factory=set)
    """Lines that were gone before anybody could know of the file they stood in, or stand in a copy alone"""

    def write(self, data: bytes) -> int:
        """Append to the file that is held open, else to the one of that name, with a time of its own; its inode."""
        self.clock += 1
        fd = self.held if self.held is not None else os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(fd, data)
        os.utime(fd, (self.clock, self.clock))
        status = os.fstat(fd)
        if status.st_nlink == 0 and not self.is_known(status.st_ino):
            self.vanished.update(self.written[-1:])
        if fd != self.held:
            os.close(fd)
        return status.st_ino

    def is_known(self, inode: int) -> bool:
        """Whether our stored place is in this very file, so that a later start can tell what became of it."""
        return self.place is not None and self.place.inode == inode

    def lose(self, path: Path) -> None:
        """This file is about to be no more."""
        if path.exists():
            self.wreck(path.stat().st_ino, cut=False)
            if not self.is_known(path.stat().st_ino):
                self.vanish(path.read_bytes())

    def vanish(self, content: bytes) -> None:
        whole, _, begun = content.rpartition(b"\n")
        self.vanished.update(line + b"\n" for line in whole.split(b"\n"))
        self.vanished.update(line for line in self.written if begun and line.startswith(begun))

    def wreck(self, inode: int, *, cut: bool) -> None:
        """From here on lines may be lost; so is one half written in this file, unless its writer still holds it."""
        self.wrecked = True
        if self.torn and self.torn_in == inode and (cut or self.held is None):
            self.vanished.update(self.written[-1:])
            self.torn = b""

    def cut(self) -> None:
        self.wreck(self.path.stat().st_ino, cut=True)
        self.vanish(self.path.read_bytes())
        os.truncate(self.path, 0)
        self.stamp(self.path)

    def stamp(self, path: Path) -> None:
        """Its time is now, on the disk's own clock: in reality, moves are not microseconds apart."""
        self.clock += 1
        os.utime(path, (self.clock, self.clock))

    def append(self, length: int) -> None:
        self.finish()
        line = b"%06d" % len(self.written)
        line = line.ljust(length, b".") + b"\n"
        self.written.append(line)
        self.write(line)

    def tear(self, length: int, at: int) -> None:
        self.finish()
        line = (b"%06d" % len(self.written)).ljust(length, b".") + b"\n"
        self.written.append(line)
        self.torn = line[at:]
        self.torn_in = self.write(line[:at])

    def finish(self) -> None:
        rest, self.torn = self.torn, b""
        if rest:
            self.write(rest)

    def hold(self) -> None:
        if self.held is None:
            new = not self.path.exists()
            self.held = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

            if new:
                self.stamp(self.path)

    def release(self) -> None:
        if self.held is not None:
            os.close(self.held)
        self.held = None

    def numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def rotate(self) -> None:
        """As logrotate does; the oldest is deleted."""
        if not self.path.exists():
            return
        self.lose(self.numbered(ROTATED))
        self.numbered(ROTATED).unlink(missing_ok=True)
        for number in range(ROTATED - 1, 0, -1):
            if self.numbered(number).exists():
                self.numbered(number).rename(self.numbered(number + 1))
        self.path.rename(self.numbered(1))

    def read(self, most: int = READS_AT_MOST) -> None:
        """What the ingest does: chunks are taken, places kept; a fault of the disk is waited out."""
        for _ in range(most):
            try:
                chunk = self.follower.read()
            except OSError:
                return
            if chunk is None:
                return
            assert chunk.start + len(chunk.data) == chunk.after.position
            self.delivered += chunk.data.splitlines(keepends=True)
            self.place = chunk.after
        assert most < READS_AT_MOST, "it reads for ever"

    def restart(self) -> None:
        """We were killed: the new follower knows the place that was stored."""
        self.gaps += len(self.follower.gaps)
        self.follower.close()
        self.follower = Follower("cel", self.path, self.place)

    def told(self) -> int:
        return self.gaps + len(self.follower.gaps)


def _append(disk: Disk, choices: Choices) -> None:
    for _ in range(1 + choices.number(8)):
        disk.append(choices.pick(LENGTHS))


def _tear(disk: Disk, choices: Choices) -> None:
    length = choices.pick(LENGTHS)
    disk.tear(length, 1 + choices.number(length))


def _finish(disk: Disk, choices: Choices) -> None:
    disk.finish()


def _read(disk: Disk, choices: Choices) -> None:
    disk.read(1 + choices.number(16))


def _restart(disk: Disk, choices: Choices) -> None:
    disk.restart()


def _rotate(disk: Disk, choices: Choices) -> None:
    """A rotation between the halves of a line: its end stands alone in the next file, unless the writer holds on."""
    if disk.torn and disk.held is None:
        disk.wrecked = True
    disk.rotate()


def _hold(disk: Disk, choices: Choices) -> None:
    disk.hold()


def _release(disk: Disk, choices: Choices) -> None:
    disk.finish()
    disk.release()


def _create(disk: Disk, choices: Choices) -> None:
    """logrotate's `create`: an empty new file, though the writer may still hold the old one."""
    if disk.held is not None and not disk.path.exists():
        disk.path.touch()
        disk.stamp(disk.path)


def _cut(disk: Disk, choices: Choices) -> None:
    if disk.path.exists():
        disk.cut()


def _copy_and_cut(disk: Disk, choices: Choices) -> None:
    """`copytruncate`: the copy is a rotated file with another inode; what had not been read is lost, and said."""
    if disk.path.exists():
        disk.lose(disk.numbered(ROTATED))
        disk.numbered(ROTATED).unlink(missing_ok=True)
        shutil.copy2(disk.path, disk.numbered(ROTATED))
        disk.cut()


def _replace(disk: Disk, choices: Choices) -> None:
    disk.lose(disk.path)
    other = disk.path.with_name("other")
    other.write_bytes(b"")
    disk.stamp(other)
    other.replace(disk.path)


def _delete(disk: Disk, choices: Choices) -> None:
    files = [disk.path, *(disk.numbered(n) for n in range(1, ROTATED + 1))]
    file = choices.pick(files)
    disk.lose(file)
    file.unlink(missing_ok=True)


def _out_of_reach(disk: Disk, choices: Choices) -> None:
    """The folder is away while we look, or its name leads in a circle; then all is as before."""
    folder, away = disk.path.parent, disk.path.parent.with_name("away")
    folder.rename(away)
    if choices.number(2):
        folder.symlink_to(folder)
    disk.read(1 + choices.number(4))
    if choices.number(2):
        disk.restart()
        disk.read(1)
    folder.unlink(missing_ok=True)
    away.rename(folder)


Move = Callable[[Disk, Choices], None]
MOVES: tuple[Move, ...] = (
    _append, _read, _rotate, _restart, _tear, _finish, _hold, _release, _create, _out_of_reach, _cut, _copy_and_cut,
    _replace, _delete, _append, _read,
)  # fmt: skip
HARMLESS = 10
"""The first so many moves cost no line."""


def fuzz_one(data: bytes) -> None:
    follower_module.CHUNK_BYTES, before = CHUNK_BYTES, (follower_module.CHUNK_BYTES, follower_module.LINE_LIMIT)
    follower_module.LINE_LIMIT = LINE_LIMIT
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=_memory()) as top:
        folder = Path(top) / "log"
        folder.mkdir()
        path = folder / "cel.jsonl"
        disk = Disk(path, Follower("cel", path, None))
        try:
            _play(disk, Choices(data))
            _check(disk)
        finally:
            disk.follower.close()
            disk.release()
            follower_module.CHUNK_BYTES, follower_module.LINE_LIMIT = before


def _memory() -> str | None:
    """A disk in memory where there is one: thousands of files are made."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _play(disk: Disk, choices: Choices) -> None:
    """The first line is read before anything happens: from then on every line is ours to deliver."""
    harmless = choices.number(2) == 0
    disk.append(LENGTHS[0])
    disk.read()
    while choices:
        move = choices.pick(MOVES)
        if harmless and MOVES.index(move) >= HARMLESS:
            continue
        move(disk, choices)
    disk.finish()
    disk.release()
    disk.append(LENGTHS[0])
    disk.read()


def _check(disk: Disk) -> None:
    lines = [line for line in disk.delivered if line in set(disk.written)]
    if not disk.told():
        wanted = [line for line in disk.written if line not in disk.vanished or line in lines]
        assert (lines if disk.wrecked else disk.delivered) == wanted, (
            "no gap was told, so every line came once and in order"
        )
    if not disk.wrecked:
        assert not disk.told(), "a gap was told where nothing was lost"
    missing = [line for line in _reachable(disk) if line not in set(lines)]
    assert not missing, f"within reach and not delivered: {sorted(missing)[0][:6]!r}"


def _reachable(disk: Disk) -> Iterator[bytes]:
    """Whole lines that stand in the journal and its predecessors in the end."""
    written = set(disk.written) - disk.vanished
    for file in disk.path.parent.iterdir():
        if file.name.startswith(disk.path.name):
            yield from (line for line in file.read_bytes().splitlines(keepends=True) if line in written)


def seeds() -> Iterator[bytes]:
    """Each move after a beginning, alone and in pairs, between reads and restarts; lines as long as captured ones."""
    lengths = sorted({len(line) for files in journal_files().values() for line in files["cel"].splitlines()})
    for harmless in (0, 1):
        for first in range(len(MOVES)):
            yield bytes((harmless, 0, 3, 0, 1, 2, 3, first, 1, 0, 1, 9))
            for second in range(len(MOVES)):
                size = lengths[(first * second) % len(lengths)] % 256
                yield bytes(
                    (
                        harmless,
                        0,
                        2,
                        2,
                        4,
                        1,
                        1,
                        15,
                        first,
                        size,
                        1,
                        0,
                        1,
                        3,
                        second,
                        size,
                        2,
                        1,
                        1,
                        3,
                        3,
                        0,
                        2,
                        1,
                        1,
                        5,
                    )
                )
