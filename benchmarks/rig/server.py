"""A Postgres of a benchmark's own, with its durable defaults, gone afterwards."""

import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from callcenter.local import postgres
from callcenter.local.processes import Process
from callcenter.storage.engine import make_engine
from callcenter.storage.migrate import migrate


@dataclass
class Server:
    """One running server; `folder` is for whatever else the benchmark writes."""

    cluster: postgres.Cluster
    folder: Path
    process: Process

    async def database(self, name: str) -> str:
        """The address of an empty database in the product's present shape."""
        await postgres.ensure_database(self.cluster, name)
        engine = make_engine(self.cluster.url(name), pool_size=1)
        await migrate(engine)
        await engine.dispose()
        return self.cluster.url(name)


@asynccontextmanager
async def running_server(*options: str) -> AsyncIterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="cc-bench-"))
    folder.chmod(0o711)
    cluster = postgres.Cluster(folder / "pg", folder / "s", folder / "log", secrets.token_hex(8), options)
    server = Server(cluster, folder, await postgres.start(cluster))
    try:
        yield server
    finally:
        await postgres.halt(server.process)
        shutil.rmtree(folder, ignore_errors=True)
