"""The recordings' disk, mounted or not: /dev/shm is another disk than the tests' folder; a link says which is there."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from callcenter.recordings.own_disk import OwnDisk
from callcenter.recordings.spool_probe import probe


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir="/dev/shm"))
    assert folder.stat().st_dev != tmp_path.stat().st_dev
    yield folder
    shutil.rmtree(folder)


def lies_on(folder: Path, place: Path) -> None:
    folder.unlink(missing_ok=True)
    folder.symlink_to(place)


def test_a_disk_that_is_not_mounted(tmp_path: Path, other_disk: Path) -> None:
    folder, below = tmp_path / "recordings", tmp_path / "below"
    below.mkdir()
    lies_on(folder, other_disk)
    disk = OwnDisk(folder)
    disk.must_be_there()
    disk.remember()
    lies_on(folder, below)
    with pytest.raises(OSError, match="not mounted"):
        OwnDisk(folder).must_be_there()
    disk.remember()
    with pytest.raises(OSError, match="not mounted"):
        disk.must_be_there()
    _, why = probe(folder, None, disk)
    assert why is not None and "not mounted" in why and str(tmp_path / ".recordings-disk") in why
    lies_on(folder, other_disk)
    disk.must_be_there()
    assert probe(folder, None, disk)[1] is None


def test_no_disk_of_its_own(tmp_path: Path) -> None:
    """Whoever has one disk for all may lose the folder and make a new one."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    disk = OwnDisk(folder)
    disk.remember()
    folder.rmdir()
    disk.must_be_there()
    folder.mkdir()
    disk.must_be_there()


def test_the_note_is_all_that_says_so(tmp_path: Path, other_disk: Path) -> None:
    """An administrator who gives the disk up removes it."""
    folder = tmp_path / "recordings"
    lies_on(folder, other_disk)
    OwnDisk(folder).remember()
    folder.unlink()
    with pytest.raises(FileNotFoundError):
        OwnDisk(folder).must_be_there()
    folder.mkdir()
    (tmp_path / ".recordings-disk").unlink()
    OwnDisk(folder).must_be_there()
