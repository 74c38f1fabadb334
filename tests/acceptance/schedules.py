"""Opening and closing a running hotline, and waiting until Asterisk knows."""

import asyncio

from tests.acceptance.hotline import RunningHotline


async def keep_open(hotline: RunningHotline, until: str = "+3h") -> None:
    """Open, whatever day it is."""
    await _override(hotline, "open", until)


async def keep_closed(hotline: RunningHotline, until: str = "+3h") -> None:
    """Closed, whatever day it is."""
    await _override(hotline, "close", until)


async def _override(hotline: RunningHotline, word: str, until: str) -> None:
    code, said = await hotline.command("schedule", word, "--until", until)
    assert code == 0, said
    await in_force(hotline, "open" if word == "open" else "closed")


async def in_force(hotline: RunningHotline, mode: str, within: float = 15) -> None:
    """Until the control loop has pushed the mode."""
    async with asyncio.timeout(within):
        while f"hotline {mode}" not in (await hotline.api.get("/v1/health")).text:
            await asyncio.sleep(0.1)
