"""Disks that run full: small file systems of their own for the journals, the recordings and Postgres."""

import asyncio
import os
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from callcenter.local import addresses, places, postgres
from callcenter.local.secrets import load_or_make
from tests.drills.site import DrillHotline, Site

MEGABYTES = {"log": 24, "recordings": 160, "postgres": 400}
BLOCK = b"\0" * 65536


def folders(hotline: DrillHotline) -> dict[str, Path]:
    s = hotline.settings
    return {"log": s.queue_log_path.parent, "recordings": s.recordings_dir, "postgres": s.var_dir / "postgres"}


def mount_small_disks(hotline: DrillHotline) -> None:
    """Before the hotline starts; it unmounts them when it has stopped."""
    for name, folder in folders(hotline).items():
        aside = folder.with_name(f"{folder.name}.aside")
        folder.mkdir(parents=True, exist_ok=True)
        folder.rename(aside)
        folder.mkdir()
        size = f"size={MEGABYTES[name]}m,mode=0700"
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, name, folder], check=True)
        hotline.mounted.append(folder)
        subprocess.run(["cp", "-a", f"{aside}/.", folder], check=True)
        shutil.rmtree(aside)


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
    await _full(folders(site.hotline)["log"], seconds)
    site.terms.blind.append((began, time.time()))


async def recordings_full(site: Site, seconds: float) -> None:
    """Calls go on and are recorded in the journal; the audio of that time is gone, and said to be."""
    began = time.time()
    await _full(folders(site.hotline)["recordings"], seconds)
    site.terms.deaf.append((began, time.time()))


async def database_full(site: Site, seconds: float) -> None:
    """Postgres panics and can't start; everything waits in the journal."""
    await _full(folders(site.hotline)["postgres"], seconds)


async def _full(folder: Path, seconds: float) -> None:
    """Not a byte is left; what is freed meanwhile, by whomever, is taken, too."""
    deadline, balloon = time.monotonic() + seconds, folder / "balloon"
    try:
        while time.monotonic() < deadline:
            await asyncio.to_thread(blow, balloon)
            await asyncio.sleep(0.2)
    finally:
        balloon.unlink()
