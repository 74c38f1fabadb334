"""Callers for the benchmarks: INVITE, some audio's time, BYE, over one UDP socket a call, from the trunk's address."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

SDP = "v=0\r\no=u 1 1 IN IP4 127.0.0.9\r\ns=-\r\nc=IN IP4 127.0.0.9\r\nt=0 0\r\nm=audio {port} RTP/AVP 8 0\r\n"


@dataclass
class Caller(asyncio.DatagramProtocol):
    """One call; `hung_up_at` is when BYE left us (Unix seconds), `answered_after` seconds passed before the answer."""

    sip_port: int
    number: str
    seconds: float
    did: str = "12333"
    hung_up_at: float = 0.0
    answered_after: float = 0.0
    call: str = field(default_factory=lambda: uuid4().hex)

    def connection_made(self, transport: Any) -> None:
        self._wire = transport
        self._own = transport.get_extra_info("sockname")[1]
        self.audio_port = self._own + 1  # nobody listens there
        self._answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        text = data.decode(errors="replace")
        if text.startswith("SIP/2.0 200") and "1 INVITE" in text and not self._answered.done():
            to = next(line for line in text.split("\r\n") if line.lower().startswith("to:"))
            self._answered.set_result(to.partition(";tag=")[2])
        elif text.startswith("SIP/2.0 200") and "2 BYE" in text and not self._closed.done():
            self._closed.set_result(None)
        elif text.startswith("SIP/2.0 ") and int(text[8:11]) >= 300 and not self._answered.done():
            self._answered.set_exception(RuntimeError(text.splitlines()[0]))

    async def ring(self) -> "Caller":
        """Dial, stay for `seconds`, hang up."""
        loop = asyncio.get_running_loop()
        wire, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.9", 0))
        try:
            invited_at = time.perf_counter()
            self._send("INVITE", 1, "", SDP.format(port=self.audio_port))
            tag = await asyncio.wait_for(self._answered, 10)
            self.answered_after = time.perf_counter() - invited_at
            self._send("ACK", 1, tag)
            await asyncio.sleep(self.seconds)
            self.hung_up_at = time.time()
            self._send("BYE", 2, tag)
            await asyncio.wait_for(self._closed, 10)
        finally:
            wire.close()
        return self

    def _send(self, method: str, number: int, tag: str, body: str = "") -> None:
        branch = f"z9hG4bK{self.call}{'' if method == 'INVITE' else method}"
        to = f"<sip:{self.did}@127.0.0.1:{self.sip_port}>" + (f";tag={tag}" if tag else "")
        lines = [
            f"{method} sip:{self.did}@127.0.0.1:{self.sip_port} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.9:{self._own};branch={branch}",
            f"From: <sip:{self.number}@127.0.0.9>;tag=f{self.call}",
            f"To: {to}",
            f"Call-ID: {self.call}",
            f"CSeq: {number} {method}",
            f"Contact: <sip:{self.number}@127.0.0.9:{self._own}>",
            "Max-Forwards: 70",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        self._wire.sendto(("\r\n".join(lines) + "\r\n\r\n" + body).encode(), ("127.0.0.1", self.sip_port))


async def ring_steadily(sip_port: int, rate: float, count: int, seconds: float, first: int = 0) -> list[Caller]:
    """`count` calls at `rate` a second, each `seconds` long; numbers follow from 13000000000 + `first`."""
    return await asyncio.gather(*await _begin(sip_port, rate, count, seconds, first))


async def ring_hard(
    sip_port: int, rate: float, count: int, seconds: float, first: int = 0
) -> tuple[list[Caller], list[BaseException]]:
    """The same where calls may fail: those that went well, and how the others failed."""
    ended = await asyncio.gather(*await _begin(sip_port, rate, count, seconds, first), return_exceptions=True)
    return [e for e in ended if isinstance(e, Caller)], [e for e in ended if isinstance(e, BaseException)]


async def _begin(sip_port: int, rate: float, count: int, seconds: float, first: int) -> list[asyncio.Task[Caller]]:
    began, ringing = time.perf_counter(), []
    for i in range(count):
        await asyncio.sleep(max(0.0, began + i / rate - time.perf_counter()))
        ringing.append(asyncio.create_task(Caller(sip_port, str(13000000000 + first + i), seconds).ring()))
    return ringing
