"""Asterisk's CPU per call with our service attached (journal, AMI) against the same dialplan bare; ours beside it.

    .venv/bin/python benchmarks/cpu_per_call.py [--rounds 4] [--calls 100] [--rate 10]

Two hotlines with the same configuration, side by side. *Attached* is as it runs. *Bare* has lost everything of ours: no
listener, no AMI client, CEL switched off; dialplan, queue and recording as ever. Rounds alternate; CPU is read from
/proc before and after each, that of programs which the listener starts included. Calls come from the trunk at a steady
rate, are answered, recorded, hear the notice, leave.
"""

import argparse
import asyncio
import signal
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.acceptance.hotline import RunningHotline

from benchmarks.rig.calls import ring_steadily
from benchmarks.rig.proc import cpu

SECONDS = 1.5
"""How long a call lasts."""


async def strip(hotline: RunningHotline) -> None:
    """Take away all that is ours, by force: Asterisk stays."""
    hotline.run.send_signal(signal.SIGKILL)
    await hotline.run.wait()
    (hotline.settings.asterisk_dir / "etc" / "cel.conf").write_text("[general]\nenable = no\n")
    for module in ("cel", "cel_custom.so"):
        await console(hotline, f"module reload {module}")


async def console(hotline: RunningHotline, command: str) -> None:
    arguments = Path(f"/proc/{hotline.process('asterisk').pid}/cmdline").read_bytes().split(b"\0")
    words = [a.decode() for a in arguments if a]
    program = words[
        : next(i for i, w in enumerate(words) if w.endswith("/asterisk") and "lib" not in w.split("/")[-2]) + 1
    ]
    configuration = words[words.index("-C") + 1]
    process = await asyncio.create_subprocess_exec(
        *program, "-C", configuration, "-rx", command, stdout=asyncio.subprocess.DEVNULL
    )
    await process.wait()


async def measured(hotline: RunningHotline, calls: int, rate: float, first: int) -> dict[str, float]:
    """CPU milliseconds a call, by process."""
    parts = [p for p in ("asterisk", "listen") if p == "asterisk" or hotline.run.returncode is None]
    pids = {part: hotline.process(part).pid for part in parts}
    before = {part: cpu(pid) for part, pid in pids.items()}
    await ring_steadily(hotline.settings.sip_port, rate, calls, SECONDS, first)
    await asyncio.sleep(3)  # what the calls left to do
    return {part: (cpu(pid) - before[part]) / calls * 1000 for part, pid in pids.items()}


async def both(
    attached: RunningHotline, bare: RunningHotline, calls: int, rate: float, number: int
) -> tuple[dict[str, float], dict[str, float]]:
    """One round of each; who begins alternates, so that a machine that drifts favours neither."""
    order = (attached, bare) if number % 2 == 0 else (bare, attached)
    found = {id(hotline): await measured(hotline, calls, rate, number * calls) for hotline in order}
    return found[id(attached)], found[id(bare)]


async def idle_cpu(hotline: RunningHotline, seconds: float) -> float:
    """Our listener's CPU while nobody calls, milliseconds a second."""
    pid = hotline.process("listen").pid
    before = cpu(pid)
    await asyncio.sleep(seconds)
    return (cpu(pid) - before) / seconds * 1000


async def main(rounds: int, calls: int, rate: float) -> None:
    async with RunningHotline(pbx="attached") as attached, RunningHotline(pbx="bare") as bare:
        await strip(bare)
        for hotline in (attached, bare):
            await ring_steadily(hotline.settings.sip_port, rate, 30, SECONDS, 800_000)
        with_us: list[float] = []
        without: list[float] = []
        ours: list[float] = []
        for number in range(rounds):
            one, two = await both(attached, bare, calls, rate, number)
            with_us.append(one["asterisk"])
            ours.append(one["listen"])
            without.append(two["asterisk"])
            print(f"round {number + 1}: attached {one['asterisk']:.2f} ms, bare {two['asterisk']:.2f} ms, "
                  f"ours {one['listen']:.2f} ms", flush=True)  # fmt: skip
        idle = await idle_cpu(attached, 5)
        await bare.start()  # so that it can be stopped as it should be
    ratio = statistics.median(a / b for a, b in zip(with_us, without, strict=True))
    here, there, us = (statistics.median(column) for column in (with_us, without, ours))
    print(f"median: attached {here:.2f} ms a call, bare {there:.2f}, ratio {here / there:.2f} (of pairs {ratio:.2f})")
    print(f"our listener: {us:.2f} ms a call at {rate:g} calls/s; idle it takes {idle:.1f} ms a second")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--rate", type=float, default=10)
    arguments = parser.parse_args()
    began = time.monotonic()
    asyncio.run(main(arguments.rounds, arguments.calls, arguments.rate))
    print(f"({time.monotonic() - began:.0f} s)")
