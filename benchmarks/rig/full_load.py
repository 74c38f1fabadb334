"""Recording while the processors are full: how many calls that takes, and what their recordings lack.

Calls of a minute come and go, so that on the hotline's side recordings are sealed all the while.
"""

import asyncio
import os
import random
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import asyncpg

from benchmarks.rig.phones import BEGINNINGS_A_SECOND, Told
from benchmarks.rig.proc import descendants
from benchmarks.rig.sides import Kept, Side, Window, made, until_finished, waiting, window
from benchmarks.rig.wholeness import Whole, all_judged, said

CALL_SECONDS = 60.0
STEP, STEP_SECONDS, SETTLE_SECONDS = 20, 3.0, 1.0
PAUSE_SECONDS = 0.2
"""Between a call and the next one in its place."""
NORMAL_SECONDS = 0.5
"""How often the worker's programs are looked for when they are to have a normal priority."""


async def until_full(bare: Side, first: int, most: int, idle: float) -> tuple[int, float]:
    """Add calls until the machine idles less than `idle` per cent, or there are as many as may be; both figures."""
    release = asyncio.Event()
    await bare.phones.begin_many(first, release.wait, rate=20)
    while True:
        await asyncio.sleep(SETTLE_SECONDS)
        seen = await window(bare, STEP_SECONDS)
        calls = bare.phones.running
        print(
            f"  {calls} calls: the machine idles {seen.machine_idle:.1f} %, Asterisk {seen.total / calls:.2f} % a call"
        )
        if seen.machine_idle < idle or calls + STEP > most:
            break
        await bare.phones.begin_many(STEP, release.wait, rate=20)
    release.set()
    await bare.phones.all_ended()
    return calls, seen.machine_idle


@dataclass
class Loaded:
    """What a load left behind."""

    calls: list[Told]
    window: Window
    waiting: int
    """Recordings unfinished when it ended"""


async def loaded(side: Side, calls: int, seconds: float) -> Loaded:
    """Hold so many calls for so long, each caller who leaves followed by another."""
    first, stop = len(side.phones.done), asyncio.Event()
    lines = [asyncio.create_task(_line(side, stop, i / BEGINNINGS_A_SECOND)) for i in range(calls)]
    try:
        await asyncio.sleep(calls / BEGINNINGS_A_SECOND + SETTLE_SECONDS)
        seen = await window(side, seconds)
    finally:
        stop.set()
    await asyncio.gather(*lines)
    await side.phones.all_ended()
    return Loaded(side.phones.done[first:], seen, await waiting(side))


async def _line(side: Side, stop: asyncio.Event, after: float) -> None:
    """One caller after the other."""
    await _unless(stop, after)
    stay = CALL_SECONDS * random.uniform(0.3, 1.0)  # noqa: S311 - so that ends are spread
    while not stop.is_set():
        await side.phones.begin(partial(_unless, stop, stay))
        stay = CALL_SECONDS
        await _unless(stop, PAUSE_SECONDS)


async def _unless(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


@asynccontextmanager
async def normal_priority(side: Side) -> AsyncIterator[None]:
    """The worker and what it starts get the priority of everybody else. Raises `PermissionError` where it may not."""
    task = asyncio.create_task(_lift(side))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _lift(side: Side) -> None:
    while True:
        worker = side.worker()
        for pid in [worker, *descendants(worker)] if worker else []:
            with suppress(ProcessLookupError, FileNotFoundError):
                for thread in os.listdir(f"/proc/{pid}/task"):
                    os.sched_setscheduler(int(thread), os.SCHED_OTHER, os.sched_param(0))
                    os.setpriority(os.PRIO_PROCESS, int(thread), 0)
                _lift_session(pid)
        await asyncio.sleep(NORMAL_SECONDS)


def _lift_session(pid: int) -> None:
    """Where the kernel shares the processor among sessions first (`callcenter.recordings.worker.AUTOGROUP`)."""
    with suppress(OSError):  # one such wish a tenth of a second is heard: the next look has another one
        Path(f"/proc/{pid}/autogroup").write_text("0")


async def bare_load(bare: Side, calls: int, seconds: float) -> list[Whole]:
    """The comparison."""
    found = await loaded(bare, calls, seconds)
    judged = await asyncio.to_thread(all_judged, found.calls, bare.spool, {each.key: each.key for each in found.calls})
    _tell("bare", found, judged)
    return judged


async def our_load(ours: Side, calls: int, seconds: float, backlog_seconds: float, title: str) -> list[Whole]:
    """Ours; what was not sealed when the load ended is waited for, so long at most."""
    folder = ours.spool.parent / "kept"
    keeping = asyncio.create_task(Kept(ours.spool, folder).run())
    try:
        found = await loaded(ours, calls, seconds)
    finally:
        keeping.cancel()
    took = await until_finished(ours, backlog_seconds)
    left = await waiting(ours)
    rows = {row["caller_number"]: row for row in await made(ours)}
    names = {number: row["name"] for number, row in rows.items()}
    judged = await asyncio.to_thread(all_judged, found.calls, folder, names)
    await asyncio.to_thread(shutil.rmtree, folder)
    _tell(title, found, judged)
    behind = f"{found.waiting} of {len(found.calls)} waited when the load ended, {left} {took:.0f} s later"
    print(f"    sealing: {behind}; {_sealed(found.calls, rows)}", flush=True)
    return judged


def _sealed(calls: list[Told], rows: dict[str, asyncpg.Record]) -> str:
    """What became of the recordings of those calls, and their remarks."""
    mine = [rows[told.number] for told in calls if told.number in rows]
    states = Counter(row["state"] for row in mine)
    flags = Counter(flag for row in mine for flag in row["flags"])
    return f"states {dict(states)}, remarks {dict(flags) or 'none'}"


def _tell(title: str, found: Loaded, judged: list[Whole]) -> None:
    parts = ", ".join(f"{part} {share:.1f}" for part, share in found.window.parts.items())
    print(f"  {title}: {said(judged)}")
    print(f"    machine idle {found.window.machine_idle:.1f} %; % of a core: {parts}", flush=True)
