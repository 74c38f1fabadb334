"""After an hour's outage at half load: how long until the records are caught up, while calls go on.

    .venv/bin/python benchmarks/catch_up.py [--rate 5] [--hours 1]

An hour of traffic (captured stories in the mix of benchmarks/rig/journals.py, interleaved as they come) lies in the
journal that nobody has read. Then the record plane starts as a process of its own, on a durable Postgres, while the
same traffic goes on in real time. The clock runs from its start, imports included, until less than one second's
traffic is unread. At the end every call must have its record. Half load is 5 calls/s: the other figures use 10.
"""

import argparse
import asyncio
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import asyncpg

from benchmarks.rig.ingesting import bytes_behind, ingesting, until_stored
from benchmarks.rig.journals import Journal
from benchmarks.rig.proc import cpu, tree_cpu
from benchmarks.rig.server import Server, running_server

AIM = 10.0
"""Times real time."""
LONGEST_STORY = 40
"""Seconds from a story's first line to its last, at most: no line of the outage is from the future."""
MOMENT = 0.05


async def go_on(journal: Journal, lines: list[tuple[float, str, str]]) -> None:
    """Append each line when its time comes; when stopped, the rest at once, so that every call has its end."""
    waiting = iter(lines)
    due: list[tuple[str, str]] = []
    try:
        for at, source, line in waiting:
            while at > time.time():
                journal.append(due)
                due = []
                await asyncio.sleep(MOMENT)
            due.append((source, line))
    finally:
        journal.append([*due, *((source, line) for _, source, line in waiting)])


async def catch_up(server: Server, rate: float, hours: float) -> None:
    calls, seconds = round(rate * hours * 3600), hours * 3600
    url = await server.database("late")
    journal = Journal(server.folder)
    journal.write(calls, rate, time.time() - seconds - LONGEST_STORY, 1)
    per_second = journal.bytes / seconds
    print(f"{calls:,} calls, {journal.bytes / 1e6:.0f} MB of journal unread; {rate:g} calls/s go on", flush=True)
    live = list(journal.traffic(round(rate * seconds / AIM), rate, time.time(), calls + 1))
    watch = await asyncpg.connect(url)
    going_on = asyncio.create_task(go_on(journal, live))
    postgres_before = sum(tree_cpu(server.process.pid).values())
    began = time.perf_counter()
    async with ingesting(url, journal) as pid:
        while await bytes_behind(watch, journal) > per_second:
            await asyncio.sleep(0.1)
        took = time.perf_counter() - began
        ours, database = cpu(pid), sum(tree_cpu(server.process.pid).values()) - postgres_before
        lived = await watch.fetchval("SELECT count(*) FROM calls")
        going_on.cancel()
        await asyncio.gather(going_on, return_exceptions=True)
        await until_stored(watch, journal)
        records = await watch.fetchval("SELECT count(*) FROM calls")
    await watch.close()
    print(
        f"caught up after {took:.1f} s: {seconds / took:.1f} × real time (aim ≥ {AIM:g}), {lived / took:,.0f} calls/s"
    )
    print(f"CPU a call: ours {ours / lived * 1000:.2f} ms, Postgres {database / lived * 1000:.2f} ms")
    print(f"records: {records:,} of {calls + round(rate * seconds / AIM):,} calls, those that went on included")


async def main(rate: float, hours: float) -> None:
    async with running_server() as server:
        await catch_up(server, rate, hours)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=5)
    parser.add_argument("--hours", type=float, default=1)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.rate, arguments.hours))
