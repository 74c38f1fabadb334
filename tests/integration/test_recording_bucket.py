"""An S3 server that is down, frozen, killed midway, damaged or not ours: said soon, and nothing counts as kept."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic

import pytest
import pytest_asyncio
from tests.integration.s3_server import S3Server
from tests.integration.stores import MB, BucketPlace, Sealed, a_key, sealed

from callcenter.errors import StoreRefused, StoreUnavailable
from callcenter.local.processes import until
from callcenter.recordings.store import Store, open_store

LARGE = 24 * MB
SOON = 10.0
"""Seconds in which a store that is away must be called so, and 2 for a busy machine."""


@pytest_asyncio.fixture(loop_scope="session")
async def place(s3_server: S3Server) -> AsyncIterator[BucketPlace]:
    """A bucket of a server that runs again afterwards."""
    yield BucketPlace(s3_server)
    s3_server.thaw()
    if s3_server.process is None or not await s3_server.is_ready():
        await s3_server.kill()
        await s3_server.start()


def everything(store: Store, key: str, small: Sealed, large: Sealed) -> dict[str, Awaitable[object]]:
    return {
        "put": store.put(key, small.path, small.sha256, small.size),
        "put large": store.put(key, large.path, large.sha256, large.size),
        "verified": store.verified(key, small.sha256, small.size),
        "read": store.read(key, 0, 1000),
        "stream": anext(store.stream(key)),
        "delete": store.delete(key),
        "size": store.size(key),
        "keys": anext(store.keys()),
    }


async def faults(calls: dict[str, Awaitable[object]]) -> dict[str, tuple[object, float]]:
    """What each call came to, and after how many seconds."""
    start = monotonic()

    async def outcome(call: Awaitable[object]) -> tuple[object, float]:
        try:
            return await call, monotonic() - start
        except Exception as error:
            return error, monotonic() - start

    return dict(zip(calls, await asyncio.gather(*map(outcome, calls.values())), strict=True))


def all_are(kind: type[Exception], found: dict[str, tuple[object, float]], within: float) -> bool:
    wrong = {name: each for name, each in found.items() if not isinstance(each[0], kind) or each[1] > within}
    assert not wrong
    return True


async def test_down(place: BucketPlace, tmp_path: Path) -> None:
    small, large, key = sealed(tmp_path, 1000), sealed(tmp_path, LARGE), a_key()
    await place.keep(key, small)
    await place.server.kill()
    found = await faults(everything(place.store, key, small, large))
    assert all_are(StoreUnavailable, found, 3)
    assert "refused" in str(found["put"][0])
    await place.server.start()
    assert await place.has(key, small)
    await place.keep(key, large)
    assert await place.has(key, large)


async def test_frozen(place: BucketPlace, tmp_path: Path) -> None:
    small, large, key, other = sealed(tmp_path, 1000), sealed(tmp_path, LARGE), a_key(), a_key()
    await place.keep(other, large)
    await place.keep(key, small)
    begun = place.store.stream(other)
    await anext(begun)
    place.server.freeze()
    calls = everything(place.store, key, small, large) | {"rest": _drained(begun)}
    assert all_are(StoreUnavailable, await faults(calls), SOON + 2)
    place.server.thaw()
    assert await place.store.size(other) == LARGE
    await place.keep(key, large)
    assert await place.has(key, large)


async def _drained(pieces: AsyncIterator[bytes]) -> int:
    return sum([len(piece) async for piece in pieces])


@pytest.mark.parametrize("how", ["killed", "frozen"])
async def test_gone_in_mid_put(place: BucketPlace, tmp_path: Path, how: str) -> None:
    """The source is a pipe, so that it is certain where the upload stands: parts are there, others are not."""
    file, key, pipe_path = sealed(tmp_path, LARGE), a_key(), tmp_path / "pipe"
    os.mkfifo(pipe_path)
    pipe = os.open(pipe_path, os.O_RDWR | os.O_NONBLOCK)
    content, arrived = memoryview(file.path.read_bytes()), _stored(place.server)
    upload = asyncio.create_task(place.store.put(key, pipe_path, file.sha256, file.size))
    await _feed(pipe, content[: 12 * MB], upload)
    assert await until(lambda: _has_grown(place.server, arrived + 5 * MB), 10), "the first part never arrived"
    start = monotonic()
    if how == "killed":
        await place.server.kill()
    else:
        place.server.freeze()
    await _feed(pipe, content[12 * MB :], upload)
    with pytest.raises(StoreUnavailable):
        await asyncio.wait_for(upload, SOON + 5)
    assert monotonic() - start < SOON + 2
    os.close(pipe)
    if how == "killed":
        await place.server.start()
    place.server.thaw()
    assert await place.store.size(key) is None
    assert not await place.has(key, file)
    await place.keep(key, file)
    assert await place.has(key, file)


async def _feed(pipe: int, content: memoryview, upload: asyncio.Task[None]) -> None:
    """Until all is in the pipe or nobody reads any more."""

    async def written() -> bool:
        nonlocal content
        with suppress(BlockingIOError):
            while content:
                content = content[os.write(pipe, content[: 64 * 1024]) :]
        return not content or upload.done()

    assert await until(written, 20, every=0.001)


def _stored(server: S3Server) -> int:
    """Bytes on the server's disk."""
    return sum(path.stat().st_size for path in server.folder.rglob("*.dat"))


