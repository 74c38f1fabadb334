"""What happens to our own processes: killed, stopped, killed between commit and acknowledgement."""

import asyncio
import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

from callcenter.local import asterisk
from callcenter.local.configuration import own_asterisk
from callcenter.local.processes import Process, is_alive, recall, until
from tests.drills.site import Site

LIVES = 25
"""So many in a drill, of random length: one that never lives to renew the pushed mode (300 s) drills but that."""
BOUND_BYTES = 64 << 20
"""Asterisk may grow by so much while its listener is deaf; unread events of 5 minutes would be far more."""


async def kill_at_random(site: Site, seconds: float) -> None:
    """`kill -9` of the listener or the API, at instants that nobody chose."""
    chance, deadline = random.Random(7), time.monotonic() + seconds  # noqa: S311
    while time.monotonic() < deadline:
        with suppress(AssertionError, TimeoutError):  # it may not be up again yet
            await site.hotline.kill(chance.choice(("listen", "listen", "api")))
        await asyncio.sleep(chance.uniform(0.3, max(3.0, seconds / LIVES)))


async def killed_after_commit(site: Site, seconds: float) -> None:
    """Postgres commits, the answer is lost on its way, and the listener dies before it could ask again."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        before, site.postgres.lose_answer = site.postgres.lost, 1.0
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                while site.postgres.lost == before:
                    await asyncio.sleep(0.005)
        site.postgres.lose_answer = 0.0
        with suppress(AssertionError, TimeoutError):
            await site.hotline.kill("listen")
        await asyncio.sleep(1.5)


async def listener_stopped(site: Site, seconds: float) -> None:
    """SIGSTOP: it does not read AMI, and does not end either. Asterisk must cut it off, not keep its events."""
    listen, pbx = site.hotline.process("listen"), site.hotline.process("asterisk")
    before = resident_bytes(pbx.pid)
    os.kill(listen.pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        os.kill(listen.pid, signal.SIGCONT)
    grown = resident_bytes(pbx.pid) - before
    assert grown < BOUND_BYTES, f"Asterisk grew by {grown >> 20} MiB while nobody read"


async def supervisor_killed(site: Site, seconds: float) -> None:
    """`kill -9` of `callcenter run`; systemd, which is no part of ours, starts it again."""
    hotline = site.hotline
    hotline.run.send_signal(signal.SIGKILL)
    await hotline.run.wait()
    await asyncio.sleep(seconds)
    await hotline.begin()


def resident_bytes(pid: int) -> int:
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


async def asterisk_killed(site: Site, seconds: float) -> None:
    """`kill -9` of Asterisk with its calls up; the supervisor starts it again."""
    died, dead = time.time(), site.hotline.process("asterisk")
    await site.hotline.kill("asterisk")
    site.load.pbx_died()
    back = await _asterisk_back(site, dead)
    await asyncio.sleep(seconds)
    site.terms.deaths.append((died, back))


async def asterisk_restarted(site: Site, seconds: float) -> None:
    """`core stop now` by an administrator: Asterisk hangs up every call and ends; the supervisor starts it again."""
    died, dead = time.time(), site.hotline.process("asterisk")
    await asterisk.console(own_asterisk(site.hotline.settings), "core stop now")
    await asyncio.sleep(1)
    site.load.pbx_died()
    back = await _asterisk_back(site, dead)
    await asyncio.sleep(seconds)
    site.terms.stops.append((died, back))


async def _asterisk_back(site: Site, dead: Process) -> float:
    """When another one than that answers again."""
    note = site.hotline.settings.var_dir / "run" / "asterisk.pid"

    async def answers() -> bool:
        process = recall(note)
        if process is None or process == dead or not is_alive(process):
            return False
        statuses = await site.load.agents.register()
        return set(statuses) == {200}

    assert await until(answers, 60, every=0.3), "Asterisk is not back"
    return time.time()
