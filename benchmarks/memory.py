"""What open calls take of the listener's memory, and whether it stays flat over many calls.

    .venv/bin/python benchmarks/memory.py [--open 1000 2000 5000] [--calls 100000]

The record plane runs as a process of its own on a durable Postgres, as in production. *Open*: a thousand whole calls
warm it, then so many calls begin and do not end (captured stories, mixed, 60 % of each one's lines); the slope of the
resident memory over open calls counts. *Flat*: so many whole calls one after the other, the memory after each tenth;
the journal is rotated at each tenth, as in production. The slope is a least-squares line without the first tenth.
"""

import argparse
import asyncio
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import asyncpg

from benchmarks.rig.ingesting import ingesting, until_stored
from benchmarks.rig.journals import Journal
from benchmarks.rig.proc import cpu, rss
from benchmarks.rig.server import Server, running_server

RATE = 10.0
"""Calls a second in the journals' times; they are written as fast as it goes."""
WARM = 1000
PART = 0.6
AIM_MIB = 20.0
SETTLE_SECONDS = 1.0


async def feed(url: str, journal: Journal, calls: int, begin: float, first: int, part: float = 1.0) -> None:
    """Append traffic and wait until it is stored."""
    await asyncio.to_thread(journal.write, calls, RATE, begin, first, part)
    watch = await asyncpg.connect(url)
    await until_stored(watch, journal)
    await watch.close()
    await asyncio.sleep(SETTLE_SECONDS)


async def open_calls(server: Server, steps: list[int]) -> None:
    url = await server.database("open")
    folder = server.folder / "open"
    folder.mkdir()
    journal, begin = Journal(folder), time.time() - 3600
    async with ingesting(url, journal) as pid:
        await feed(url, journal, WARM, begin, 1)
        points = [(0, rss(pid))]
        print(f"{0:>8,} open: {points[0][1]:7.1f} MiB", flush=True)
        first = WARM + 1
        for total in steps:
            new = total - points[-1][0]
            await feed(url, journal, new, begin + first / RATE, first, PART)
            first += new
            points.append((total, rss(pid)))
            print(f"{total:>8,} open: {points[-1][1]:7.1f} MiB", flush=True)
    slope = statistics.linear_regression(*zip(*points, strict=True)).slope * 1000
    print(f"a thousand open calls take {slope:.1f} MiB (aim ≤ {AIM_MIB:g})")


async def flat(server: Server, calls: int) -> None:
    url = await server.database("flat")
    folder = server.folder / "flat"
    folder.mkdir()
    journal, step = Journal(folder), calls // 10
    begin, began, points = time.time() - calls / RATE, time.perf_counter(), []
    async with ingesting(url, journal) as pid:
        for number in range(10):
            first = number * step + 1
            await feed(url, journal, step, begin + first / RATE, first)
            points.append((first + step - 1, rss(pid)))
            print(f"{points[-1][0]:>8,} calls: {points[-1][1]:7.1f} MiB", flush=True)
            rotate(journal)
        ours = cpu(pid)
    watch = await asyncpg.connect(url)
    records = await watch.fetchval("SELECT count(*) FROM calls")
    await watch.close()
    slope = statistics.linear_regression(*zip(*points[1:], strict=True)).slope
    print(f"{records:,} records of {step * 10:,} calls in {time.perf_counter() - began:.0f} s, "
          f"{ours / records * 1000:.2f} ms of CPU each; "
          f"memory grows by {slope * 10_000:+.2f} MiB in 10,000 calls")  # fmt: skip


def rotate(journal: Journal) -> None:
    """As logrotate with `create`; what was rotated before has been read."""
    for path in journal.files.values():
        path.rename(path.with_name(f"{path.name}.1"))
        path.touch()


async def main(steps: list[int], calls: int) -> None:
    async with running_server() as server:
        await open_calls(server, steps)
        await flat(server, calls)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--open", type=int, nargs="+", default=[1000, 2000, 5000])
    parser.add_argument("--calls", type=int, default=100_000)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.open, arguments.calls))
