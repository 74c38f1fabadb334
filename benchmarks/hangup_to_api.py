"""From hang-up to the record in the API at 10 calls/s: median and p99.

    .venv/bin/python benchmarks/hangup_to_api.py [--rate 10] [--calls 300]

Real calls to a real hotline (its own home and ports). The clock starts when the caller's BYE leaves, and stops when the
record was fetched by its id from `/v1/cdrs/{id}`, announced by `/v1/live`. Beside it, in the same run: the time until
the journal's last line of the call could be read at all, which no follower can beat (Asterisk's own part).
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.acceptance.hotline import RunningHotline

from benchmarks.rig.calls import ring_steadily


async def watch_api(hotline: RunningHotline, seen: dict[str, float], ready: asyncio.Event) -> None:
    """Note when each caller's record could be fetched."""
    async with hotline.api.stream("GET", "/v1/live", timeout=None) as live:
        ready.set()
        fetching = set()
        async for line in live.aiter_lines():
            if line.startswith("data:") and '"ended"' in line:
                event = json.loads(line[5:])
                body = event.get("payload", event)
                task = asyncio.create_task(fetch(hotline, body["call_id"], seen))
                fetching.add(task)
                task.add_done_callback(fetching.discard)


async def fetch(hotline: RunningHotline, call_id: str, seen: dict[str, float]) -> None:
    answer = await hotline.api.get(f"/v1/cdrs/{call_id}")
    if answer.status_code == 200:
        seen[answer.json()["caller_number"]] = time.time()


async def watch_journal(path: Path, seen: dict[str, float]) -> None:
    """Note when each caller's CHAN_END stood in the file."""
    with path.open() as file:
        rest = ""
        while True:
            rest += file.read()
            *lines, rest = rest.split("\n")
            for line in lines:
                if '"CHAN_END"' in line:
                    seen.setdefault(json.loads(line)["num"], time.time())
            await asyncio.sleep(0.002)


async def main(rate: float, calls: int) -> None:
    async with RunningHotline(pbx="bench") as hotline:
        in_api: dict[str, float] = {}
        in_journal: dict[str, float] = {}
        await ring_steadily(hotline.settings.sip_port, rate, 20, 1.0, first=900_000)  # warm
        ready = asyncio.Event()
        watching = [
            asyncio.create_task(watch_api(hotline, in_api, ready)),
            asyncio.create_task(watch_journal(hotline.settings.cel_path, in_journal)),
        ]
        await ready.wait()
        callers = await ring_steadily(hotline.settings.sip_port, rate, calls, 1.5)
        deadline = time.time() + 20
        while time.time() < deadline and not all(c.number in in_api for c in callers):
            await asyncio.sleep(0.1)
        for task in watching:
            task.cancel()
    show("in the journal", [in_journal[c.number] - c.hung_up_at for c in callers if c.number in in_journal], calls)
    show("in the API", [in_api[c.number] - c.hung_up_at for c in callers if c.number in in_api], calls)


def show(what: str, seconds: list[float], calls: int) -> None:
    ranks = statistics.quantiles(seconds, n=100)
    print(f"{what}: {len(seconds)} of {calls} calls, median {ranks[49] * 1000:.0f} ms, p99 {ranks[98] * 1000:.0f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=10)
    parser.add_argument("--calls", type=int, default=300)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.rate, arguments.calls))
