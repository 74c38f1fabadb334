"""A store to test, a way into it from behind, and sealed files (random bytes) to put there."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
from tests.integration.s3_server import S3Server

from callcenter.recordings.store import Store, StoreAddress, open_store

MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sealed:
    path: Path
    sha256: str
    size: int


def sealed(folder: Path, size: int) -> Sealed:
    path, content = folder / f"{uuid4()}.sealed", os.urandom(size)
    path.write_bytes(content)
    return Sealed(path, hashlib.sha256(content).hexdigest(), size)


def a_key(day: str = "2026/11/28") -> str:
    return f"{day}/{uuid4()}.opus"


class Place:
    """One kind of store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def keep(self, key: str, file: Sealed) -> None:
        await self.store.put(key, file.path, file.sha256, file.size)

    async def has(self, key: str, file: Sealed) -> bool:
        return await self.store.verified(key, file.sha256, file.size)

    async def content(self, key: str, start: int = 0) -> bytes:
        return b"".join([piece async for piece in self.store.stream(key, start)])

    async def names(self, prefix: str = "") -> dict[str, int]:
        return {name: size async for name, size in self.store.keys(prefix)}

    async def overwrite(self, name: str, content: bytes) -> None:
        """Past the store's own ways, as somebody else would."""
        raise NotImplementedError


class FolderPlace(Place):
    def __init__(self, root: Path) -> None:
        super().__init__(open_store(StoreAddress(str(root))))
        self.root = root

    async def overwrite(self, name: str, content: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


class BucketPlace(Place):
    """A prefix of this test's own."""

    def __init__(self, server: S3Server) -> None:
        self.prefix = f"test-{uuid4()}"
        super().__init__(open_store(server.address(self.prefix)))
        self.server = server

    async def overwrite(self, name: str, content: bytes) -> None:
        async with httpx.AsyncClient() as client:
            answer = await client.put(self.server.side_door(f"{self.prefix}/{name}"), content=content)
            assert answer.is_success, answer.text
