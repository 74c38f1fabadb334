"""Our CPU per call against Asterisk's own, for calls as they are: answered by an agent, recorded, audio both ways.

    .venv/bin/python benchmarks/cpu_per_answered_call.py [--seconds 60] [--at-once 10] [--rounds 1]

One hotline, as it runs. Agents' softphones answer, callers send and hear RTP; each call lasts so long after the answer.
The listener's CPU (with every program that it starts) and Asterisk's are read from /proc from the first INVITE until
every recording is a file. What both take while nobody calls is measured before and printed beside it: a share of it
falls on each call, the smaller the busier the hotline is. The other extreme, calls of 1.5 s that nobody answers at 10
a second, is `cpu_per_call.py`.
"""

import argparse
import asyncio
import statistics
import sys
import time
from contextlib import AsyncExitStack, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import asyncpg
from tests.acceptance.hotline import RunningHotline

from benchmarks.rig.proc import cpu
from benchmarks.rig.talking import FRAME_SECONDS, Talker, keep_talking
from callcenter.local import addresses

IDLE_SECONDS = 10.0
AIM = 0.10
PARTS = ("listen", "asterisk")
TALKED = "SELECT count(*) FROM calls WHERE outcome = 'answered' AND caller_number = ANY($1::text[])"
RECORDED = (
    "SELECT count(*) FROM recordings JOIN calls ON calls.id = call_id"
    " WHERE recordings.state IN ('sealed', 'archived') AND recordings.flags = '{}' AND caller_number = ANY($1::text[])"
)
"""Files with audio from both sides"""


def used(hotline: RunningHotline) -> dict[str, float]:
    return {part: cpu(hotline.process(part).pid) for part in PARTS}


async def idle(hotline: RunningHotline) -> dict[str, float]:
    """CPU seconds a second of each part while nobody calls."""
    before = used(hotline)
    await asyncio.sleep(IDLE_SECONDS)
    return {part: (seconds - before[part]) / IDLE_SECONDS for part, seconds in used(hotline).items()}


async def one_round(hotline: RunningHotline, at_once: int, seconds: float, number: int) -> dict[str, float]:
    """CPU seconds of each part, and how long it took, for so many calls."""
    talkers = [Talker(hotline.settings.sip_port, str(13100000000 + number * 1000 + i), seconds) for i in range(at_once)]
    numbers = [talker.number for talker in talkers]
    clock = asyncio.create_task(keep_talking(talkers))
    began, before = time.perf_counter(), used(hotline)
    ringing = []
    for talker in talkers:
        ringing.append(asyncio.create_task(talker.ring()))
        await asyncio.sleep(0.5)  # as calls come: not all in one instant
    await asyncio.gather(*ringing)
    answered, recorded = await until_recorded(addresses.database_url(hotline.settings), numbers)
    took = time.perf_counter() - began
    result = {part: cpu_now - before[part] for part, cpu_now in used(hotline).items()} | {"took": took}
    clock.cancel()
    with suppress(asyncio.CancelledError):
        await clock
    heard = statistics.median(talker.heard for talker in talkers) * FRAME_SECONDS
    print(f"round {number + 1}: {answered} of {at_once} spoke with an agent, {recorded} recordings with both sides; "
          f"callers heard {heard:.0f} s", flush=True)  # fmt: skip
    return result


async def until_recorded(url: str, numbers: list[str]) -> tuple[int, int]:
    """How many talked, and how many recordings are there, when all are or 15 s have passed."""
    connection = await asyncpg.connect(url)
    recorded, deadline = 0, time.perf_counter() + 15
    while recorded < len(numbers) and time.perf_counter() < deadline:
        await asyncio.sleep(0.1)
        recorded = await connection.fetchval(RECORDED, numbers)
    answered = await connection.fetchval(TALKED, numbers)
    await connection.close()
    return answered, recorded


async def main(seconds: float, at_once: int, rounds: int) -> None:
    agents = [str(1001 + i) for i in range(at_once)]
    given = {"queue_timeout_seconds": 60, "supervisors": ["1900"]}
    async with RunningHotline(pbx="talks", agents=agents, **given) as hotline, AsyncExitStack() as phones:
        code, said = await hotline.command("schedule", "open", "--until", "+1h")
        assert code == 0, said
        for agent in agents:
            phone = await phones.enter_async_context(hotline.phone(agent))
            phone.send("auto 0.5")
        await asyncio.sleep(3)
        resting = await idle(hotline)
        found = [await one_round(hotline, at_once, seconds, number) for number in range(rounds)]
    took = statistics.median(each["took"] for each in found)
    print(f"{at_once} calls of {seconds:g} s at once, CPU a call:")
    whole, net = {}, {}
    for part in PARTS:
        whole[part] = statistics.median(each[part] for each in found) / at_once * 1000
        net[part] = whole[part] - resting[part] * took / at_once * 1000
        print(f"{part:>9}: {whole[part]:7.1f} ms, of it {whole[part] - net[part]:6.1f} that idling takes "
              f"({resting[part] * 1000:.1f} ms a second)")  # fmt: skip
    share, with_idling = net["listen"] / net["asterisk"], whole["listen"] / whole["asterisk"]
    print(f"ours / Asterisk's: {share:.1%} of what the calls themselves take (aim ≤ {AIM:.0%}), "
          f"{with_idling:.1%} with what both take when idle")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--at-once", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.seconds, arguments.at_once, arguments.rounds))
