"""Sealed recordings in a bucket of an S3 store (Amazon, MinIO, Ceph, SeaweedFS …), by obstore.

An upload in parts that is cut off (frozen store, our own end) leaves its parts in the store, under no key: give the
bucket a lifecycle rule that aborts incomplete multipart uploads after a day. One that its source fails is aborted.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import obstore
from obstore.exceptions import BaseError

from callcenter.errors import RecordingMissing
from callcenter.recordings.s3_client import Bucket, client
from callcenter.recordings.store_faults import BeyondEnd, bucket_fault
from callcenter.recordings.store_interface import Store, Tally, checked_days, checked_key

ANSWER_SECONDS = 4.0
"""For a small question, and between looks at a long one."""
STALL_SECONDS = 8.0
"""Without a byte of what is read: tries of obstore's own included."""
SLOWEST_BYTES = 100_000
"""A second: a link that carries less is taken as stuck."""
PART_BYTES = 5 * 1024 * 1024
"""S3's least for a part but the last (docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html)."""
PARTS_AT_ONCE = 2
"""Memory of a put: so many parts, and one being filled."""
PIECE_BYTES = 256 * 1024

T = TypeVar("T")


class BucketStore(Store):
    """Two clients: one for small questions, one whose requests may last as long as bytes flow."""

    def __init__(self, bucket: Bucket) -> None:
        super().__init__(f"s3://{bucket.name}/{bucket.prefix}".rstrip("/"))
        self._quick = client(bucket, ANSWER_SECONDS)
        self._patient = client(bucket, 24 * 3600)

    async def put(self, key: str, source: Path, sha256: str, size: int) -> None:
        checked_key(key)
        with source.open("rb") as file:
            if size <= PART_BYTES:
                await self._put_small(key, file, sha256, size, source)
            else:
                await self._put_large(key, file, sha256, size, source)

    async def _put_small(self, key: str, file: BinaryIO, sha256: str, size: int, source: Path) -> None:
        seen, content = Tally(), await asyncio.to_thread(file.read, PART_BYTES + 1)
        seen.add(content)
        seen.require(sha256, size, self.name, source)
        await self._while_alive(key, size, obstore.put_async(self._patient, key, content, use_multipart=False))

    async def _put_large(self, key: str, file: BinaryIO, sha256: str, size: int, source: Path) -> None:
        async def pieces() -> AsyncGenerator[bytes, None]:
            """What is raised here leaves the upload unfinished: nothing appears under the key."""
            seen = Tally()
            while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
                await asyncio.to_thread(seen.add, piece)
                yield piece
            seen.require(sha256, size, self.name, source)

        limits: dict[str, Any] = {"chunk_size": PART_BYTES, "max_concurrency": PARTS_AT_ONCE}
        await self._while_alive(key, size, obstore.put_async(self._patient, key, pieces(), **limits))

    async def read(self, key: str, start: int, length: int) -> bytes:
        if length <= 0:
            return b""
        answer = obstore.get_range_async(self._patient, checked_key(key), start=start, length=length)
        with suppress(BeyondEnd):
            return bytes(await self._ask(key, answer, STALL_SECONDS + length / SLOWEST_BYTES))
        return b""

    async def stream(self, key: str, start: int = 0) -> AsyncGenerator[bytes, None]:
        options: Any = {"range": {"offset": start}} if start else {}
        with suppress(BeyondEnd):
            answer = obstore.get_async(self._patient, checked_key(key), options=options)
            pieces = (await self._ask(key, answer, STALL_SECONDS)).stream(min_chunk_size=PIECE_BYTES)
            while piece := await self._ask(key, anext(pieces, b""), STALL_SECONDS):
                yield bytes(piece)

    async def delete(self, key: str) -> None:
        with suppress(RecordingMissing):
            await self._ask(key, obstore.delete_async(self._quick, checked_key(key)))

    async def size(self, key: str) -> int | None:
        try:
            return (await self._ask(key, obstore.head_async(self._quick, checked_key(key))))["size"]
        except RecordingMissing:
            # HEAD's 404 has no body, so a missing bucket looks the same; listing below the key tells.
            await self._ask(key, obstore.list(self._quick, key).collect_async())
            return None

    async def keys(self, prefix: str = "") -> AsyncGenerator[tuple[str, int], None]:
        pages = obstore.list(self._quick, checked_days(prefix) or None, chunk_size=1000)
        while (page := await self._ask(prefix, anext(pages, None))) is not None:
            for each in page:
                yield each["path"], each["size"]

    async def _ask(self, key: str, answer: Awaitable[T], within: float = ANSWER_SECONDS + 4) -> T:
        try:
            async with asyncio.timeout(within):
                return await answer
        except (BaseError, OSError, ValueError) as error:  # TimeoutError and FileNotFoundError are OSErrors
            raise bucket_fault(error, self.name, key) from None

    async def _while_alive(self, key: str, size: int, work: Awaitable[Any]) -> None:
        """Wait for an upload as long as the store answers small questions meanwhile.

        A time limit for each part would either wait too long for a frozen store or cut off a slow link.
        """
        upload = asyncio.ensure_future(self._ask(key, work, STALL_SECONDS + size / SLOWEST_BYTES))
        try:
            while not (await asyncio.wait({upload}, timeout=ANSWER_SECONDS))[0]:
                await self.size(key)
            await upload
        finally:
            upload.cancel()
            await asyncio.gather(upload, return_exceptions=True)
