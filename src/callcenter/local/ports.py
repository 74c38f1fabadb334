"""Ports: asked for before anything starts, so that a clash is one clear line and not a half-started hotline."""

import socket
from collections.abc import Iterable
from dataclasses import dataclass

from callcenter.errors import SetupFailed


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
