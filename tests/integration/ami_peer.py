"""A TCP server that speaks the manager interface's bytes, as well or as badly as a test wants."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
Headers = dict[str, str]
Answer = Callable[[Headers], bytes]


def message(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"


def answer(action: Headers, response: str = "Success", *lines: str) -> bytes:
    return message(f"Response: {response}", f"ActionID: {action['ActionID']}", *lines)


def listing(action: Headers, *items: tuple[str, ...]) -> bytes:
    """A list answer: its start, its items, its end."""
    tag = f"ActionID: {action['ActionID']}"
    body = b"".join(message(item[0], *item[1:], tag) for item in items)
    return answer(action, "Success", "EventList: start") + body + message("Event: X", "EventList: Complete", tag)


@dataclass
class Peer:
    """What the server does, and what it saw."""

    port: int = 0
    startup: str = "12:00:00"
    password: str = "right"
    answers: dict[str, Answer | None] = field(default_factory=dict)
    """By action; `None`: never answered. Not listed: a plain success or an empty list."""
    seen: list[Headers] = field(default_factory=list)
    connections: list[asyncio.StreamWriter] = field(default_factory=list)
    opened: int = 0

    def names(self) -> list[str]:
        return [action["Action"] for action in self.seen]

    def send(self, data: bytes) -> None:
        self.connections[-1].write(data)

    def cut(self) -> None:
        """Drop the connection, as a crash does."""
        self.connections.pop().transport.abort()

    def reply(self, action: Headers) -> bytes | None:
        name = action["Action"]
        if name in self.answers:
            chosen = self.answers[name]
            return chosen(action) if chosen else None
        if name == "Login":
            return self._login(action)
        if name == "CoreStatus":
            return answer(action, "Success", "CoreStartupDate: 2026-11-22", f"CoreStartupTime: {self.startup}")
        if name in ("QueueStatus", "CoreShowChannels", "DeviceStateList", "PJSIPShowContacts", "DBGet"):
            return listing(action)
        return answer(action)

    def _login(self, action: Headers) -> bytes:
        if action["Secret"] != self.password:
            return answer(action, "Error", "Message: Authentication failed")
        return answer(action) + message("Event: FullyBooted", "Uptime: 10")


async def _serve(peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    peer.connections.append(writer)
    peer.opened += 1
    writer.write(BANNER)
    try:
        while True:
            text = (await reader.readuntil(b"\r\n\r\n")).decode()
            action = dict(line.split(": ", 1) for line in text.removesuffix("\r\n\r\n").split("\r\n"))
            peer.seen.append(action)
            if (reply := peer.reply(action)) is not None:
                writer.write(reply)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


@asynccontextmanager
async def ami_peer(peer: Peer | None = None) -> AsyncIterator[Peer]:
    """A listening peer; a given one keeps its port, like an Asterisk that was restarted."""
    peer = peer or Peer()
    server = await asyncio.start_server(lambda r, w: _serve(peer, r, w), "127.0.0.1", peer.port)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        for writer in peer.connections:
            writer.transport.abort()


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for a condition that other tasks bring about."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


async def eventually(question: Callable[[], Awaitable[object]], seconds: float = 10.0) -> None:
    """Wait until an awaited question is answered with something true."""
    async with asyncio.timeout(seconds):
        while not await question():
            await asyncio.sleep(0.02)
