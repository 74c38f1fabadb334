"""SIP written by hand, for what no phone would send: one INVITE over UDP, hung up as soon as it is answered."""

import asyncio
import socket
import time
from dataclasses import dataclass, field
from uuid import uuid4

SDP = "v=0\r\no=u 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 7000 RTP/AVP 8 0\r\n"


@dataclass
class Invite:
    """`user` and `display` go into From as they are; bytes that are no UTF-8 by surrogateescape."""

    port: int
    did: str
    user: str
    display: str = ""
    headers: str = ""
    ip: str = "127.0.0.9"
    seconds: float = 0.0
    """From the answer to the hang-up; he sends no audio meanwhile"""
    call: str = field(default_factory=lambda: uuid4().hex)

    async def send(self) -> int:
        """The final status; 0 when nothing final came within 5 s."""
        return await asyncio.to_thread(self._send)

    def _send(self) -> int:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as self._socket:
            self._socket.bind((self.ip, 0))
            self._socket.settimeout(5)
            self._tell("INVITE", 1, "", SDP.format(ip=self.ip))
            while True:
                try:
                    answer = self._socket.recv(65536).decode(errors="replace")
                except TimeoutError:
                    return 0
                status = int(answer.split(" ", 2)[1]) if answer.startswith("SIP/2.0 ") else 0
                if status >= 200:
                    self._finish(answer, status)
                    return status

    def _finish(self, answer: str, status: int) -> None:
        to = next(line for line in answer.split("\r\n") if line.lower().startswith("to:"))
        tag = to.partition(";tag=")[2]
        self._tell("ACK", 1, tag)
        if status == 200:
            time.sleep(self.seconds)
            self._tell("BYE", 2, tag)
            self._socket.recv(65536)

    def _tell(self, method: str, number: int, tag: str, body: str = "") -> None:
        own = self._socket.getsockname()[1]
        branch = f"z9hG4bK{self.call}{'' if method == 'INVITE' else method}"
        lines = [
            f"{method} sip:{self.did}@127.0.0.1:{self.port} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.ip}:{own};branch={branch}",
            f"From: {self.display}<sip:{self.user}@{self.ip}>;tag=f{self.call}",
            f"To: <sip:{self.did}@127.0.0.1:{self.port}>" + (f";tag={tag}" if tag else ""),
            f"Call-ID: {self.call}",
            f"CSeq: {number} {method}",
            f"Contact: <sip:x@{self.ip}:{own}>",
            "Max-Forwards: 70",
            *([self.headers] if self.headers and method == "INVITE" else []),
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        message = "\r\n".join(lines) + "\r\n\r\n" + body
        self._socket.sendto(message.encode("utf-8", "surrogateescape"), ("127.0.0.1", self.port))
