"""Raw journal → records in Postgres, calls/s; beside it a COPY of the very rows that it stored, and the lag.

    .venv/bin/python benchmarks/journal_to_postgres.py [--calls 3000] [--rounds 5]

Each round lays down a journal of `calls` calls (captured stories in the mix of benchmarks/rig/journals.py, interleaved
as they come) and times (a) our ingest until everything is stored, (b) asyncpg's COPY of the same rows into tables with
the same columns and indexes, in one transaction: the raw lines as we packed them, calls, recordings, announcements.
That is the most Postgres would take: it parses nothing, packs nothing, checks no foreign key. (c) is the same COPY with
the raw lines as they were, a row a line. All on one server with its durable defaults, by turns.

The lag is that of calls that come one by one (20 a second): from their last line in the file to the commit, without
AMI's hint that a call has ended (`hangup_to_api.py` has it).
"""

import argparse
import asyncio
import resource
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import asyncpg

from benchmarks.rig.ingesting import until_stored
from benchmarks.rig.journals import MIX, Journal
from benchmarks.rig.server import Server, running_server
from callcenter.bootstrap import tune_memory
from callcenter.calls.ingest import Ingest
from callcenter.logs import set_up_logs
from callcenter.publishing.outbox import CHANNEL
from callcenter.storage.engine import make_engine

AIM = 0.5
RATE = 10.0
"""Calls a second in the journals' times."""
LAG_RATE, LAG_CALLS = 20.0, 200
ROWS = ("journal_chunks", "calls", "recordings", "outbox")


class Round:
    """One database and one journal."""

    def __init__(self, url: str, journal: Journal) -> None:
        self.url = url
        self.journal = journal

    async def ingest(self) -> tuple[float, float]:
        """Seconds, and CPU seconds of ours, until everything is stored."""
        engine, watch = make_engine(self.url), await asyncpg.connect(self.url)
        used, began = _cpu(), time.perf_counter()
        task = asyncio.create_task(Ingest(engine, "hotline", self.journal.files, lambda *_: None).run())
        await until_stored(watch, self.journal)
        seconds, used = time.perf_counter() - began, _cpu() - used
        await _cancel(task)
        await watch.close()
        await engine.dispose()
        return seconds, used

    async def copy(self, *, packed: bool) -> float:
        """Seconds to COPY the rows that the ingest stored; not `packed`: the raw lines a row each."""
        connection = await asyncpg.connect(self.url)
        stored = {table: await connection.fetch(f"SELECT * FROM {table}") for table in ROWS}  # noqa: S608 - our names
        tables = {table: [tuple(row) for row in rows] for table, rows in stored.items()}
        if not packed:
            del tables["journal_chunks"]
        for table in tables:
            await connection.execute(f"CREATE TABLE copy_{table} (LIKE {table} INCLUDING ALL)")
        await connection.execute("CREATE TABLE copy_raw (source text, line text)")
        began = time.perf_counter()
        async with connection.transaction():
            if not packed:
                await connection.copy_records_to_table("copy_raw", records=self._lines())
            for table, rows in tables.items():
                await connection.copy_records_to_table(f"copy_{table}", records=rows)
        seconds = time.perf_counter() - began
        for table in (*tables, "raw"):
            await connection.execute(f"DROP TABLE copy_{table}")
        await connection.close()
        return seconds

    def _lines(self) -> list[tuple[str, str]]:
        return [(s, line) for s, path in self.journal.files.items() for line in path.read_text().splitlines()]


async def lag(url: str, journal: Journal) -> list[float]:
    """Seconds from each call's last line to the commit of its record."""
    engine, watch = make_engine(url), await asyncpg.connect(url)
    told: list[tuple[float, int]] = []
    await watch.add_listener(CHANNEL, lambda *a: told.append((time.time(), int(str(a[-1]).partition("-")[2]))))
    task = asyncio.create_task(Ingest(engine, "hotline", journal.files, lambda *_: None).run())
    ends = await write_in_time(journal)
    await until_stored(watch, journal)
    await asyncio.sleep(0.5)
    rows = await watch.fetch(
        "SELECT outbox.id, caller_number FROM outbox JOIN calls ON calls.id::text = key"
        " WHERE payload ->> 'event' = 'ended' ORDER BY outbox.id"
    )
    await _cancel(task)
    await watch.close()
    await engine.dispose()
    return [_committed(told, row["id"]) - ends[row["caller_number"]] for row in rows if row["caller_number"] in ends]


async def write_in_time(journal: Journal) -> dict[str, float]:
    """Calls whose ends come one after the other; when each one's last line was written, by caller's number."""
    ends: dict[str, float] = {}
    for number in range(1, LAG_CALLS + 1):
        call = list(journal.traffic(1, RATE, time.time() - 60, number))
        journal.append([(source, line) for _, source, line in call])
        ends[f"13{number:09d}"] = time.time()
        await asyncio.sleep(1 / LAG_RATE)
    return ends


def _committed(told: Sequence[tuple[float, int]], row: int) -> float:
    """When the transaction that added this row of the outbox was announced: its range is the first to end there."""
    return next(at for at, last in told if last >= row)


async def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def one_round(server: Server, calls: int, number: int) -> tuple[float, float, float, float]:
    """Ours, COPY of the same rows, COPY with raw lines (calls/s), our CPU (ms a call)."""
    folder = server.folder / f"journal-{number}"
    folder.mkdir()
    journal = Journal(folder)
    journal.write(calls, RATE, time.time() - calls / RATE - 60, 1)
    this = Round(await server.database(f"round_{number}"), journal)
    ours, used = await this.ingest()
    first, second = (True, False) if number % 2 == 0 else (False, True)
    copied = {packed: await this.copy(packed=packed) for packed in (first, second)}
    return calls / ours, calls / copied[True], calls / copied[False], used / calls * 1000


async def main(calls: int, rounds: int) -> None:
    tune_memory()
    set_up_logs("warning")
    print(f"mix: {', '.join(f'{name} {share} %' for name, share in MIX.items())}")
    results = []
    async with running_server() as server:
        for number in range(rounds):
            results.append(await one_round(server, calls, number))
            ours, rows, raw, used = results[-1]
            print(f"round {number + 1}: ours {ours:,.0f} calls/s, COPY {rows:,.0f}, COPY with raw lines {raw:,.0f}, "
                  f"our CPU {used:.3f} ms a call", flush=True)  # fmt: skip
        (server.folder / "lag").mkdir()
        lags = await lag(await server.database("lag"), Journal(server.folder / "lag"))
    ours, rows, raw, used = (statistics.median(column) for column in zip(*results, strict=True))
    ratio = statistics.median(each[0] / each[1] for each in results)
    print(f"median: ours {ours:,.0f} calls/s, COPY of the same rows {rows:,.0f}: ratio {ratio:.2f} (aim ≥ {AIM:g}); "
          f"COPY with raw lines {raw:,.0f}: {ours / raw:.2f}")  # fmt: skip
    ranks = statistics.quantiles(lags, n=100)
    print(f"our CPU {used:.3f} ms a call; lag of {len(lags)} calls one by one: "
          f"p50 {ranks[49] * 1000:.0f} ms, p99 {ranks[98] * 1000:.0f} ms")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.calls, arguments.rounds))
