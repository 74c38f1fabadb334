"""How fast recordings are verified, against sha256sum and openssl on the same files, and SHA-256 in memory.

    .venv/bin/python benchmarks/recordings_verify.py [--large 300] [--small 2000] [--rounds 5]

Sealed files of 2 MB (opus, 11 minutes) and 150 kB (50 seconds) of random bytes lie in a store's folder, all in the page
cache, each with its row and its entry in the chain of a Postgres of the benchmark's own. Each round runs everything
once, in turn, so that all meet the same machine: the pass over all files as `callcenter recordings verify` makes it
(rows, entries, hashes), `sha256sum` in one process and in as many as there are processors, `openssl dgst`, and one
thread's SHA-256 of 64 MiB in memory. Ratios are of the rounds' pairs; their median is printed. The aim is 0.8 of what
one thread's SHA-256 does.
"""

import argparse
import asyncio
import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.rig.server import running_server
from callcenter.recordings.chain import Signer
from callcenter.recordings.chain_repository import extend
from callcenter.recordings.deviations import Figures
from callcenter.recordings.store import StoreAddress, open_store
from callcenter.recordings.store_interface import store_key
from callcenter.recordings.tables import recordings
from callcenter.recordings.verifying_files import Files
from callcenter.storage.engine import make_engine

LARGE, SMALL = 2_000_000, 150_000
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
AIM = 0.8
PROCESSORS = os.cpu_count() or 1


async def fill(engine: AsyncEngine, root: Path, sizes: list[int]) -> list[Path]:
    """Files in the store with their rows and entries."""
    paths, rows, entries = [], [], []
    for number, size in enumerate(sizes):
        recording, at, content = uuid4(), BEGIN + timedelta(minutes=number), os.urandom(size)
        path = root / store_key(recording, at)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        paths.append(path)
        rows.append(_row(recording, at, str(path.relative_to(root))))
        facts = {"kind": "sealed", "recording": str(recording), "started_at": at.isoformat()}
        entries.append({**facts, "sealed_bytes": size, "sealed_sha256": hashlib.sha256(content).hexdigest()})
    async with engine.begin() as connection:
        await connection.execute(insert(recordings), rows)
        await extend(connection, "bench", Signer(Ed25519PrivateKey.generate()), entries)
    return paths


def _row(recording: UUID, at: datetime, path: str) -> dict[str, object]:
    row = {"id": recording, "call_id": uuid4(), "pbx": "bench", "name": str(recording), "started_at": at}
    return row | {"state": "archived", "path": path}


async def ours(engine: AsyncEngine, root: Path) -> float:
    """Seconds for all files."""

    @asynccontextmanager
    async def connect() -> AsyncIterator[AsyncConnection]:
        async with engine.connect() as connection:
            yield connection

    figures, began = Figures(), time.perf_counter()
    files = Files(connect, root / "sealed", open_store(StoreAddress(str(root))), figures)
    found = [each async for each in files.check()]
    took = time.perf_counter() - began
    if found:
        raise SystemExit(f"{len(found)} deviations in files that nobody touched: {found[0]}")
    return took


def program(paths: list[Path], *words: str, processes: int = 1) -> float:
    """Seconds of a program over all files, `processes` of it at once."""
    names, began = b"\0".join(os.fsencode(path) for path in paths), time.perf_counter()
    each = -(-len(paths) // processes)
    command = ["xargs", "-0", f"-P{processes}", f"-n{each}", *words]
    subprocess.run(command, input=names, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def in_memory(total: int) -> float:
    """Seconds one thread's SHA-256 would take for so many bytes."""
    block = bytes(64 << 20)
    began = time.perf_counter()
    hashlib.sha256(block)
    return (time.perf_counter() - began) * total / len(block)


async def compare(engine: AsyncEngine, root: Path, sizes: list[int], rounds: int) -> None:
    paths, total = await fill(engine, root, sizes), sum(sizes)
    others: dict[str, Callable[[], float]] = {
        "sha256sum, one process": lambda: program(paths, "sha256sum"),
        f"sha256sum, {PROCESSORS} processes": lambda: program(paths, "sha256sum", processes=PROCESSORS),
        "SHA-256 in memory, one thread": lambda: in_memory(total),
    }
    if shutil.which("openssl"):
        others["openssl dgst, one process"] = lambda: program(paths, "openssl", "dgst", "-sha256")
    taken: dict[str, list[float]] = {name: [] for name in ("recordings verify", *others)}
    await ours(engine, root)  # everything is in the page cache now, every statement prepared
    for _ in range(rounds):
        taken["recordings verify"].append(await ours(engine, root))
        for name, work in others.items():
            taken[name].append(await asyncio.to_thread(work))
    mine = taken["recordings verify"]
    print(f"{len(sizes)} files, {total / 1e6:,.0f} MB, {rounds} rounds, {PROCESSORS} processors")
    for name, seconds in taken.items():
        ratio = statistics.median(theirs / our for theirs, our in zip(seconds, mine, strict=True))
        print(f"{total / 1e6 / statistics.median(seconds):8,.0f} MB/s  {name:32} ours / this: {ratio:.2f}")
    memory = statistics.median(m / o for m, o in zip(taken["SHA-256 in memory, one thread"], mine, strict=True))
    print(f"{'met' if memory >= AIM else 'NOT met'}: {memory:.2f} of SHA-256 in memory, aim {AIM}")


async def main(large: int, small: int, rounds: int) -> None:
    async with running_server() as server:
        for name, sizes in (("large", [LARGE] * large), ("small", [SMALL] * small)):
            engine = make_engine(await server.database(name))
            try:
                root = server.folder / name
                root.mkdir()
                await compare(engine, root, sizes, rounds)
                shutil.rmtree(root)
            finally:
                await engine.dispose()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", type=int, default=300)
    parser.add_argument("--small", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    asyncio.run(main(asked.large, asked.small, asked.rounds))
