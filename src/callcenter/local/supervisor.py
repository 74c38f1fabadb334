"""Keeps parts running: one that ends is started again, later and later while it keeps ending."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from callcenter.errors import CallcenterError
from callcenter.local.debian import Say
from callcenter.local.processes import Process, ended

FIRST_DELAY, LONGEST_DELAY, SETTLED_AFTER = 0.5, 30.0, 60.0
"""Seconds before a restart: doubled each time, the first again after a settled life."""


@dataclass(slots=True)
class Part:
    """One process of the hotline.

    `find` is the one that runs now, whoever started it; `take_on` makes one of an earlier run serve as if it were
    started now, or says that it is no use; `halt` ends it within bounded time.
    """

    name: str
    start: Callable[[], Awaitable[Process]]
    find: Callable[[], Process | None]
    take_on: Callable[[Process], Awaitable[bool]]
    halt: Callable[[Process], Awaitable[None]]
    process: Process | None = field(default=None, init=False)
    adopted: bool = field(default=False, init=False)

    async def up(self) -> None:
        """Take on the one that was left behind, else start one. Raises `SetupFailed`."""
        left_behind = self.find()
        self.adopted = left_behind is not None and await self.take_on(left_behind)
        if left_behind and not self.adopted:
            await self.halt(left_behind)
        self.process = left_behind if self.adopted else await self.start()

    async def down(self) -> None:
        """Halt it when it runs, even when a start was broken off half-way."""
        process, self.process = self.process or self.find(), None
        if process:
            await self.halt(process)


async def keep_up(part: Part, say: Say) -> None:
    """Start the part again whenever it ends, until cancelled."""
    delay = FIRST_DELAY
    while True:
        began_at = time.monotonic()
        if part.process:
            await ended(part.process)
        if time.monotonic() - began_at > SETTLED_AFTER:
            delay = FIRST_DELAY
        say(f"{part.name} has ended{_exit_code(part)}; starting it again in {delay:g} s")
        part.process = None
        await asyncio.sleep(delay)
        delay = min(delay * 2, LONGEST_DELAY)
        await _start_again(part, say)


async def _start_again(part: Part, say: Say) -> None:
    try:
        part.process = await part.start()
        say(f"{part.name} is up again")
    except (CallcenterError, OSError) as error:
        say(f"{part.name}: {error}")


def _exit_code(part: Part) -> str:
    child = part.process.child if part.process else None
    return f" ({_said(child.returncode)})" if child and child.returncode is not None else ""


def _said(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
