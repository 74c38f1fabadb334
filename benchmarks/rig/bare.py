"""An Asterisk with nothing of ours: the same software and phones; it answers, records as we do, and rings an agent.

No manager, no channel events, no queue; the dialplan is the four lines below. It has the hotline's own pjsip.conf,
modules, RTP and codecs, so that a difference is the service's.
"""

import asyncio
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from callcenter import settings as settings_module
from callcenter.dialplan.site import source_dir
from callcenter.local import asterisk, places, programs
from callcenter.local.ports import passing_ports
from callcenter.local.processes import Process, is_alive, spawn, until
from callcenter.local.secrets import load_or_make

DIALPLAN = """\
[globals]
{devices}

[from-trunk]
exten => _X.,1,Answer()
 same => n,MixMonitor({options})
 same => n,Dial(PJSIP/${{DEVICE_${{EXTEN}}}},20)
 same => n,Hangup()

[from-agents]
exten => _X.,1,Hangup()
"""
NAME = "${CHANNEL(pjsip,call-id)}"


def dialplan(devices: dict[str, str]) -> str:
    lines = "\n".join(f"DEVICE_{agent} = {device}" for agent, device in devices.items())
    return DIALPLAN.format(devices=lines, options=options())


def options() -> str:
    """MixMonitor's arguments, as the hotline's dialplan has them."""
    ours = (source_dir("dialplans") / "recording.conf").read_text()
    found = re.search(r"MixMonitor\((.*)\)$", ours, re.MULTILINE)
    assert found, "dialplans/recording.conf starts no MixMonitor"
    return found[1].replace("${RECORDING}", NAME)


class BareAsterisk:
    """`async with BareAsterisk(agents) as bare:` is ready to be rung; afterwards nothing of it is left."""

    def __init__(self, agents: Sequence[str]) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="ccb-"))
        ports = dict(zip(("http_port", "ami_port", "sip_port"), passing_ports(3), strict=True))
        self.settings = settings_module.load(home=self.home, pbx="bare", agents=tuple(agents), trunk_call_limit=900,
                                             supervisors=(), **ports)  # fmt: skip
        self._secrets = load_or_make(self.settings)
        self._process: Process | None = None

    @property
    def accounts(self) -> dict[str, tuple[str, str]]:
        """Agent → (SIP user, password)."""
        own = self._secrets
        return {agent: (own.device_names[agent], own.agent_passwords[agent]) for agent in self.settings.agents}

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def spool(self) -> Path:
        return self.settings.spool_dir

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    async def _start(self) -> None:
        places.prepare(self.settings)
        software = await asyncio.to_thread(programs.provide_asterisk, print)
        self._pbx = asterisk.instance(self.settings, self._secrets, software)
        self._configure()  # not in a thread: who breaks off here leaves nothing that still writes
        self._process = self._spawn()
        up = await until(self._booted, 60)
        assert up and is_alive(self._process), f"bare Asterisk did not start, see {self._pbx.log}"

    async def _stop(self) -> None:
        if self._process is not None:
            await asterisk.halt(self._pbx, self._process)
        shutil.rmtree(self.home)

    def _configure(self) -> None:
        asterisk.configure(self._pbx)
        etc = self._pbx.site.etc_dir
        (etc / "extensions.conf").write_text(dialplan(self._secrets.device_names))
        (etc / "manager.conf").write_text("[general]\nenabled = no\n")
        (etc / "cel.conf").write_text("[general]\nenable = no\n")
        asterisk.hand_over(self._pbx)

    def _spawn(self) -> Process:
        own = self._pbx
        command = [*own.identity.prefix, *own.software.command, "-f", "-C", str(own.configuration)]
        return spawn(command, log=own.log, note=own.note, cwd=own.site.run_dir, env=asterisk.environment())

    async def _booted(self) -> bool:
        assert self._process is not None
        return not is_alive(self._process) or await asterisk.console(self._pbx, "core waitfullybooted")
