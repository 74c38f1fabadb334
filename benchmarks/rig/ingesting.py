"""The listener's record plane as a process of its own: what `callcenter listen` builds, without AMI, audio and MQTT.

.venv/bin/python -m benchmarks.rig.ingesting URL FOLDER
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import uvloop

from benchmarks.rig.journals import Journal
from callcenter.agents.operation_log import keep_acts
from callcenter.bootstrap import tune_memory
from callcenter.calls.ingest import Ingest
from callcenter.logs import set_up_logs
from callcenter.storage.engine import make_engine

PBX = "hotline"


async def ingest(url: str, folder: Path) -> None:
    engine = make_engine(url, pool_size=8, pre_ping=False)
    await Ingest(engine, PBX, Journal(folder).files, lambda *_: None, keep_acts=keep_acts).run()


@asynccontextmanager
async def ingesting(url: str, journal: Journal) -> AsyncIterator[int]:
    """The process's id while it runs."""
    folder = journal.files["cel"].parent
    program = (sys.executable, "-m", "benchmarks.rig.ingesting", url, str(folder))
    with (folder / "ingest.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(*program, stdout=log, stderr=log, cwd=Path(__file__).parents[2])
    try:
        yield process.pid
    finally:
        process.terminate()
        await process.wait()


async def bytes_behind(watch: asyncpg.Connection, journal: Journal) -> int:
    """How much of the journal is not stored yet."""
    stored = await watch.fetch("SELECT source, inode, position FROM journal_sources")
    places = {(row["source"], row["inode"]): row["position"] for row in stored}
    files = [(source, path.stat()) for source, path in journal.files.items()]
    return sum(status.st_size - places.get((source, status.st_ino), 0) for source, status in files)


async def until_stored(watch: asyncpg.Connection, journal: Journal, slack: int = 0) -> None:
    """Wait until no more than `slack` bytes are missing."""
    while await bytes_behind(watch, journal) > slack:
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    tune_memory()
    set_up_logs("warning")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(ingest(sys.argv[1], Path(sys.argv[2])))