async def _has_grown(server: S3Server, size: int) -> bool:
    return _stored(server) >= size


async def test_damage_on_the_servers_disk(place: BucketPlace, tmp_path: Path) -> None:
    """SeaweedFS notices by its checksum and gives no bytes; another would give wrong ones: neither counts as kept."""
    file, key = sealed(tmp_path, 300_000), a_key()
    await place.keep(key, file)
    needle = file.path.read_bytes()[150_000:150_064]
    volume, at = next((p, i) for p in place.server.folder.rglob("*.dat") if (i := p.read_bytes().find(needle)) >= 0)
    with volume.open("r+b") as disk:
        disk.seek(at)
        disk.write(bytes([needle[0] ^ 1]))
    with suppress(StoreUnavailable):
        assert not await place.has(key, file)


async def test_wrong_secret(place: BucketPlace, tmp_path: Path) -> None:
    small, large, key, wrong = sealed(tmp_path, 1000), sealed(tmp_path, LARGE), a_key(), "not-the-secret-4711"
    await place.keep(key, small)
    store = open_store(place.server.address(place.prefix, secret=wrong))
    found = await faults(everything(store, key, small, large))
    assert all_are(StoreRefused, found, 3)
    assert "correct the secret access key" in str(found["put"][0])
    said = f"{found} {store!r} {vars(store)}"
    assert wrong not in said
    assert place.server.secret not in said
    assert await place.has(key, small)


async def test_unknown_access_key(place: BucketPlace) -> None:
    store = open_store(replace(place.server.address(), access_key_id="nobody"))
    with pytest.raises(StoreRefused, match="correct the access key id"):
        await store.read(a_key(), 0, 1)


async def test_no_such_bucket(place: BucketPlace, tmp_path: Path) -> None:
    """HEAD and DELETE of a missing bucket must not look like a missing file."""
    small, large = sealed(tmp_path, 1000), sealed(tmp_path, LARGE)
    store = open_store(place.server.address(bucket="never-made"))
    found = await faults(everything(store, a_key(), small, large))
    assert all_are(StoreRefused, found, 3)
    assert "create the bucket" in str(found["put"][0])


async def test_environment_changes_nothing(place: BucketPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """obstore reads AWS_* even for what was given: another endpoint, no signature, somebody's token."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "somebody-elses")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "somebody-elses")
    monkeypatch.setenv("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "true")
    store, file, key = open_store(place.server.address(place.prefix)), sealed(tmp_path, 10), a_key()
    await store.put(key, file.path, file.sha256, file.size)
    assert await place.has(key, file)


async def test_unreadable_name_is_said(place: BucketPlace) -> None:
    """obstore can't list past a name that it can't parse: better said than a list that ends early."""
    await place.overwrite("2026/11/28/a%0Ab", b"odd")
    with pytest.raises(StoreRefused, match="remove that object"):
        await place.names()
