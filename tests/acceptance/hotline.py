"""A whole hotline as a citizen and an administrator meet it: `callcenter run` in a home and on ports of its own."""

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import httpx

from callcenter import settings as settings_module
from callcenter.local import addresses, places, postgres
from callcenter.local.places import api_url
from callcenter.local.ports import passing_ports
from callcenter.local.processes import Process, ended, last_lines, recall, send_signal
from callcenter.local.readiness import wait_ready
from callcenter.local.secrets import Secrets, load_or_make
from tests.acceptance import ready_made
from tests.acceptance.brief_prompts import write_prompts
from tests.acceptance.clock import ShiftedClock
from tests.acceptance.phones import Softphone

COMMAND = str(Path(sys.prefix) / "bin" / "callcenter")
QUICK = {
    "queue_timeout_seconds": 12, "ring_seconds": 5, "pbx": "acceptance", "menu": False, "voicemail": False,
    "recording_patience_seconds": 0,
}  # fmt: skip
"""Short patience, so that a test of a time-out is no test of ours; callers go where most tests want them. Tests keep
the processors busy: recordings that wait for idle ones would be made after the run."""


class RunningHotline:
    """`async with RunningHotline() as hotline:` is ready to be rung; afterwards nothing of it is left."""

    ready_seconds = 60.0

    def __init__(self, *, clock: str = "", brief: bool = False, fresh: bool = False, **changed: Any) -> None:
        """`clock` is the wall clock (`2026-10-10 10:00`) at which this hotline lives; `set_clock` moves it.

        `brief`: its prompts are short tones. `fresh`: it makes everything itself, as a first start does.
        """
        self.fresh = fresh
        self.clock = ShiftedClock(clock) if clock else None
        self.home = Path(tempfile.mkdtemp(prefix="cch-"))
        ports = dict(zip(("http_port", "ami_port", "sip_port"), passing_ports(3), strict=True))
        self._values = {**QUICK, **ports, **changed}
        self.settings = settings_module.load(home=self.home, **self._values)
        self.output = self.home / "run.log"
        lines = (f"{name} = {json.dumps(value)}" for name, value in self._values.items())
        (self.home / "callcenter.toml").write_text("\n".join(lines) + "\n")
        if self._has_database_laid:
            ready_made.choose_secrets(self.settings)
        self._secrets_made = load_or_make(self.settings)
        if brief:
            write_prompts(self.home)

    @property
    def _has_database_laid(self) -> bool:
        """Not in another year: what migrations note of the time is the hotline's own."""
        return not (self.fresh or self.clock or self.settings.database_url)

    @property
    def secrets(self) -> Secrets:
        """Its passwords, for who is to act as one of its parts."""
        return self._secrets_made

    @property
    def values(self) -> dict[str, Any]:
        """The settings that it was given."""
        return dict(self._values)

    @property
    def agents(self) -> dict[str, str]:
        """Agent number → SIP password."""
        return self._secrets_made.agent_passwords

    @property
    def devices(self) -> dict[str, str]:
        """Phone's number → SIP user."""
        return self._secrets_made.device_names

    @property
    def accounts(self) -> dict[str, tuple[str, str]]:
        """Agent → (SIP user, password)."""
        return {n: (self.devices[n], self.agents[n]) for n in self.settings.agents}

    def phone(self, number: str, **options: Any) -> Softphone:
        """The phone of an agent or supervisor."""
        return Softphone(self.devices[number], self.sip_server, password=self.agents[number], **options)

    @property
    def sip_server(self) -> str:
        return f"127.0.0.1:{self.settings.sip_port}"

    async def __aenter__(self) -> Self:
        headers = {"X-API-Key": self._secrets_made.api_key}
        self.api = httpx.AsyncClient(base_url=api_url(self.settings), headers=headers, timeout=10, trust_env=False)
        if self._has_database_laid:
            await ready_made.lay_database(self.settings, self._secrets_made)
        if not self.fresh:
            ready_made.lay_sounds(self.settings)
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.api.aclose()
        await self.stop()
        ready_made.keep_sounds(self.settings)
        shutil.rmtree(self.home)
        if self.clock:
            self.clock.close()

    def set_clock(self, wall: str) -> None:
        """Move the clock of a hotline that was given one; every process of it sees that within a second."""
        assert self.clock, "start it with a clock"
        self.clock.set(wall)

    async def start(self) -> None:
        """`callcenter run`, then what `callcenter wait --ready` waits for."""
        await self.begin()
        faults = await wait_ready(self.settings, self.ready_seconds)
        if faults:
            await self.stop()
        assert not faults, f"{faults} · {last_lines(self.output, 30)} · {self.logs()}"

    async def begin(self) -> None:
        """`callcenter run`, not waited for."""
        with self.output.open("ab") as output:
            self.run = await asyncio.create_subprocess_exec(
                *(COMMAND, "run"), env=self.environment(), stdout=output, stderr=output, start_new_session=True
            )

    async def stop(self) -> None:
        """Ctrl-C; every process must be gone by its own doing."""
        if self.run.returncode is None:
            self.run.send_signal(signal.SIGINT)
        await asyncio.wait_for(self.run.wait(), 60)
        left = self.processes()
        assert not left, f"left running: {left} · {last_lines(self.output, 10)}"

    def environment(self) -> dict[str, str]:
        """Ours without the settings of whoever runs the tests."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("CALLCENTER_")}
        shifted = self.clock.environment() if self.clock else {}
        return {**clean, **shifted, "CALLCENTER_HOME": str(self.home)}

    async def command(self, *arguments: str) -> tuple[int, str]:
        """Exit code and output of `callcenter …` as an administrator of this hotline gives it."""
        process = await asyncio.create_subprocess_exec(
            *(COMMAND, *arguments),
            env=self.environment(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode()

    def process(self, part: str) -> Process:
        """The running `listen`, `api`, `asterisk`, `mosquitto` or `postgres`."""
        if part == "postgres":
            found = postgres.postmaster(addresses.cluster(self.settings, self._secrets_made))
        else:
            found = recall(places.run_dir(self.settings) / f"{part}.pid")
        assert found, f"{part} does not run"
        return found

    async def kill(self, part: str) -> None:
        """`kill -9`; the supervisor starts it again in half a second."""
        process = self.process(part)
        send_signal(process, signal.SIGKILL)
        await asyncio.wait_for(ended(process), 10)

    @asynccontextmanager
    async def postgres_frozen(self) -> AsyncIterator[None]:
        """The worst way for a database to be away: it accepts nothing, answers nothing, and does not say so."""
        postmaster = self.process("postgres").pid
        frozen = [postmaster, *_children(postmaster)]
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)

    def processes(self) -> list[str]:
        """Command lines that name this home; the name is random, so nobody else's do."""
        mine = os.fsencode(self.home)
        return [
            command.replace(b"\0", b" ").decode(errors="replace") for command in _command_lines() if mine in command
        ]

    def logs(self) -> str:
        """The ends of all logs, for a failed test's message."""
        return " · ".join(
            f"{log.name}: {last_lines(log)}" for log in sorted(places.log_dir(self.settings).glob("*.log"))
        )


def _children(parent: int) -> list[int]:
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(pid) for pid in listed.split()]


def _command_lines() -> list[bytes]:
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes())
        except OSError:
            continue
    return lines
