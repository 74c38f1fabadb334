"""Ports: asked for before anything starts, so that a clash is one clear line and not a half-started hotline."""

import random
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from callcenter.errors import SetupFailed

KINDS = (socket.SOCK_STREAM, socket.SOCK_DGRAM)


@dataclass(frozen=True, slots=True)
class WantedPort:
    """A port that a part is about to open, and the setting that moves it."""

    setting: str
    address: str
    port: int
    kind: socket.SocketKind = socket.SOCK_STREAM

    @property
    def name(self) -> str:
        return f"{'UDP' if self.kind == socket.SOCK_DGRAM else 'TCP'} port {self.port} on {self.address}"


def is_free(wanted: WantedPort) -> bool:
    """Whether the port could be opened now; what is left of closed connections does not count."""
    family = socket.AF_INET6 if ":" in wanted.address else socket.AF_INET
    with socket.socket(family, wanted.kind) as probe:
        if wanted.kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((wanted.address, wanted.port))
        except OSError:
            return False
    return True


def require_free(wanted: Iterable[WantedPort]) -> None:
    """Raises `SetupFailed` that names every port in use with its setting."""
    taken = [port for port in wanted if not is_free(port)]
    if taken:
        raise SetupFailed(
            what="The hotline can't start",
            why=" and ".join(f"{port.name} can't be opened (in use?)" for port in taken),
            mend=f"stop what uses it or set {' and '.join(port.setting for port in taken)} to another port",
        )


def first_free(candidates: Iterable[int]) -> int:
    """The first of the TCP ports of 127.0.0.1 that is free. Raises `SetupFailed`."""
    for port in candidates:
        if is_free(WantedPort("", "127.0.0.1", port)):
            return port
    raise SetupFailed(
        what="The broker can't start",
        why="none of its ports is free",
        mend="set CALLCENTER_MQTT_URL to a broker of your own",
    )


PASSING = range(20_100, 32_000)
"""Where throw-away listeners live: above the audio's ports, below those the kernel hands out (Linux: from 32768)."""


def passing_ports(count: int) -> list[int]:
    """Different ports of 127.0.0.1 that are free for TCP and for UDP just now, by chance: others may be looking, too.

    Raises `SetupFailed` when there are too few.
    """
    looked_at = random.sample(PASSING, len(PASSING))
    found = (port for port in looked_at if all(is_free(WantedPort("", "127.0.0.1", port, kind)) for kind in KINDS))
    ports = [port for _, port in zip(range(count), found, strict=False)]
    if len(ports) < count:
        raise SetupFailed(
            what="No port is left for a throw-away Asterisk",
            why=f"{len(ports)} of {count} are free between {PASSING.start} and {PASSING.stop} on 127.0.0.1",
            mend="see with `ss -lntu` what holds them",
        )
    return ports


def passing_port() -> int:
    """One of `passing_ports`."""
    return passing_ports(1)[0]
