"""Asterisk's CPU per call with channel events sent by AMI to a listener that keeps a journal of them, against without.

    .venv/bin/python benchmarks/cel_over_ami.py [--rounds 6] [--calls 100] [--rate 10]

One hotline as it runs (files, its own listener). *On*: cel_manager is loaded and a second listener (`journal = "ami"`)
reads. *Off*: the module is unloaded and that listener stopped. Rounds alternate on the same Asterisk, and who begins
alternates, too; CPU is read from /proc before and after each.
"""

import argparse
import asyncio
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.acceptance.hotline import RunningHotline
from tests.acceptance.observer import AmiObserver

from benchmarks.cpu_per_call import SECONDS, console
from benchmarks.rig.calls import ring_steadily
from benchmarks.rig.proc import cpu


async def measured(hotline: RunningHotline, observer: AmiObserver, calls: int, rate: float, first: int) -> list[float]:
    """CPU milliseconds a call: Asterisk's, the observing listener's."""
    running = observer.process.returncode is None
    pids = [hotline.process("asterisk").pid, *([observer.process.pid] if running else [])]
    before = [cpu(pid) for pid in pids]
    await ring_steadily(hotline.settings.sip_port, rate, calls, SECONDS, first)
    await asyncio.sleep(3)  # what the calls left to do
    return [(cpu(pid) - was) / calls * 1000 for pid, was in zip(pids, before, strict=True)]


async def switch(hotline: RunningHotline, observer: AmiObserver, *, on: bool) -> None:
    if on:
        await console(hotline, "module load cel_manager.so")
        await observer.start()
    else:
        await observer.stop()
        await console(hotline, "module unload cel_manager.so")


async def main(rounds: int, calls: int, rate: float) -> None:
    async with RunningHotline(pbx="measured", cel_over_ami=True) as hotline, AmiObserver(hotline) as observer:
        await ring_steadily(hotline.settings.sip_port, rate, 30, SECONDS, 800_000)
        with_events: list[float] = []
        without: list[float] = []
        keeper: list[float] = []
        is_on = True
        for number in range(rounds):
            found: dict[bool, list[float]] = {}
            for on in (True, False) if number % 2 == 0 else (False, True):
                if on is not is_on:
                    await switch(hotline, observer, on=on)
                    is_on = on
                found[on] = await measured(hotline, observer, calls, rate, (2 * number + on) * calls)
            with_events.append(found[True][0])
            keeper.append(found[True][1])
            without.append(found[False][0])
            print(f"round {number + 1}: on {with_events[-1]:.2f} ms, off {without[-1]:.2f} ms, "
                  f"keeper {keeper[-1]:.2f} ms", flush=True)  # fmt: skip
        if not is_on:
            await switch(hotline, observer, on=True)
    ratio = statistics.median(a / b for a, b in zip(with_events, without, strict=True))
    on, off, own = (statistics.median(column) for column in (with_events, without, keeper))
    print(f"median: on {on:.2f} ms a call, off {off:.2f}, ratio {on / off:.2f} (of pairs {ratio:.2f})")
    print(f"the listener that keeps the journal: {own:.2f} ms a call at {rate:g} calls/s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--rate", type=float, default=10)
    arguments = parser.parse_args()
    began = time.monotonic()
    asyncio.run(main(arguments.rounds, arguments.calls, arguments.rate))
    print(f"({time.monotonic() - began:.0f} s)")
