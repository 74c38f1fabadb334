"""Callers who talk: A-law frames every 20 ms from one clock for all, and a count of what they hear."""

import asyncio
import audioop
import math
import secrets
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import Any

from benchmarks.rig.calls import Caller

FRAME_SECONDS = 0.02
FRAME_SAMPLES = 160
A_LAW = 8
TONE_HERTZ = 400
"""Eight waves a frame: each frame is the same, and sounds as one tone."""


def tone_frame() -> bytes:
    samples = (int(8000 * math.sin(2 * math.pi * TONE_HERTZ * n / 8000)) for n in range(FRAME_SAMPLES))
    return audioop.lin2alaw(struct.pack(f"<{FRAME_SAMPLES}h", *samples), 2)


@dataclass
class Talker(Caller):
    """A caller with audio both ways; `heard` counts the RTP packets that came."""

    heard: int = 0
    _there: tuple[str, int] | None = field(default=None, init=False)

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._audio = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._audio.setblocking(False)
        self._audio.bind(("127.0.0.9", 0))
        self.audio_port = self._audio.getsockname()[1]
        self._header = struct.pack(">I", secrets.randbits(32))
        self._sequence = 0

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        if data.startswith(b"SIP/2.0 200") and b"m=audio " in data:
            port = int(data.partition(b"m=audio ")[2].split()[0])
            self._there = ("127.0.0.1", port)
        super().datagram_received(data, addr)

    def connection_lost(self, exc: Exception | None) -> None:
        self._there = None
        self._audio.close()

    def tick(self, frame: bytes) -> None:
        """Send one frame, take what came."""
        if self._there is None or self.hung_up_at:
            return
        self._sequence += 1
        number = struct.pack(">BBHI", 0x80, A_LAW, self._sequence & 0xFFFF, self._sequence * FRAME_SAMPLES & 0xFFFFFFFF)
        try:
            self._audio.sendto(number + self._header + frame, self._there)
            while self._audio.recv(2048):
                self.heard += 1
        except BlockingIOError:
            return


async def keep_talking(talkers: list[Talker]) -> None:
    """The clock of all of them, until cancelled."""
    frame, due = tone_frame(), time.perf_counter()
    while True:
        for talker in talkers:
            talker.tick(frame)
        due = max(due + FRAME_SECONDS, time.perf_counter() - 1)
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
