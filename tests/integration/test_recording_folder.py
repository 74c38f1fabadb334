"""What only a local folder can do: be full, read-only, not mounted, or hold links that lead out of it."""

import asyncio
import os
import resource
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.stores import MB, FolderPlace, a_key, sealed

from callcenter.errors import CallcenterError, StoreRefused, StoreUnavailable


@pytest.fixture
def place(tmp_path: Path) -> FolderPlace:
    root = tmp_path / "store"
    root.mkdir()
    return FolderPlace(root)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB of its own; skips where this account may not mount."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk]
    mounted = subprocess.run(command, check=False, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"can't mount here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if not path.is_dir()]


async def test_durable_before_its_name(place: FolderPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """fsync of the file, then its name, then fsync of the folder; and of every folder that was made."""
    done: list[str] = []
    sync, move = os.fsync, os.replace

    def note_sync(descriptor: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    def note_move(source: str, target: str, **where: int) -> None:
        done.append("name")
        move(source, target, **where)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_move)
    await place.keep(a_key(), sealed(tmp_path, 10))
    assert done == ["folder", "folder", "folder", "file", "name", "folder"]


async def test_private(place: FolderPlace, tmp_path: Path) -> None:
    key = a_key()
    await place.keep(key, sealed(tmp_path, 10))
    assert stat.S_IMODE((place.root / key).stat().st_mode) == 0o600
    assert stat.S_IMODE((place.root / key).parent.stat().st_mode) & 0o007 == 0


async def test_full_disk(small_disk: Path, tmp_path: Path) -> None:
    place, good, key = FolderPlace(small_disk), sealed(tmp_path, MB), a_key()
    await place.keep(key, good)
    with pytest.raises(StoreUnavailable, match=r"No space left.*make room"):
        await place.keep(key, sealed(tmp_path, 9 * MB))
    assert files(small_disk) == [small_disk / key]
    assert await place.has(key, good)
    (small_disk / key).unlink()
    later = sealed(tmp_path, 7 * MB)
    await place.keep(key, later)
    assert await place.has(key, later)


async def test_file_too_large(place: FolderPlace, tmp_path: Path) -> None:
    """The same where no disk can be mounted: the system refuses to write on in the middle of a file."""
    file, key = sealed(tmp_path, 3 * MB), a_key()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * MB + 1000, before[1]))
    try:
        with pytest.raises(StoreUnavailable, match="make room"):
            await place.keep(key, file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert files(place.root) == []
    await place.keep(key, file)
    assert await place.has(key, file)


async def test_read_only_disk(small_disk: Path, tmp_path: Path) -> None:
    place, file, key = FolderPlace(small_disk), sealed(tmp_path, 1000), a_key()
    await place.keep(key, file)
    await asyncio.to_thread(subprocess.run, ["mount", "-o", "remount,ro", small_disk], check=True)
    for call in (place.keep(a_key(), file), place.keep(key, file), place.store.delete(key)):
        with pytest.raises(StoreRefused, match=r"Read-only file system.*let this account"):
            await call
    assert files(small_disk) == [small_disk / key]
    assert await place.has(key, file)


async def test_read_only_folder(place: FolderPlace, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere; the read-only disk stands for it")
    place.root.chmod(0o500)
    with pytest.raises(StoreRefused, match="Permission denied"):
        await place.keep(a_key(), sealed(tmp_path, 10))
    place.root.chmod(0o700)
    assert files(place.root) == []


async def test_not_mounted(tmp_path: Path) -> None:
    """Neither made anew nor taken as empty: every recording would look lost, or land on the wrong disk."""
    place, file, key = FolderPlace(tmp_path / "absent"), sealed(tmp_path, 10), a_key()
    calls = [place.keep(key, file), place.has(key, file), place.store.size(key), place.store.delete(key), place.names()]
    for call in calls:
        with pytest.raises(StoreRefused, match="mount it or create it"):
            await call
    assert not place.root.exists()


@pytest.mark.parametrize("what", ["file", "folder"])
async def test_links_lead_nowhere(place: FolderPlace, tmp_path: Path, what: str) -> None:
    """A link to a file outside, and a day that is a link to a folder outside."""
    file, key = sealed(tmp_path, 100), a_key()
    outside = tmp_path / "outside"
    outside.mkdir()
    victim = outside / Path(key).name
    victim.write_bytes(file.path.read_bytes())
    link = place.root / key if what == "file" else (place.root / key).parent
    link.parent.mkdir(parents=True)
    link.symlink_to(victim if what == "file" else outside)
    for call in (place.has(key, file), place.store.read(key, 0, 9), place.content(key), place.store.size(key)):
        with pytest.raises(StoreRefused):
            await call
    assert list(await place.names()) == [str(link.relative_to(place.root))]
    try:
        await place.keep(key, file)  # takes the link's place when it is the file itself
        assert what == "file"
        assert not (place.root / key).is_symlink()
    except CallcenterError:
        assert what == "folder"
    assert list(outside.iterdir()) == [victim]


async def test_pipe_does_not_hold(place: FolderPlace, tmp_path: Path) -> None:
    key = a_key()
    (place.root / key).parent.mkdir(parents=True)
    os.mkfifo(place.root / key)
    with pytest.raises(StoreRefused, match="not a plain file"):
        await place.store.read(key, 0, 1)


async def test_root_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "store").symlink_to(tmp_path / "disk")
    place, file, key = FolderPlace(tmp_path / "store"), sealed(tmp_path, 10), a_key()
    await place.keep(key, file)
    assert await place.has(key, file)
    assert await place.names() == {key: 10}
