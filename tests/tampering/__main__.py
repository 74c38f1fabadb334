"""python -m tests.tampering [--count 10000] [--seed 1]: prints what was done and what was missed; exit code 1 then."""

import argparse
import asyncio
import sys
import time

from benchmarks.rig.server import running_server

from callcenter.storage.engine import make_engine
from tests.tampering.run import Score, tamper
from tests.tampering.site import build


async def main(count: int, seed: int) -> Score:
    async with running_server("fsync=off", "synchronous_commit=off", "full_page_writes=off") as server:
        engine = make_engine(await server.database("tampered"))
        try:
            site = await build(engine, server.folder / "site" / "recordings")
            return await tamper(site, count, seed)
        finally:
            await engine.dispose()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    began = time.perf_counter()
    score = asyncio.run(main(asked.count, asked.seed))
    for name, number in sorted(score.done.items()):
        print(f"{number:6} {name}")
    took = time.perf_counter() - began
    print(f"{score.done.total()} tamperings, {len(score.missed)} missed, {len(score.left)} left over, {took:.0f} s")
    print(*score.missed[:50], *score.left, sep="\n")
    sys.exit(bool(score.missed or score.left))
