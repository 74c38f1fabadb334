"""Two hotlines with an Asterisk each and one database: their counters collide, one dies, the other is not touched."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack

import asyncpg

from tests.drills.drills import DIES
from tests.drills.run import Drill, Outcome, Trial
from tests.drills.site import AGENTS, DrillHotline, drill_site

FEW = AGENTS[:8]
UNIQUEIDS = "SELECT uniqueid FROM calls WHERE pbx = $1 AND direction = 'inbound'"


async def nothing(_site: object, seconds: float) -> None:
    """The other one is well."""
    await asyncio.sleep(seconds)


BYSTANDER = Drill("two PBXs, one database: the other dies", nothing, "", DIES.short + 8, DIES.long + 30)
VICTIM = Drill("two PBXs, one database: this one dies", DIES.fault, DIES.told, DIES.short, DIES.long)


async def two_pbxs(*, long: bool = False, rate: float = 1.0) -> list[Outcome]:
    """Both verdicts. Raises `AssertionError` when no unique ids collided but for the system's name."""
    async with AsyncExitStack() as stack:
        west = await stack.enter_async_context(drill_site(DrillHotline(pbx="west", agents=FEW)))
        url = west.hotline.postgres_url
        east = await stack.enter_async_context(drill_site(DrillHotline(pbx="east", agents=FEW, database_url=url)))
        trials = [Trial(west, BYSTANDER, 80, long=long, rate=rate), Trial(east, VICTIM, 81, long=long, rate=rate)]
        await asyncio.gather(*(trial.try_hit() for trial in trials))
        outcomes = list(await asyncio.gather(*(trial.verdict() for trial in trials)))
        await _assert_collisions(url)
        return outcomes


async def _assert_collisions(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        counters = Counter[str]()
        for pbx in ("west", "east"):
            found = await connection.fetch(UNIQUEIDS, pbx)
            counters.update({row["uniqueid"].rpartition("-")[2].rpartition(".")[2] for row in found})
        assert max(counters.values(), default=0) == 2, "no counters collided: this drill drilled nothing"
    finally:
        await connection.close()
