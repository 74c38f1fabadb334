"""A hotline whose recordings lie on a small disk of its own: how it is broken, and what is told of it."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.acceptance.schedules import in_force
from tests.drills.faults.disks import blow
from tests.drills.site import DrillHotline


@asynccontextmanager
async def on_small_disk(**settings: Any) -> AsyncIterator[DrillHotline]:
    """Open for an hour; its recordings lie on 48 MB of their own."""
    hotline = DrillHotline(**settings)
    hotline.small_disks = {hotline.settings.recordings_dir: 48}
    async with hotline:
        code, said = await hotline.command("schedule", "open", "--until", "+1h")
        assert code == 0, said
        await in_force(hotline, "open")
        yield hotline


async def standing(hotline: DrillHotline) -> dict[str, dict[str, Any]]:
    """The alerts that stand, by kind."""
    answer = await hotline.api.get("/v1/alerts")
    return {alert["kind"]: alert for alert in answer.json()["items"]}


async def within(seconds: float, condition: Callable[[], Awaitable[Any]]) -> float:
    """How long it took until the condition held; fails after `seconds`."""
    began = time.monotonic()
    while not await condition():
        assert time.monotonic() - began < seconds, await condition()
        await asyncio.sleep(0.05)
    return time.monotonic() - began


def raised(hotline: DrillHotline, kind: str) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return kind in await standing(hotline)

    return look


def over(hotline: DrillHotline, kind: str) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return kind not in await standing(hotline)

    return look


def inside(hotline: DrillHotline) -> Path:
    """The folder of recordings as the hotline's own mounts have it."""
    return Path(f"/proc/{hotline.run.pid}/root{hotline.settings.recordings_dir}")


async def mounted(hotline: DrillHotline, *command: str) -> None:
    """A command among the hotline's mounts."""
    process = await asyncio.create_subprocess_exec(
        "nsenter", f"--target={hotline.run.pid}", "--mount", *hotline_user(), "--", *command
    )
    assert await process.wait() == 0, command


def hotline_user() -> tuple[str, ...]:
    """A plain user's hotline has a user namespace, too, in which it may mount."""
    return () if os.geteuid() == 0 else ("--user", "--preserve-credentials")


async def keep_full(balloon: Path) -> None:
    while True:
        await asyncio.to_thread(blow, balloon)
        await asyncio.sleep(0.1)
