"""What a recorded call costs while it is up, the hotline against an Asterisk by itself; and recording at full load.

    .venv/bin/python benchmarks/cpu_per_recorded_call.py [--quick] [--only during|load] [--calls 20 60] [--full-load N]

*Bare* is an Asterisk of the same version with the same phones and codecs, and a dialplan of four lines: Answer,
MixMonitor with the hotline's own arguments, Dial. *Ours* is the whole hotline: dialplan with queue, channel events,
listener with its watch, recording worker, Postgres, broker, API. Both are rung by the same process, which sends real
speech from both sides, 50 packets of A-law a second, and is not in the figures.

*During the call*: so many calls are held, and CPU is read from /proc from when the last is up until just before the
first ends; sides take turns, bare-ours-ours-bare, or with `--together` hold as many calls each at the same time, which
a machine that others use can't bend. What idling takes is measured before and shown apart.

*At full load*: calls are added to the bare Asterisk until the processors are full. So many calls of a minute, coming
and going, are then held on each side, and what their files lack is compared: length, and frames, each of which has a
number. Our worker seals recordings meanwhile; once more with the priority of everybody else, as it must not be.

Ends by itself: after 20 minutes at most, `--quick` after 3.
"""

import argparse
import asyncio
import os
import signal
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.rig.full_load import bare_load, normal_priority, our_load, until_full
from benchmarks.rig.phones import Media
from benchmarks.rig.proc import cpu
from benchmarks.rig.sides import Side, Window, bare_side, our_side, until_finished, waiting, window
from benchmarks.rig.wholeness import cut_share

AIM = 1.10
SETTLE_SECONDS = 4.0
UP_WITHIN = 30.0
SPARE_AGENTS = 1.1
ORDER = (("bare", "ours"), ("ours", "bare"))


@dataclass(frozen=True)
class Plan:
    """How much is measured; seconds."""

    calls: tuple[int, ...] = (20, 60)
    held: float = 60.0
    pairs: int = 2
    together: bool = False
    idle: float = 15.0
    sealed: float = 90.0
    """How long at most the next measurement waits until the recordings of this one are sealed."""
    load: float = 90.0
    normal_load: float = 40.0
    backlog: float = 120.0
    first: int = 100
    most: int = 260
    full: int | None = None
    full_idle: float = 5.0
    only: str = ""
    limit: float = 1170.0


QUICK = {
    "calls": (20,), "held": 16.0, "pairs": 1, "idle": 4.0, "sealed": 15.0, "load": 15.0, "normal_load": 0.0,
    "backlog": 15.0, "first": 40, "most": 60, "limit": 165.0,
}  # fmt: skip


async def held(side: Side, calls: int, seconds: float) -> Window:
    """What the side used while all these calls were up. Raises `AssertionError` when not all are."""
    release = asyncio.Event()
    await side.phones.begin_many(calls, release.wait)
    deadline = time.monotonic() + UP_WITHIN
    while side.phones.talking < calls and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
    await asyncio.sleep(SETTLE_SECONDS)
    seen = await window(side, seconds - SETTLE_SECONDS)
    up = side.phones.talking
    release.set()
    await side.phones.all_ended()
    assert up == calls, f"{side.name}: {up} of {calls} calls were up, refused: {side.phones.failed}"
    print(f"  {side.name}: {seen.total / calls:.3f} % a call; machine idle {seen.machine_idle:.0f} %", flush=True)
    return seen


async def turn(sides: list[Side], media: Media, calls: int, plan: Plan) -> dict[str, Window]:
    """These sides at the same time; then until their recordings are sealed."""
    await media.lateness()
    began, before = time.monotonic(), cpu(media.pid)
    found = await asyncio.gather(*(held(side, calls, plan.held) for side in sides))
    share = 100 * (cpu(media.pid) - before) / (time.monotonic() - began)
    print(f"    media took {share:.1f} %, {await media.lateness()}", flush=True)
    for side in sides:
        await settled(side, plan.sealed)
    return {side.name: seen for side, seen in zip(sides, found, strict=True)}


async def during(sides: dict[str, Side], media: Media, plan: Plan) -> None:
    resting = {name: await window(side, plan.idle) for name, side in sides.items()}
    for name, seen in resting.items():
        print(f"idle, phones registered: {name} {seen.total:.2f} % of a core: {parts_of(seen)}")
    for calls in plan.calls:
        print(f"{calls} calls, {plan.held:g} s, % of a core:", flush=True)
        pairs = []
        for number in range(plan.pairs):
            groups = [ORDER[0]] if plan.together else [(name,) for name in ORDER[number % 2]]
            found: dict[str, Window] = {}
            for names in groups:
                found |= await turn([sides[name] for name in names], media, calls, plan)
            pairs.append(found)
        tell_pairs(calls, pairs, resting)


async def settled(side: Side, at_most: float) -> None:
    """The next measurement begins when the recordings of this one are sealed."""
    await until_finished(side, at_most)
    if left := await waiting(side):
        print(f"  {left} recordings are still being sealed: what follows is measured beside that", flush=True)


