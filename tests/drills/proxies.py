"""A TCP relay that a drill can hold, slow, cut, or make lose the answer to a COMMIT."""

import asyncio
import random
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Self

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
SLOW_BYTES = 64
AT_ONCE = 1 << 16


class Cut(Exception):
    """This connection ends here, in the middle of what was said."""


class Link:
    """One relayed connection."""

    def __init__(self, client: Streams, server: Streams) -> None:
        self.client, self.server = client, server
        self.unanswered = False
        """The answer to what this client has just sent is to be lost"""

    def reset(self) -> None:
        """Both ends see a reset, not a farewell."""
        for _, writer in (self.client, self.server):
            wire = writer.get_extra_info("socket")
            if wire is not None and wire.family != socket.AF_UNIX:
                with suppress(OSError):
                    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


class Proxy:
    """Relays to whatever `connect` opens. The attributes may be changed at any time."""

    def __init__(self, connect: Callable[[], Awaitable[Streams]], asked: bytes = b"", answered: bytes = b"") -> None:
        """`asked` and `answered`: bytes by which a request and its answer are known whose loss is drilled."""
        self.connect, self._asked, self._answered = connect, asked, answered
        self.links: set[Link] = set()
        self.bytes_a_second = 0.0
        """0: as fast as they come"""
        self.cut_next = False
        """The next bytes of the server are cut in their middle"""
        self.lose_answer = 0.0
        """Probability that a request is carried out and its answer never comes"""
        self.lose_request = 0.0
        """Probability that it never arrives"""
        self.lost = 0
        self.refusing = False
        self._serving = 0
        self._open = asyncio.Event()
        self._open.set()

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listener.close()
        self.release()
        while self._serving:
            self.reset()
            await asyncio.sleep(0.01)

    def reset(self) -> None:
        for link in list(self.links):
            link.reset()

    def hold(self) -> None:
        """Half-open: connections stay, nothing passes any more."""
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._serving += 1
        try:
            await self._relay(reader, writer)
        finally:
            self._serving -= 1

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._open.wait()
        try:
            if self.refusing:
                raise Cut
            server = await self.connect()
        except (OSError, Cut):
            writer.transport.abort()
            return
        link = Link((reader, writer), server)
        self.links.add(link)
        pumps = [asyncio.create_task(self._pump(link, True)), asyncio.create_task(self._pump(link, False))]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        ends = await asyncio.gather(*pumps, return_exceptions=True)
        if any(isinstance(end, Cut) for end in ends):
            link.reset()
        for _, end in (link.client, link.server):
            end.close()
        self.links.discard(link)

    async def _pump(self, link: Link, upward: bool) -> None:
        reader, writer = (link.client[0], link.server[1]) if upward else (link.server[0], link.client[1])
        with suppress(OSError):
            while data := await reader.read(AT_ONCE):
                await self._open.wait()
                (self._heard_of_client if upward else self._heard_of_server)(link, data, writer)
                await self._pass_on(data, writer)

    async def _pass_on(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        if not self.bytes_a_second:
            writer.write(data)
            return await writer.drain()
        for start in range(0, len(data), SLOW_BYTES):
            writer.write(data[start : start + SLOW_BYTES])
            await writer.drain()
            if self.bytes_a_second:
                await asyncio.sleep(SLOW_BYTES / self.bytes_a_second)
        return None

    def _heard_of_client(self, link: Link, data: bytes, _: asyncio.StreamWriter) -> None:
        if not self._asked or self._asked not in data:
            return
        dice = random.random()  # noqa: S311 - which request is hit, guards nothing
        if dice < self.lose_request:
            self.lost += 1
            raise Cut
        link.unanswered = dice < self.lose_request + self.lose_answer

    def _heard_of_server(self, link: Link, data: bytes, writer: asyncio.StreamWriter) -> None:
        if link.unanswered and self._answered in data:
            self.lost += 1
            raise Cut
        if self.cut_next:
            self.cut_next = False
            writer.write(data[: len(data) // 2 + 1])
            raise Cut
