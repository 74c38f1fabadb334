"""Raw journal → records in Postgres, calls/s; beside it a COPY of the same bytes and rows.

    .venv/bin/python benchmarks/journal_to_postgres.py [--calls 4000] [--rounds 5]

Each round writes the journal of `calls` answered queue calls (captured from a real one, ids renamed), then times
(a) our ingest until the last record is stored and (b) a COPY of the raw lines and the finished rows: the most that
Postgres would take. Both on the same server with its durable defaults, interleaved. Prints medians, the ratio, our CPU.
"""

import argparse
import asyncio
import json
import re
import resource
import secrets
import shutil
import statistics
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import asyncpg

from callcenter.bootstrap import tune_memory
from callcenter.calls.ingest import Ingest
from callcenter.local import postgres
from callcenter.storage.engine import make_engine
from callcenter.storage.migrate import migrate

TIME = re.compile(r'(?<="eventtime":")[0-9.]+|^[0-9]+(?=\|)')
STORY = Path(__file__).parents[1] / "tests" / "scenarios" / "journals" / "answered.jsonl"


def write_journal(folder: Path, calls: int) -> dict[str, Path]:
    rows = [json.loads(row) for row in STORY.read_text().splitlines()[1:]]
    files = {"cel": folder / "cel.jsonl", "queue_log": folder / "queue_log"}
    with files["cel"].open("w") as cel, files["queue_log"].open("w") as queue_log:
        out = {"cel": cel, "queue_log": queue_log}
        for number in range(calls):
            for row in rows:
                out[row["src"]].write(of_another_call(row["line"], number) + "\n")
    return files


def of_another_call(line: str, number: int) -> str:
    """The same line, other ids, and later: calls follow each other by a tenth of a second."""
    line = line.replace("hotline-17", f"hotline-{number + 10}17").replace("-000000", f"-{number:08x}")
    return TIME.sub(lambda found: f"{float(found[0]) + number / 10:.6f}", line)


async def ingest(url: str, files: dict[str, Path], calls: int) -> tuple[float, float]:
    """Seconds and CPU seconds of ours until every record is there."""
    engine = make_engine(url)
    watch = await asyncpg.connect(url)
    cpu, began = _cpu(), time.perf_counter()
    task = asyncio.create_task(Ingest(engine, "hotline", files, lambda *_: None).run())
    while await watch.fetchval("SELECT count(*) FROM calls") < calls:
        await asyncio.sleep(0.05)
    seconds, used = time.perf_counter() - began, _cpu() - cpu
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await watch.close()
    await engine.dispose()
    return seconds, used


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def copy(url: str, files: dict[str, Path]) -> float:
    """Seconds to COPY the same raw lines and the same rows."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT * FROM calls")
    sent = await connection.fetch("SELECT * FROM outbox")
    await connection.execute("CREATE TABLE raw (source text, line text)")
    for table in ("calls", "outbox"):
        await connection.execute(f"CREATE TABLE copy_{table} (LIKE {table} INCLUDING ALL)")
    began = time.perf_counter()
    async with connection.transaction():
        lines = [(s, line) for s, path in files.items() for line in path.read_text().splitlines()]
        await connection.copy_records_to_table("raw", records=lines)
        await connection.copy_records_to_table("copy_calls", records=[tuple(r) for r in rows])
        await connection.copy_records_to_table("copy_outbox", records=[tuple(r) for r in sent])
    seconds = time.perf_counter() - began
    await connection.close()
    return seconds


async def main(calls: int, rounds: int) -> None:
    tune_memory()
    folder = Path(tempfile.mkdtemp(prefix="cc-bench-"))
    folder.chmod(0o711)
    cluster = postgres.Cluster(folder / "pg", folder / "s", folder / "log", secrets.token_hex(8))
    server = await postgres.start(cluster)
    results: list[tuple[float, float, float]] = []
    try:
        files = write_journal(folder, calls)
        for number in range(rounds):
            name = f"round_{number}"
            await postgres.ensure_database(cluster, name)
            engine = make_engine(cluster.url(name))
            await migrate(engine)
            await engine.dispose()
            ours, cpu = await ingest(cluster.url(name), files, calls)
            raw = await copy(cluster.url(name), files)
            results.append((calls / ours, calls / raw, cpu / calls * 1000))
            print(f"round {number + 1}: ours {calls / ours:,.0f} calls/s, COPY {calls / raw:,.0f} calls/s, "
                  f"our CPU {cpu / calls * 1000:.3f} ms a call", flush=True)  # fmt: skip
    finally:
        await postgres.halt(server)
        shutil.rmtree(folder, ignore_errors=True)
    ours, raw, cpu = (statistics.median(column) for column in zip(*results, strict=True))
    print(f"median: ours {ours:,.0f} calls/s, COPY {raw:,.0f} calls/s, ratio {ours / raw:.2f}")
    print(f"our CPU {cpu:.3f} ms a call")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.calls, arguments.rounds))