def tell_pairs(calls: int, pairs: list[dict[str, Window]], resting: dict[str, Window]) -> None:
    """Per call, of each part; what it takes idle is in it, and shown."""
    for name in ("bare", "ours"):
        for part in pairs[0][name].parts:
            used = statistics.median(pair[name].parts[part] for pair in pairs) / calls
            idle = resting[name].parts.get(part, 0.0) / calls
            print(f"    {name:>4} {part:<10} {used:7.3f} % a call, of it {idle:6.3f} that it takes when idle, too")
    rest = {name: seen.total for name, seen in resting.items()}
    asterisks = ratio(pairs, lambda pair: pair["ours"].parts["asterisk"] / pair["bare"].total)
    net = ratio(pairs, lambda pair: (pair["ours"].total - rest["ours"]) / (pair["bare"].total - rest["bare"]))
    gross = ratio(pairs, lambda pair: pair["ours"].total / pair["bare"].total)
    print(f"  all of ours / bare: {gross} (aim ≤ {AIM:.2f}); without what either takes idle: {net}; "
          f"our Asterisk alone: {asterisks}", flush=True)  # fmt: skip


def ratio(pairs: list[dict[str, Window]], of: Callable[[dict[str, Window]], float]) -> str:
    each = [of(pair) for pair in pairs]
    return f"{statistics.median(each):.3f} ({', '.join(f'{one:.3f}' for one in each)})"


def parts_of(seen: Window) -> str:
    return ", ".join(f"{part} {share:.2f}" for part, share in seen.parts.items())


async def load(sides: dict[str, Side], media: Media, plan: Plan) -> None:
    calls, bare, ours = plan.full, sides["bare"], sides["ours"]
    print("full load:")
    if calls is None:
        calls, _ = await until_full(bare, plan.first, plan.most, plan.full_idle)
    await media.lateness()
    print(f"  {calls} calls of a minute coming and going, {plan.load:g} s:", flush=True)
    found = {"bare": await bare_load(bare, calls, plan.load)}
    print(f"    media: {await media.lateness()}; calls that failed: {bare.phones.failed or 'none'}")
    found["ours"] = await our_load(ours, calls, plan.load, plan.backlog, "ours")
    print(f"    media: {await media.lateness()}; calls that failed: {ours.phones.failed or 'none'}", flush=True)
    cut = "; ".join(f"{name} {cut_share(each):.2%}" for name, each in found.items())
    print(f"  files more than 1 % short: {cut} (aim: ours not above bare)", flush=True)
    if plan.normal_load:
        async with normal_priority(ours):
            await our_load(ours, calls, plan.normal_load, 0, "ours, worker at normal priority")


def come_first() -> None:
    """Real phones are other machines: what the hotline takes must not keep ours from answering."""
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -5)


def break_off(task: asyncio.Task[None]) -> None:
    """Once: what is then being stopped is let finish."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: None)
    task.cancel()


async def measure(plan: Plan) -> None:
    most = max(*plan.calls, plan.full or plan.most if plan.only != "during" else 0)
    agents = [str(1001 + i) for i in range(int(most * SPARE_AGENTS))]
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, break_off, task)
    async with AsyncExitStack() as stack, asyncio.timeout(plan.limit):  # stopping is not timed
        media = await stack.enter_async_context(Media())
        sides = {
            "ours": await stack.enter_async_context(our_side(agents, media)),
            "bare": await stack.enter_async_context(bare_side(agents, media)),
        }
        come_first()
        await asyncio.sleep(3)
        if plan.only != "load":
            await during(sides, media, plan)
        if plan.only != "during":
            await load(sides, media, plan)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="3 minutes: whether it works, no figures to publish")
    parser.add_argument("--only", choices=("during", "load"), default="")
    parser.add_argument("--calls", type=int, nargs="+", help="calls held at once, one or more numbers")
    parser.add_argument("--held", type=float, help="seconds that they are held")
    parser.add_argument("--pairs", type=int, help="of the two sides")
    parser.add_argument("--together", action="store_true", help="both sides at once: for a machine that is not quiet")
    parser.add_argument("--full-load", type=int, dest="full", help="calls at full load, instead of finding out")
    parser.add_argument("--load-seconds", type=float, dest="load")
    parser.add_argument("--limit", type=float, help="seconds after which it ends in any case")
    given = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
    quick = QUICK if given.pop("quick") else {}
    if "calls" in given:
        given["calls"] = tuple(given["calls"])
    began = time.monotonic()
    try:
        asyncio.run(measure(Plan(**{**quick, **given})))
    except TimeoutError:
        sys.exit(f"stopped after {time.monotonic() - began:.0f} s: choose less, or a longer --limit")
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit("stopped, and nothing of it is left running")
    print(f"({time.monotonic() - began:.0f} s)")


if __name__ == "__main__":
    main()
