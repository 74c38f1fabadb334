"""One behaviour of the store of recordings, in a folder and in a bucket of a real S3 server."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.integration.s3_server import S3Server
from tests.integration.stores import MB, BucketPlace, FolderPlace, Place, a_key, sealed

from callcenter.errors import InvalidInput, RecordingMissing, StoreRefused
from callcenter.recordings.store import Store

ONE = "5f0c1a52-7d3e-4b19-9a6f-0c2f8a1e4d77.opus"
LARGE = 12 * MB + 321
"""Three parts in S3, the last one short."""


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "bucket":
        server: S3Server = request.getfixturevalue("s3_server")
        return BucketPlace(server)
    root = tmp_path / "store"
    root.mkdir()
    return FolderPlace(root)


@pytest.mark.parametrize("size", [0, 1, 5 * MB, 5 * MB + 1, LARGE])
async def test_comes_back(place: Place, tmp_path: Path, size: int) -> None:
    file, key = sealed(tmp_path, size), a_key()
    await place.keep(key, file)
    assert await place.has(key, file)
    assert await place.store.size(key) == size
    assert await place.content(key) == file.path.read_bytes()
    assert await place.names() == {key: size}


@pytest.mark.parametrize(
    ("start", "length"), [(0, 1), (0, LARGE), (5 * MB - 3, 7), (LARGE - 2, 2), (LARGE - 2, 9), (LARGE, 5), (9, 0)]
)
async def test_ranges(place: Place, tmp_path: Path, start: int, length: int) -> None:
    file, key = sealed(tmp_path, LARGE), a_key()
    await place.keep(key, file)
    whole = file.path.read_bytes()
    assert await place.store.read(key, start, length) == whole[start : start + length]
    assert await place.content(key, start) == whole[start:]


async def test_replaced(place: Place, tmp_path: Path) -> None:
    first, second, key = sealed(tmp_path, LARGE), sealed(tmp_path, 77), a_key()
    await place.keep(key, first)
    await place.keep(key, second)
    assert await place.has(key, second)
    assert not await place.has(key, first)


async def test_deleted(place: Place, tmp_path: Path) -> None:
    file, key, other = sealed(tmp_path, 1000), a_key(), a_key()
    await place.keep(key, file)
    await place.keep(other, file)
    await place.store.delete(key)
    await place.store.delete(key)
    assert await place.store.size(key) is None
    assert not await place.has(key, file)
    for ask in (place.store.read(key, 0, 1), place.content(key)):
        with pytest.raises(RecordingMissing):
            await ask
    assert await place.has(other, file)


async def test_listed_by_day(place: Place, tmp_path: Path) -> None:
    file = sealed(tmp_path, 10)
    old, late, new = a_key("2025/12/31"), a_key("2026/11/28"), a_key("2026/11/29")
    for key in (old, late, new):
        await place.keep(key, file)
    await place.overwrite("2026/11/28/notes.txt", b"not ours")
    foreign = {"2026/11/28/notes.txt": 8}
    assert await place.names() == {old: 10, late: 10, new: 10} | foreign
    assert await place.names("2026") == {late: 10, new: 10} | foreign
    assert await place.names("2026/11/28/") == {late: 10} | foreign
    assert await place.names("2024") == {}
    with pytest.raises(InvalidInput):
        await place.names("../2026")


async def test_damage_is_found(place: Place, tmp_path: Path) -> None:
    file, key = sealed(tmp_path, LARGE), a_key()
    await place.keep(key, file)
    whole = bytearray(file.path.read_bytes())
    whole[LARGE // 2] ^= 1
    for damaged in (bytes(whole), bytes(whole[:-1]), b"", file.path.read_bytes() + b"\0"):
        await place.overwrite(key, damaged)
        assert not await place.has(key, file)
    await place.overwrite(key, file.path.read_bytes())
    assert await place.has(key, file)


@pytest.mark.parametrize("size", [1000, LARGE])
async def test_other_file_than_said(place: Place, tmp_path: Path, size: int) -> None:
    """Whatever was sealed is not what lies there now: it is not kept, and the good one before it stays."""
    file, key = sealed(tmp_path, size), a_key()
    await place.keep(key, file)
    other = sealed(tmp_path, size)
    for sha256, length in ((file.sha256, size), (other.sha256, size - 1)):
        with pytest.raises(StoreRefused, match="seal the recording again"):
            await place.store.put(key, other.path, sha256, length)
    assert await place.has(key, file)
    assert await place.names() == {key: size}


async def test_source_is_gone(place: Place, tmp_path: Path) -> None:
    """That is no fault of the store."""
    with pytest.raises(FileNotFoundError):
        await place.store.put(a_key(), tmp_path / "absent", "0" * 64, 3)
    assert await place.names() == {}


CALLS: list[Callable[[Store, str, Path], Awaitable[object]]] = [
    lambda store, key, file: store.put(key, file, "0" * 64, 3),
    lambda store, key, file: store.verified(key, "0" * 64, 3),
    lambda store, key, file: store.read(key, 0, 1),
    lambda store, key, file: anext(store.stream(key)),
    lambda store, key, file: store.delete(key),
    lambda store, key, file: store.size(key),
]


@pytest.mark.parametrize(
    "key",
    [
        *(
            "",
            ONE,
            f"/2026/11/28/{ONE}",
            f"2026/11/../{ONE}",
            f"../../../{ONE}",
            f"2026//28/{ONE}",
            "2026/11/28/x.opus",
        ),
        *(f"2026/11/28/{ONE}\n", f"2026/11/28/{ONE}\0", f"2026/11/28/{ONE}/", f"2026/11/28/{ONE.upper()}"),
        f"２026/11/28/{ONE}",
    ],
)
async def test_key_stays_inside(place: Place, tmp_path: Path, key: str) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    for call in CALLS:
        with pytest.raises(InvalidInput):
            await call(place.store, key, tmp_path / "file")


async def test_flat_memory(place: Place, tmp_path: Path) -> None:
    size = 64 * MB
    file, key = sealed(tmp_path, size), a_key()
    await place.keep(a_key(), sealed(tmp_path, LARGE))
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts at what is held now: proc(5)
    before = _peak()
    await place.keep(key, file)
    assert await place.has(key, file)
    assert _peak() - before < 40 * MB


def _peak() -> int:
    """Bytes of memory this process held at once."""
    lines = Path(f"/proc/{os.getpid()}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
