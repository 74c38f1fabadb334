"""One drill: load, fault, recovery, verdict."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from callcenter.local.processes import last_lines, until
from callcenter.storage.away import AWAY
from tests.drills.judge import Verdict, judge, kept
from tests.drills.load import plans
from tests.drills.site import Site

BEFORE_SECONDS = 2.0
"""The load runs so long before the fault."""
BACK_SECONDS = 90.0
"""Everything must be well so soon after the fault is gone."""
CROWD_SECONDS = 600.0
KEPT_SECONDS = 240.0
"""Every record and recording must be there so soon after that."""

Fault = Callable[[Site, float], Awaitable[None]]
"""Does its worst for so many seconds and puts things right as far as somebody else would; never touches our service.
What it took with it, it notes in the site's terms."""


@dataclass(frozen=True, slots=True)
class Drill:
    """One row of the table. Seconds are how long the fault lasts in the short and in the long form."""

    name: str
    fault: Fault
    told: str
    """How the operator hears of it: `health:PART`, `alert:KIND` or `log:PART:TEXT`; several by `|`"""
    short: float = 4.0
    long: float = 30.0
    rate: float = 2.0
    back: float = BACK_SECONDS
    crowd: tuple[int, int] = (0, 0)
    """So many calls more are up when it begins, and stay (short, long)"""


@dataclass
class Outcome:
    """What came of it."""

    drill: Drill
    seconds: float
    told: str | None
    back: float
    """Seconds after the fault was gone until everything was well"""
    verdict: Verdict
    broken: str = ""
    """Why there is no verdict: it did not come back, or the drill itself failed"""

    @property
    def unwritten(self) -> int:
        """Calls that no journal could hold."""
        return self.verdict.unwritten

    @property
    def faults(self) -> list[str]:
        if self.broken:
            return [f"{self.drill.name}: {self.broken}"]
        untold = [] if self.told is not None else [f"operator was not told: {self.drill.told}"]
        return [f"{self.drill.name}: {each}" for each in (*untold, *self.verdict.faults)]


class Trial:
    """One drill on one site: `hit` breaks and waits for recovery, `verdict` judges; the next one may begin between."""

    def __init__(self, site: Site, drill: Drill, index: int, *, long: bool = False, rate: float = 0.0) -> None:
        self.site, self.drill = site, drill
        self._rate = rate or drill.rate
        self._seconds = drill.long if long else drill.short
        self._plans = plans(f"139{index:02d}", index)
        self._prefix = f"139{index:02d}"
        self._calls: list[asyncio.Task[Any]] = []
        self._crowd = drill.crowd[long]
        self._broken = ""

    async def hit(self) -> None:
        """Load, fault, recovery. Raises `AssertionError` when the hotline does not come back by itself."""
        stop, site = asyncio.Event(), self.site
        loading = asyncio.create_task(site.load.run(self._plans, self._rate, stop, self._calls))
        try:
            await asyncio.sleep(BEFORE_SECONDS)
            await self._gather_crowd()
            self._logged = {part: len(site.logs(part)) for part in ("listen", "api", "run")}
            self._began = time.time()
            await self.drill.fault(site, self._seconds)
            self._lifted = time.time()
            await _well_again(site, self.drill)
            self._back = time.time() - self._lifted
            self._told = _told(site, self.drill.told, self._began, self._logged)
        finally:
            stop.set()
            await loading

    async def _gather_crowd(self) -> None:
        """As many agents talk as there are, the other callers wait."""
        load = self.site.load
        for plan in islice(plans(f"{self._prefix}9", 1), self._crowd):
            self._calls.append(load.begin(replace(plan, story="caller_hangs_up", stay=CROWD_SECONDS)))
            await asyncio.sleep(0.1)
        async with asyncio.timeout(60):
            while load.up < self._crowd:
                await asyncio.sleep(0.1)
        await asyncio.sleep(BEFORE_SECONDS if self._crowd else 0)

    async def try_hit(self) -> None:
        """`hit`; what goes wrong with one drill is in its outcome, and the others go on."""
        try:
            await self.hit()
        except (AssertionError, TimeoutError) as error:
            self._broken = f"{type(error).__name__} {error}"

    async def verdict(self) -> Outcome:
        """Waits for the last call, then for every record and recording."""
        if self._broken:
            return Outcome(self.drill, 0.0, None, 0.0, Verdict(), self._broken)
        await asyncio.gather(*self._calls)
        verdict = await _verdict(self.site, self._prefix)
        return Outcome(self.drill, self._lifted - self._began, self._told, self._back, verdict)


async def _well_again(site: Site, drill: Drill) -> None:
    try:
        await site.watcher.all_well(drill.back)
    except TimeoutError:
        last = site.watcher.looks[-1].parts
        wrong = {part: detail for part, (ok, detail) in last.items() if not ok}
        raise AssertionError(
            f"{drill.name}: not well {drill.back:g} s later: {wrong} · {site.hotline.logs()}"
        ) from None


def _told(site: Site, ways: str, began: float, logged: dict[str, int]) -> str | None:
    """How the operator heard of it; None when he didn't. What is no fault for anybody need not be told."""
    if not ways:
        return "nothing to tell"
    for way in ways.split("|"):
        kind, _, rest = way.partition(":")
        if kind == "health" and (detail := site.watcher.told(rest, began)) is not None:
            return f"{rest}: {detail}"
        if kind == "alert" and site.watcher.alerts.get(rest, 0) >= began:
            return f"alert {rest}"
        part, _, text = rest.partition(":")
        if kind == "log" and text in site.logs(part)[logged[part] :]:
            return f"{part}.log: {text}"
    return None


async def _verdict(site: Site, prefix: str) -> Verdict:
    """The verdict once nothing is missing any more; after some time, with what still is."""
    latest: list[Verdict] = []

    async def complete() -> bool:
        try:
            found = await kept(site.hotline.postgres_url, site.hotline.settings.pbx)
        except AWAY:
            return False
        latest[:] = [judge(found, site.oracle.path, prefix, site.terms, site.subscriber)]
        return not latest[0].faults

    await until(complete, KEPT_SECONDS, every=1.0)
    assert latest, f"Postgres does not answer: {last_lines(site.hotline.output)}"
    return latest[0]


def row(outcome: Outcome) -> list[Any]:
    """A line of the table of results."""
    verdict = outcome.verdict
    return [
        outcome.drill.name,
        f"{outcome.seconds:.0f}",
        verdict.calls,
        verdict.talks,
        outcome.unwritten,
        *verdict.counts(),
        f"{outcome.back:.1f}",
        (outcome.broken or outcome.told or "NOT TOLD").replace("|", "/")[:90],
    ]
