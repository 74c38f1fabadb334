"""Disks that run full: small file systems of their own for the journals, the recordings and Postgres."""

import asyncio
import os
import time
from contextlib import suppress
from pathlib import Path

from callcenter.local import addresses, places, postgres
from callcenter.local.secrets import load_or_make
from tests.drills.site import DrillHotline, Site

HELD_SECONDS = 300.0
BLOCK = b"\0" * 65536


def folders(hotline: DrillHotline) -> dict[Path, int]:
    """Folder → megabytes."""
    s = hotline.settings
    return {s.queue_log_path.parent: 24, s.recordings_dir: 160, s.var_dir / "postgres": 400}


async def make_database(hotline: DrillHotline) -> None:
    """As the first start would: initdb renames its folder, which a mounted one can't be."""
    places.prepare(hotline.settings)
    process = await postgres.start(addresses.cluster(hotline.settings, load_or_make(hotline.settings)))
    await postgres.halt(process)


def blow(balloon: Path) -> None:
    """Grow until nothing is left, to the last page."""
    descriptor = os.open(balloon, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        with suppress(OSError):
            while True:
                os.write(descriptor, BLOCK)
        with suppress(OSError):
            while True:
                os.write(descriptor, b"\0" * 64)
    finally:
        os.close(descriptor)


async def journal_full(site: Site, seconds: float) -> None:
    """What Asterisk can't write is gone: records of that time may miss or be wrong, and no others."""
    began = time.time()
    await _full(site, site.hotline.settings.queue_log_path.parent, seconds)
    site.terms.blind.append((began, time.time()))


async def recordings_full(site: Site, seconds: float) -> None:
    """Calls go on and are recorded in the journal; the audio of that time is gone, and said to be."""
    began = time.time()
    await _full(site, site.hotline.settings.recordings_dir, seconds)
    site.terms.deaf.append((began, time.time()))


async def database_full(site: Site, seconds: float) -> None:
    """Whatever Postgres wants to grow can't grow; everything waits in the journal."""
    began, folder = time.time(), site.hotline.settings.var_dir / "postgres"
    filling = asyncio.create_task(_full(site, folder, HELD_SECONDS))
    try:
        async with asyncio.timeout(HELD_SECONDS):
            while site.watcher.told("journal", began) is None:  # until then there was slack in its own files
                await asyncio.sleep(0.2)
        await asyncio.sleep(seconds)
    finally:
        filling.cancel()
        await asyncio.gather(filling, return_exceptions=True)


async def _full(site: Site, folder: Path, seconds: float) -> None:
    """Not a byte is left; what is freed meanwhile, by whomever, is taken, too."""
    deadline, balloon = time.monotonic() + seconds, Path(f"/proc/{site.hotline.run.pid}/root{folder}/balloon")
    try:
        while time.monotonic() < deadline:
            await asyncio.to_thread(blow, balloon)
            await asyncio.sleep(0.2)
    finally:
        balloon.unlink()
