"""What happens to the whole hotline while calls go on: each returns from when until when it could harm a recording."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from callcenter.local.processes import until
from tests.acceptance.test_recording_watch import keep_full
from tests.faulty.site import FaultSite

Interval = tuple[float, float]
Disaster = Callable[[FaultSite], Awaitable[Interval | None]]

LASTS_SECONDS = 7.0
BLOCK_SECONDS = 2.1
"""What Asterisk had not written yet when it began is lost with it, and what it holds when it ends comes late."""
BACK_SECONDS = 60.0


async def disk_full(site: FaultSite) -> Interval:
    began, balloon = time.time(), site.recordings / "balloon"
    filling = asyncio.create_task(keep_full(balloon))
    try:
        await asyncio.sleep(LASTS_SECONDS)
    finally:
        filling.cancel()
        await asyncio.gather(filling, return_exceptions=True)
        balloon.unlink()
    return began - BLOCK_SECONDS, time.time() + BLOCK_SECONDS


async def folder_read_only(site: FaultSite) -> Interval:
    """For whoever opens a file in it; what is open is still written."""
    began, spool = time.time(), str(site.hotline.settings.spool_dir)
    await site.mount("mount", "--bind", spool, spool)
    await site.mount("mount", "-o", "remount,bind,ro", spool)
    try:
        await asyncio.sleep(LASTS_SECONDS)
    finally:
        await site.mount("umount", "--lazy", spool)
    return began - BLOCK_SECONDS, time.time() + BLOCK_SECONDS


async def asterisk_killed(site: FaultSite) -> Interval:
    """`kill -9` with its calls up; the phones register again."""
    died, before = time.time(), site.hotline.process("asterisk")
    await site.hotline.kill("asterisk")
    site.load.pbx_died()

    async def back() -> bool:
        with suppress(AssertionError):
            if site.hotline.process("asterisk") != before:
                return set(await site.load.agents.register()) == {200}
        return False

    assert await until(back, BACK_SECONDS, every=0.3), "Asterisk is not back"
    return died - BLOCK_SECONDS, time.time()


async def listener_killed(site: FaultSite) -> None:
    """With its pipeline, its watch, its archiver, and whatever they were about; no recording is the worse for it."""
    await site.hotline.kill("listen")
    await asyncio.sleep(LASTS_SECONDS)


DISASTERS: dict[str, Disaster] = {
    "disk full for seconds": disk_full,
    "folder read-only for seconds": folder_read_only,
    "listener killed": listener_killed,
    "Asterisk killed": asterisk_killed,
}
