"""Real calls through a real hotline with faults of each kind, and what the product said of each of them.

Theory of operation. Phase 1: calls of all kinds in an order and at instants by the seed, so many at once; work on a
recording that is to be hit between two steps of its life is held by a trigger on its row (`site.HOLD`), which no part
of the product knows of. Phase 2: disasters that concern every call that is up. Then everything is asked of the
product. Phase 3: what is kept is tampered with, all at once, and `verify` is asked again. `scoring` compares.
"""

import asyncio
import os
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import repeat

from callcenter.recordings.model import PENDING
from tests.drills.site import AGENTS
from tests.faulty.asking import Answers, ask, deviations
from tests.faulty.disasters import DISASTERS, Interval
from tests.faulty.injecting import DONE
from tests.faulty.kinds import KINDS, SOUND, Kind, Stage
from tests.faulty.playing import Played, Player
from tests.faulty.site import FaultSite, fault_site

AT_ONCE = 24
BEFORE_SECONDS, AFTER_SECONDS = 4.0, 1.0
CONCLUDED_SECONDS = 180.0
HASTENED_AFTER = 6
"""Looks at a recording whose files Asterisk should have closed by then, on a busy machine, too"""

Say = Callable[[str], None]


@dataclass
class Trial:
    """What was done, and what was told of it."""

    played: list[Played] = field(default_factory=list)
    intervals: dict[str, Interval | None] = field(default_factory=dict)
    calls_in: dict[str, list[Played]] = field(default_factory=dict)
    """Disaster → the calls of its time"""
    before: Answers = field(default_factory=Answers)
    strange_before: list[str] = field(default_factory=list)
    after: Answers = field(default_factory=Answers)
    strange_after: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """Audio in plain that lies in the spool although its recording is sealed"""
    unconcluded: int = 0
    seconds: float = 0.0


async def real(calls: int, each: int, seed: int, *, disasters: bool = True, hasten: bool = False, say: Say) -> Trial:
    """About so many calls, `each` of them of each kind of fault. `hasten`: nobody waits for files that never come."""
    began, trial, dice = time.time(), Trial(), random.Random(seed)  # noqa: S311
    async with fault_site(seed, AGENTS) as site:
        with suppress(OSError):  # a plain user may not
            os.setpriority(os.PRIO_PROCESS, 0, -5)  # the phones' audio leaves in time
        say(f"ready after {time.time() - began:.0f} s")
        haste = asyncio.create_task(_hasten(site)) if hasten else None
        try:
            await _mixed(site, trial, calls, each, dice, hasten=hasten)
            say(f"{len(trial.played)} calls with faults of their own after {time.time() - began:.0f} s")
            for n, name in enumerate(DISASTERS if disasters else ()):
                await _disaster(site, trial, name, dice, f"1391{n}")
                say(f"{name}: {len(trial.calls_in[name])} calls, after {time.time() - began:.0f} s")
            trial.unconcluded = await _concluded(site)
        finally:
            if haste:
                haste.cancel()
        trial.left = await _plain_audio_left(site)
        trial.before = await ask(site, began)
        trial.strange_before = await deviations(site, trial.before)
        say(f"asked after {time.time() - began:.0f} s")
        await _tamper(site, trial, dice)
        trial.after = await ask(site, began)
        trial.after.ids, trial.after.entries = trial.before.ids, trial.before.entries
        trial.strange_after = await deviations(site, trial.after)
    trial.seconds = time.time() - began
    return trial


async def _mixed(site: FaultSite, trial: Trial, calls: int, each: int, dice: random.Random, *, hasten: bool) -> None:
    units: list[Kind] = [kind for kind in KINDS for _ in range(-(-each // kind.together))]
    units += [SOUND] * max(0, calls - sum(kind.together for kind in units))
    dice.shuffle(units)
    if hasten:
        units.sort(key=lambda kind: (-kind.talk[1], kind.stage is not Stage.CLOSED))
    player = Player(site, dice, AT_ONCE, "1390", soon=hasten)
    await player.play(units)
    trial.played += player.played


async def _disaster(site: FaultSite, trial: Trial, name: str, dice: random.Random, prefix: str) -> None:
    """Sound calls before, while and after it happens."""
    over, player = asyncio.Event(), Player(site, dice, AT_ONCE, prefix)
    playing = asyncio.create_task(player.play(repeat(SOUND), more=lambda: not over.is_set()))
    await asyncio.sleep(BEFORE_SECONDS)
    trial.intervals[name] = interval = await DISASTERS[name](site)
    await asyncio.sleep(AFTER_SECONDS)
    over.set()
    await playing
    for call in player.played:
        call.hit = interval is not None and call.seen.invited_at < interval[1] and _end_of(call) > interval[0]
    trial.calls_in[name] = player.played
    trial.played += player.played


def _end_of(call: Played) -> float:
    """A call whose end no phone was told was up until then."""
    return call.seen.ended_at or time.time()


async def _concluded(site: FaultSite) -> int:
    """Waits until every recording is in the store, absent or damaged; how many are not in the end."""
    states = [*(state.value for state in PENDING), "sealed"]
    query = "SELECT count(*) FROM recordings WHERE state = ANY($1)"
    deadline = time.monotonic() + CONCLUDED_SECONDS
    while (left := await site.database.fetchval(query, states)) and time.monotonic() < deadline:
        await asyncio.sleep(0.3)
    return int(left)


async def _hasten(site: FaultSite) -> None:
    """Recordings that were looked at often enough were first looked at a while ago."""
    query = (
        "UPDATE recordings SET updated_at = now() - interval '2 minutes', next_try_at = now()"
        " WHERE state = ANY($1) AND attempts >= $2 AND updated_at > now() - interval '1 minute'"
    )
    while True:
        await site.database.execute(query, [state.value for state in PENDING], HASTENED_AFTER)
        await asyncio.sleep(0.3)


async def _plain_audio_left(site: FaultSite) -> list[str]:
    query = "SELECT name FROM recordings WHERE state = ANY(ARRAY['sealed', 'archived'])"
    names = {row["name"] for row in await site.database.fetch(query)}
    return sorted(path.name for path in site.spool.glob("*.wav") if path.stem.rpartition("-")[0] in names)


async def _tamper(site: FaultSite, trial: Trial, dice: random.Random) -> None:
    """With what is kept, at the very end: entries of the chain last, since keys and rows are found through them."""
    done: set[int] = set()
    for call in sorted(trial.played, key=lambda call: call.kind.name == "entry of the chain deleted"):
        if call.kind.stage is Stage.KEPT and id(call) not in done and not call.trouble:
            done |= {id(partner) for partner in call.partners}
            await DONE[call.kind.name](site, [partner.line for partner in call.partners if partner.line], dice)
