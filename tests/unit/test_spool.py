"""A journal of our own is read by the same follower: over rotation, a torn end, a full disk, a second process."""

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from callcenter.journal.follower import Follower
from callcenter.journal.from_ami import Line
from callcenter.journal.spool import Spool

MEGABYTE = 1 << 20


def numbered(first: int, last: int) -> list[Line]:
    return [Line("cel", f"{number:06d} {'x' * 90}\n".encode()) for number in range(first, last)]


def read_all(follower: Follower) -> list[bytes]:
    read = b""
    while chunk := follower.read():
        read += chunk.data
    return read.splitlines()


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """The kernel refuses to let any file grow beyond this, in the middle of a write if need be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path / "journal", MEGABYTE, file_bytes=20_000)
    assert spool.open()
    yield spool
    spool.close()


def test_follower_reads_over_rotations(spool: Spool) -> None:
    follower = Follower("cel", spool.folder / "cel.jsonl", None)
    read: list[bytes] = []
    for begin in range(0, 1000, 50):
        spool.add(numbered(begin, begin + 50))
        spool.flush()
        if begin % 150 == 0:
            read += read_all(follower)
    read += read_all(follower)
    follower.close()
    assert [int(line[:6]) for line in read] == list(range(1000))
    assert follower.gaps == []
    assert len(list(spool.folder.glob("cel.jsonl.*"))) == 4


def test_disk_space_is_bounded_and_the_reader_is_told(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 200_000, file_bytes=20_000)
    assert spool.open()
    follower = Follower("cel", tmp_path / "cel.jsonl", None)
    spool.add(numbered(0, 10))
    spool.flush()
    assert len(read_all(follower)) == 10
    place = follower._place
    follower.close()
    for begin in range(10, 10_000, 100):
        spool.add(numbered(begin, begin + 100))
        spool.flush()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 230_000
    late = Follower("cel", tmp_path / "cel.jsonl", place)
    read = read_all(late)
    late.close()
    spool.close()
    assert int(read[-1][:6]) == 10_009
    assert len(late.gaps) == 1 and "980" in late.gaps[0].reason


def test_full_disk_tears_no_line_and_loses_none(spool: Spool) -> None:
    spool.add(numbered(0, 10))
    with no_file_above(500), pytest.raises(OSError):
        spool.flush()
    assert spool.pending == 480
    follower = Follower("cel", spool.folder / "cel.jsonl", None)
    assert [int(line[:6]) for line in read_all(follower)] == [0, 1, 2, 3, 4]
    spool.add(numbered(10, 12))
    spool.flush()
    assert [int(line[:6]) for line in read_all(follower)] == list(range(5, 12))
    follower.close()


def test_torn_end_costs_that_line_alone(tmp_path: Path) -> None:
    (tmp_path / "cel.jsonl").write_bytes(b"000000 whole\n000001 to")
    spool = Spool(tmp_path, MEGABYTE)
    assert spool.open()
    spool.add([Line("cel", b"000002 whole\n")])
    spool.flush()
    spool.close()
    assert (tmp_path / "cel.jsonl").read_bytes() == b"000000 whole\n000001 to\n000002 whole\n"


def test_file_that_somebody_moved_is_begun_anew(spool: Spool) -> None:
    spool.add(numbered(0, 1))
    spool.flush()
    (spool.folder / "cel.jsonl").rename(spool.folder / "elsewhere")
    spool.add(numbered(1, 2))
    spool.flush()
    assert (spool.folder / "cel.jsonl").read_bytes().startswith(b"000001")


def test_one_process_at_a_time(spool: Spool) -> None:
    other = Spool(spool.folder, MEGABYTE)
    assert not other.open()
    spool.close()
    assert other.open()
    other.close()


def test_last_sight_outlives_the_process(spool: Spool) -> None:
    assert spool.last_seen() is None
    spool.flush((1795628072.25, "2026-11-25 17:33:54"))
    spool.flush((1795628073.5, "2026-11-25 17:33:54"))
    spool.close()
    again = Spool(spool.folder, MEGABYTE)
    assert again.open()
    assert again.last_seen() == (1795628073.5, "2026-11-25 17:33:54")
    again.close()


def test_nobody_else_reads_it(spool: Spool) -> None:
    spool.add(numbered(0, 1))
    spool.flush()
    assert os.stat(spool.folder).st_mode & 0o777 == 0o700
    assert {p.stat().st_mode & 0o077 for p in spool.folder.iterdir()} == {0}
