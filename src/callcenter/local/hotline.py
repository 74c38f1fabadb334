"""`callcenter run`: sets up what is missing, starts every part, keeps them up, stops them in order.

What takes long to import (SQLAlchemy, alembic, httpx) is imported when it is needed: starting is quick.
"""

import asyncio
import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from rich.console import Console
from rich.markup import escape

from callcenter import clock
from callcenter.errors import NotAllowed
from callcenter.local import database, parts, places, ports, programs, recording_keys, welcome
from callcenter.local.secrets import Secrets, load_or_make
from callcenter.local.supervisor import Part, keep_up
from callcenter.settings import Settings

READY_SECONDS = 60.0


def run(settings: Settings) -> None:
    """Run the hotline in the foreground until SIGINT or SIGTERM. Raises `CallcenterError` when it can't start."""
    places.prepare(settings)
    with only_one(settings):
        asyncio.run(Hotline(settings).run())


@contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """One `callcenter run` a home. Raises `NotAllowed` that names the other."""
    path = places.run_dir(settings) / "run.lock"
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise NotAllowed(
                what=f"A hotline runs from {settings.home} already (process {lock.read().strip()})",
                mend="stop it, or set CALLCENTER_HOME and the ports for a second one",
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


class Hotline:
    """One run: its parts in the order of their start; they are halted in the opposite one."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.console = Console(highlight=False)
        self.parts: list[Part] = []

    def say(self, text: str) -> None:
        """One line for whoever watches."""
        self.console.print(f"[dim]{local_time()}[/] {escape(text)}", soft_wrap=True)

    async def run(self) -> None:
        """Start, keep up, and stop on a signal. Raises what kept it from starting, with nothing left running."""
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        work = asyncio.create_task(self._work())
        wish = asyncio.create_task(stop.wait())
        await asyncio.wait({work, wish}, return_when=asyncio.FIRST_COMPLETED)
        wish.cancel()
        work.cancel()
        await asyncio.wait({work})
        await self._stop()
        if not work.cancelled() and (fault := work.exception()):
            raise _first_of(fault)

    async def _work(self) -> None:
        began_at = time.monotonic()
        secrets = load_or_make(self.settings)
        recording_keys.ensure(self.settings)
        await self._start_servers(secrets)
        await database.prepare(self.settings, secrets)
        self.say("✓ database is up to date")
        environment = parts.environment(self.settings)
        await self._up([parts.own_command(self.settings, name, environment) for name in parts.OWN_COMMANDS])
        async with asyncio.TaskGroup() as group:
            for part in self.parts:
                group.create_task(keep_up(part, self.say))
            group.create_task(self._announce(secrets, began_at))

    async def _start_servers(self, secrets: Secrets) -> None:
        """Everything is fetched and every port is asked for before the first part starts."""
        own_pbx = parts.runs_own_asterisk(self.settings)
        await asyncio.to_thread(programs.provide, programs.TO_RUN, self.say)
        software = await asyncio.to_thread(programs.provide_asterisk, self.say) if own_pbx else None
        commands = [parts.own_command(self.settings, name, {}) for name in parts.OWN_COMMANDS]
        for left_behind in commands:
            await left_behind.down()
        ports.require_free(parts.wanted_ports(self.settings))
        servers = parts.servers(self.settings, secrets)
        await self._up([*servers, parts.pbx(self.settings, secrets, software)] if software else servers)

    async def _up(self, wanted: list[Part]) -> None:
        """Start these at once and say how long each took."""
        self.parts += wanted
        async with asyncio.TaskGroup() as group:
            for part in wanted:
                group.create_task(self._up_one(part))

    async def _up_one(self, part: Part) -> None:
        began_at = time.monotonic()
        await part.up()
        how = "still runs from before" if part.adopted else f"started in {time.monotonic() - began_at:.1f} s"
        self.say(f"✓ {part.name} {how}")

    async def _announce(self, secrets: Secrets, began_at: float) -> None:
        readiness = await asyncio.to_thread(import_module, "callcenter.local.readiness")
        why = await readiness.wait_ready(self.settings, READY_SECONDS)
        for name, fault in why.items():
            self.say(f"✗ {name}: {fault}")
        welcome.show(self.console, self.settings, secrets)
        if not why:
            self.say(f"The hotline is ready, {time.monotonic() - began_at:.1f} s after the start. Ctrl-C stops it.")

    async def _stop(self) -> None:
        if self.parts:
            self.say("stopping …")
        for part in reversed(self.parts):
            await part.down()
        if self.parts:
            self.say("Everything has stopped.")


def _first_of(fault: BaseException) -> BaseException:
    """Of several things that went wrong at once, one says enough."""
    return _first_of(fault.exceptions[0]) if isinstance(fault, BaseExceptionGroup) else fault


def local_time() -> str:
    """The hotline's wall clock."""
    return clock.now().astimezone(clock.LOCAL_ZONE).strftime("%H:%M:%S")
