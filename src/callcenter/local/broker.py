"""The local mosquitto: loopback only, one user, everything below `var/mosquitto`."""

import asyncio
import hashlib
import os
import secrets
import signal
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from callcenter.errors import SetupFailed
from callcenter.local.identity import Identity, least_privileged
from callcenter.local.ports import first_free
from callcenter.local.processes import Process, is_alive, last_lines, spawn, stop, until

USER = "callcenter"
PORTS = (1883, *range(18830, 18930))
"""MQTT's own port, else one that stays the same from start to start."""
STOPPING = ((signal.SIGTERM, 10.0),)

CONFIGURATION = """\
# Written by callcenter at each start; edits are lost.
listener {port} 127.0.0.1
allow_anonymous false
password_file {folder}/passwords
persistence true
persistence_location {folder}/data/
autosave_interval 60
max_inflight_messages 100
max_queued_messages 10000
log_dest stderr
log_type error
log_type warning
log_type notice
connection_messages false
"""


ATTEMPTS = 4
SURE_SECONDS = 0.2
"""Whoever listens may be another; ours ends within this time when it can't have the port."""


@dataclass(frozen=True, slots=True)
class Mosquitto:
    """One broker: its program, folder, log, password, and the note on its process."""

    command: Sequence[str]
    folder: Path
    log: Path
    password: str
    note: Path

    @property
    def port_note(self) -> Path:
        return self.folder / "port"

    @property
    def identity(self) -> Identity:
        return least_privileged(("mosquitto", "nobody"), Path(self.command[0]), self.folder)


def known_port(folder: Path) -> int | None:
    """The port of the last start, None before the first."""
    try:
        return int((folder / "port").read_text())
    except (OSError, ValueError):
        return None


def url(port: int, password: str) -> str:
    """The address with its user; it holds the password."""
    return f"mqtt://{USER}:{password}@127.0.0.1:{port}"


async def start(broker: Mosquitto) -> Process:
    """Choose the port, write the configuration, start, wait until it listens. Raises `SetupFailed`.

    A port that was free a moment ago may be another hotline's by now: then the next one.
    """
    ports = [p for p in dict.fromkeys((known_port(broker.folder), *PORTS)) if p]
    for _ in range(ATTEMPTS):
        port = first_free(ports)
        process = await _started(broker, port)
        if is_alive(process):
            return process
        ports = [p for p in ports if p != port]
    raise SetupFailed(
        what="The MQTT broker did not start",
        why=last_lines(broker.log),
        mend="set CALLCENTER_MQTT_URL to a broker of your own",
    )


async def _started(broker: Mosquitto, port: int) -> Process:
    identity = broker.identity
    configuration = _write(broker, identity, port)
    process = spawn([*identity.prefix, *broker.command, "-c", str(configuration)], log=broker.log, note=broker.note)
    await until(lambda: _listens_or_died(port, process), 10)
    await asyncio.sleep(SURE_SECONDS)
    return process


async def serves(broker: Mosquitto) -> bool:
    """Whether the broker of an earlier run still listens."""
    port = known_port(broker.folder)
    return port is not None and await listens(port)


async def halt(process: Process) -> None:
    """Ask it to store what it holds and end."""
    await stop(process, STOPPING)


async def _listens_or_died(port: int, process: Process) -> bool:
    return not is_alive(process) or await listens(port)


def _write(broker: Mosquitto, identity: Identity, port: int) -> Path:
    data = broker.folder / "data"
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    broker.folder.chmod(0o711)
    configuration, passwords = broker.folder / "mosquitto.conf", broker.folder / "passwords"
    configuration.write_text(CONFIGURATION.format(port=port, folder=broker.folder))
    descriptor = os.open(passwords, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w") as file:
        file.write(f"{USER}:{_hashed(broker.password)}\n")
    identity.own(data, passwords, *data.iterdir())
    broker.port_note.write_text(f"{port}\n")
    return configuration


def _hashed(password: str) -> str:
    """mosquitto's `$7$`: PBKDF2 with SHA-512; a random 256-bit password needs few rounds."""
    salt, rounds = secrets.token_bytes(12), 101
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds)
    return f"$7${rounds}${b64encode(salt).decode()}${b64encode(digest).decode()}"


async def listens(port: int) -> bool:
    """Whether somebody accepts connections on this port of 127.0.0.1."""
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 3)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
