"""What the watch over running recordings costs: CPU for 100 calls whose files grow as Asterisk writes them.

    .venv/bin/python benchmarks/recordings_watch.py [--calls 100] [--seconds 30]

Another process writes both files of each call, a block of 32 KiB each 2.05 s, spread over that time. The watch looks at
them twice a second. Three runs: without reading what was written (as if only sizes mattered), with files of sound, and
with files of zeros, which make it ask for each side's packets as often as it ever does (Asterisk is not asked: its side
is 0.06 ms a question). The bare MixMonitor beside it takes 0.74 % of a core a call (docs/performance.md); the aim is to
stay below a fiftieth of that.
"""

import argparse
import asyncio
import multiprocessing
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import cast
from unittest.mock import patch
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).parents[1]))

from callcenter.alerts.keeper import AlertKeeper
from callcenter.alerts.model import Alert
from callcenter.recordings import watching
from callcenter.recordings.growth import BLOCK_SECONDS
from callcenter.recordings.legs import SIDES
from callcenter.recordings.lines import COUNTS, PEER, Lines
from callcenter.recordings.lives import Happening, Lives
from callcenter.recordings.one_sided import OneSided
from callcenter.recordings.watching import Watch
from callcenter.recordings.wav import header

BLOCK = 32 * 1024
MIXMONITOR_PERCENT = 0.74
AIM_PERCENT = MIXMONITOR_PERCENT / 50


class Silent:
    """Nobody is told; that is paid for elsewhere."""

    def stand(self, alert: Alert) -> None: ...

    def over(self, kind: str, key: str) -> None: ...

    def note(self, happening: Happening) -> None: ...


class Asked:
    """A phone that sends: each answer counts on."""

    def __init__(self) -> None:
        self.questions = 0

    async def ask(self, channel: str, name: str) -> str:
        self.questions += 1
        if name == PEER:
            return "PJSIP/1001-1"
        return f"rxcount={self.questions};txcount={self.questions}" if name == COUNTS else "0"


def write(folder: Path, calls: int, block: bytes, seconds: float) -> None:
    """Both files of each call, its blocks at a time of its own within 2.05 s."""
    files = [open(folder / f"{n}-{side}.wav", "wb", buffering=0) for n in range(calls) for side in SIDES]  # noqa: SIM115
    for file in files:
        file.write(header(1, 0))
    began = time.monotonic()
    for number in range(int(seconds / BLOCK_SECONDS) * len(files)):
        time.sleep(max(0.0, began + number * BLOCK_SECONDS / len(files) - time.monotonic()))
        files[number % len(files)].write(block)


async def watched(folder: Path, calls: int, seconds: float) -> tuple[float, int]:
    """CPU seconds of this process, and questions asked."""
    silent, asked = Silent(), Asked()
    keeper, lives = cast("AlertKeeper", silent), cast("Lives", silent)
    one_sided = OneSided(keeper, lives, Lines(asked.ask))
    watch = Watch(folder, keeper, lives, one_sided, lambda why: None, lambda part, ok, detail: None)
    for number in range(calls):
        watch.begin(uuid4(), str(number), f"PJSIP/trunk-{number}")
    before = time.process_time()
    running = asyncio.create_task(watch.run())
    await asyncio.sleep(seconds)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return time.process_time() - before, asked.questions


def measure(what: str, calls: int, seconds: float, block: bytes, *, read: bool = True) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writer = multiprocessing.Process(target=write, args=(folder, calls, block, seconds + 5))
        writer.start()
        time.sleep(1)
        with patch.object(watching, "is_empty", watching.is_empty if read else lambda *_: None):
            used, questions = asyncio.run(watched(folder, calls, seconds))
        writer.terminate()
        writer.join()
    percent = 100 * used / seconds / calls
    asked = f"{questions / seconds / calls:.2f} questions/s a call"
    verdict = "met" if percent <= AIM_PERCENT else "missed"
    print(
        f"{what:20} {100 * used / seconds:6.2f} % of a core for {calls} calls, {percent:.4f} % a call,"
        f" {percent / MIXMONITOR_PERCENT:.4f} of MixMonitor's; {asked}: {verdict}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=30.0)
    asked = parser.parse_args()
    measure("sizes alone", asked.calls, asked.seconds, os.urandom(BLOCK), read=False)
    measure("sound", asked.calls, asked.seconds, os.urandom(BLOCK))
    measure("zeros on both sides", asked.calls, asked.seconds, bytes(BLOCK))


if __name__ == "__main__":
    main()
