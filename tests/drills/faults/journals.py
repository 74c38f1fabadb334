"""What happens to Asterisk's files: rotated while we are away, cut, torn, full of rubbish, unreadable."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg

from callcenter.local import asterisk
from callcenter.local.configuration import own_asterisk
from tests.drills.site import DrillHotline, Site

TORN = b'{"name":"","num":"13900000000","ani":"13900000000","eventtype":"CHAN_ST\n'
GARBAGE = bytes(range(256)).replace(b"\n", b"") * 40 + b"\n\x00\x00\x00\n{}\n[]\nnull\n"


@asynccontextmanager
async def nobody_listens(site: Site) -> AsyncIterator[None]:
    """The listener is dead and its supervisor stopped."""
    os.kill(site.hotline.run.pid, signal.SIGSTOP)
    try:
        with suppress(TimeoutError):
            await site.hotline.kill("listen")
        yield
    finally:
        os.kill(site.hotline.run.pid, signal.SIGCONT)


async def rotated_twice(site: Site, seconds: float) -> None:
    """As logrotate does, twice, while nobody listened."""
    async with nobody_listens(site):
        for _ in range(2):
            await asyncio.sleep(seconds / 3)
            await rotate(site.hotline)
        await asyncio.sleep(seconds / 3)


async def rotated(site: Site, seconds: float) -> None:
    """Again and again under the eyes of the follower."""
    for _ in range(3):
        await rotate(site.hotline)
        await asyncio.sleep(seconds / 3)


async def rotate(hotline: DrillHotline) -> None:
    """Rename cel.jsonl, older ones first; Asterisk itself rotates queue_log (docs/administration.md)."""
    path = hotline.settings.cel_path
    for number in range(8, -1, -1):
        older = path.with_name(f"{path.name}.{number}") if number else path
        if older.exists():
            older.rename(path.with_name(f"{path.name}.{number + 1}"))
    assert await asterisk.console(own_asterisk(hotline.settings), "logger rotate")


async def cut(site: Site, seconds: float) -> None:
    """Both are truncated by somebody who needed room. Asterisk stands still until we have read them: what nobody had
    read would be gone, and no software brings it back."""
    process = site.hotline.process("asterisk")
    os.kill(process.pid, signal.SIGSTOP)
    try:
        await all_read(site.hotline)
        for path in (site.hotline.settings.cel_path, site.hotline.settings.queue_log_path):
            os.truncate(path, 0)
    finally:
        os.kill(process.pid, signal.SIGCONT)
    await asyncio.sleep(seconds)


READ = "SELECT source, inode, position FROM journal_sources WHERE pbx = $1"


async def all_read(hotline: DrillHotline, within: float = 5) -> None:
    """Until the stored places are the files' ends. Raises `TimeoutError`."""
    files = {"cel": hotline.settings.cel_path, "queue_log": hotline.settings.queue_log_path}
    connection = await asyncpg.connect(hotline.postgres_url)
    try:
        async with asyncio.timeout(within):
            while True:
                places = {r["source"]: (r["inode"], r["position"]) for r in await connection.fetch(READ, _pbx(hotline))}
                if all(places.get(s) == (p.stat().st_ino, p.stat().st_size) for s, p in files.items()):
                    return
                await asyncio.sleep(0.02)
    finally:
        await connection.close()


def _pbx(hotline: DrillHotline) -> str:
    return hotline.settings.pbx


async def rubbish(site: Site, seconds: float) -> None:
    """A torn line, binary rubbish, JSON that is no fact, in both files, between Asterisk's own lines."""
    for _ in range(3):
        _append(site.hotline.settings.cel_path, TORN + GARBAGE)
        _append(site.hotline.settings.queue_log_path, b"1795352433|half a\n" + GARBAGE)
        await asyncio.sleep(seconds / 3)


def _append(path: Path, data: bytes) -> None:
    with path.open("ab", buffering=0) as file:
        file.write(data)


async def unreadable(site: Site, seconds: float) -> None:
    """The listener is started anew without the right to read Asterisk's files, and later with it."""
    before = site.hotline.overrides.read_text()
    with_mark = {**site.own["listen"], "DRILL_MAY_NOT_READ": str(site.hotline.settings.cel_path.parent)}
    site.hotline.override(listen=with_mark, api=site.own["api"])
    began = time.time()
    await site.hotline.kill("listen")
    with suppress(TimeoutError):
        async with asyncio.timeout(60):
            while site.watcher.told("journal", began) is None:  # it takes its time to start
                await asyncio.sleep(0.1)
    await asyncio.sleep(seconds)
    site.hotline.overrides.write_text(before)
    with suppress(AssertionError, TimeoutError):
        await site.hotline.kill("listen")
