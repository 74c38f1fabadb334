"""Which hotline each set of drills needs, and running a set on it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from tests.drills.drills import CLOCK, OUTSIDE, SERVICE, SMALL_DISKS
from tests.drills.faults.disks import folders, make_database
from tests.drills.pair import two_pbxs
from tests.drills.run import Drill, Outcome, Trial
from tests.drills.site import DrillHotline, Site, drill_site

Rounds = Sequence[Sequence[Drill]]
Report = Callable[[Outcome], None]
A_WORKDAY = "2026-11-25 10:00"
SHORT_RATE = 1.0
"""Calls a second of all drills together in the short form: other tests make calls beside it."""


@asynccontextmanager
async def on_small_disks() -> AsyncIterator[Site]:
    hotline = DrillHotline()
    await make_database(hotline)
    hotline.small_disks = folders(hotline)
    async with drill_site(hotline) as site:
        yield site


def with_a_clock() -> AbstractAsyncContextManager[Site]:
    return drill_site(DrillHotline(clock=A_WORKDAY))


SETS: dict[str, tuple[Callable[[], AbstractAsyncContextManager[Site]], Rounds, int]] = {
    "service": (drill_site, SERVICE, 10),
    "outside": (drill_site, OUTSIDE, 30),
    "disks": (on_small_disks, SMALL_DISKS, 50),
    "clock": (with_a_clock, CLOCK, 60),
}
"""Name → its hotline, its drills, and the number of the first (it becomes part of the callers' numbers)."""


async def run_set(
    name: str, *, long: bool, names: Sequence[str] = (), report: Report = lambda _: None
) -> list[Outcome]:
    """All drills of a set. Long: one after another. Short: what stands together at once, judged at the end."""
    if name == "pair":
        outcomes = await two_pbxs(long=long)
        for outcome in outcomes:
            report(outcome)
        return outcomes
    place, rounds, first = SETS[name]
    numbered = {drill.name: first + i for i, drill in enumerate(d for together in rounds for d in together)}
    wanted = [[d for d in together if not names or any(n in d.name for n in names)] for together in rounds]
    async with place() as site:
        trials: list[Trial] = []
        done: list[Outcome] = []
        for together in [[d] for ds in wanted for d in ds] if long else wanted:
            rate = 0.0 if long else SHORT_RATE / max(1, len(together))
            trials += (new := [Trial(site, drill, numbered[drill.name], long=long, rate=rate) for drill in together])
            await asyncio.gather(*(trial.try_hit() for trial in new))
            if long:
                done.append(await _judged(trials.pop(), report))
        done += await asyncio.gather(*(_judged(trial, report) for trial in trials))
        return done


async def _judged(trial: Trial, report: Report) -> Outcome:
    outcome = await trial.verdict()
    report(outcome)
    return outcome
