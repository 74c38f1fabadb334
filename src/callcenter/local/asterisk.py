"""The local Asterisk of one home: started, adopted when an earlier run left it with calls, stopped politely."""

import asyncio
import contextlib
import hashlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from callcenter.dialplan.render import write_configuration
from callcenter.dialplan.site import Site
from callcenter.errors import SetupFailed
from callcenter.local import certificates, places, programs
from callcenter.local.identity import Identity, least_privileged
from callcenter.local.processes import Process, ended, is_alive, last_lines, spawn, stop, until
from callcenter.local.programs import Asterisk
from callcenter.local.secrets import Secrets
from callcenter.settings import Settings

GRACE_SECONDS = 10.0
"""How long calls in progress may go on when the hotline is stopped."""
STOPPING = ((signal.SIGTERM, 10.0),)
FAKETIME = (
    "FAKETIME_TIMESTAMP_FILE",
    "FAKETIME_CACHE_DURATION",
    "FAKETIME_DONT_FAKE_MONOTONIC",
    "FAKETIME_SHARED",
    "NO_FAKE_STAT",
)
"""How tests shift its clock (libfaketime)."""
PASSED_ON = ("PATH", "HOME", "TZ", "LD_PRELOAD", *FAKETIME)
"""Of our environment; the rest holds secrets."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One Asterisk: the software, what goes into its configuration, and the notes on its process."""

    software: Asterisk
    site: Site
    log: Path
    note: Path

    @property
    def configuration(self) -> Path:
        return self.site.etc_dir / "asterisk.conf"

    @property
    def identity(self) -> Identity:
        """Open to the network, so never root."""
        own = self.site.settings
        return least_privileged(("asterisk", "nobody"), Path(self.software.command[0]), own.asterisk_dir, own.spool_dir)

    @property
    def fixed_note(self) -> Path:
        """What a reload can't change, as the running one was started with."""
        return self.note.with_suffix(".fixed")


def instance(settings: Settings, secrets: Secrets, software: Asterisk) -> Instance:
    """The Asterisk of this home."""
    site = Site(
        settings=settings,
        ami_password=secrets.ami_password,
        agent_passwords=secrets.agent_passwords,
        device_names=secrets.device_names,
        modules_dir=software.modules_dir,
        documentation_dir=software.documentation_dir,
        run_dir=places.socket_dir(settings) / "ast",
        espeak=(programs.require("espeak-ng"),),
        ffmpeg=(programs.require("ffmpeg"),),
    )
    notes = places.run_dir(settings)
    return Instance(software, site, places.log_dir(settings) / "asterisk.log", notes / "asterisk.pid")


def configure(pbx: Instance) -> Path:
    """Write configuration, prompts and music where Asterisk's user reads them; the path of `asterisk.conf`."""
    certificates.provide(pbx.site.settings)
    configuration = write_configuration(pbx.site)
    hand_over(pbx)
    return configuration


def hand_over(pbx: Instance) -> None:
    """Its files belong to Asterisk's user."""
    settings = pbx.site.settings
    pbx.identity.own_all(settings.asterisk_dir, settings.spool_dir, pbx.site.run_dir)


async def start(pbx: Instance) -> Process:
    """Write the configuration, start, wait until every module is up. Raises `SetupFailed`."""
    configuration = await asyncio.to_thread(configure, pbx)
    process = spawn(
        [*pbx.identity.prefix, *pbx.software.command, "-f", "-C", str(configuration)],
        log=pbx.log,
        note=pbx.note,
        cwd=pbx.site.run_dir,
        env=environment(),
    )
    up = await until(lambda: _booted_or_died(pbx, process), 60)
    if not up or not is_alive(process):
        await stop(process, STOPPING)
        raise SetupFailed(what="Asterisk did not start", why=last_lines(pbx.log), mend=f"see {pbx.log}")
    pbx.fixed_note.write_text(_fixed(pbx))
    return process


def environment() -> dict[str, str]:
    """What an Asterisk gets of our environment."""
    return {**{name: os.environ[name] for name in PASSED_ON if name in os.environ}, "LANG": "C.UTF-8"}


async def take_on(pbx: Instance) -> bool:
    """Give the running one today's configuration; False when it does not answer or must start anew for it."""
    if not _unchanged(pbx) or not await console(pbx, "core waitfullybooted"):
        return False
    before = fingerprint(pbx.site.etc_dir)
    await asyncio.to_thread(configure, pbx)
    return fingerprint(pbx.site.etc_dir) == before or await console(pbx, "core reload")


async def halt(pbx: Instance, process: Process) -> None:
    """Refuse new calls, let those in progress end for a while, then hang up."""
    if await console(pbx, "core stop gracefully"):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended(process), GRACE_SECONDS)
    await stop(process, STOPPING)


async def console(pbx: Instance, command: str) -> bool:
    """Give one console command, of ours and fixed; False when nobody answers within 20 s."""
    remote = await asyncio.create_subprocess_exec(
        *pbx.software.command,
        *("-C", str(pbx.configuration), "-rx", command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        return await asyncio.wait_for(remote.wait(), 20) == 0
    except TimeoutError:
        remote.kill()
        return False


async def _booted_or_died(pbx: Instance, process: Process) -> bool:
    return not is_alive(process) or await console(pbx, "core waitfullybooted")


def fingerprint(folder: Path) -> str:
    """Changes when a configuration file does."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.conf")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _fixed(pbx: Instance) -> str:
    settings = pbx.site.settings
    sockets = (settings.sip_bind, settings.sip_port, settings.ami_host, settings.ami_port, settings.pbx)
    encryption = (settings.tls, settings.sip_tls_port, settings.trunk_tls)
    return f"{sockets} {encryption} {pbx.software.command} {pbx.site.run_dir}"


def _unchanged(pbx: Instance) -> bool:
    try:
        return pbx.fixed_note.read_text() == _fixed(pbx)
    except OSError:
        return False
