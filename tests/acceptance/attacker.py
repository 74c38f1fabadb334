"""SIP written by hand from an address of its own: what a scanner, a guesser and a fraudster send."""

import asyncio
import hashlib
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Self
from uuid import uuid4

SDP = "v=0\r\no=u 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 7000 RTP/AVP 8 0\r\n"


@dataclass(frozen=True)
class Answer:
    """A final answer, or None of it when nothing came: `status` 0."""

    status: int
    text: str
    seconds: float

    @property
    def shape(self) -> list[str]:
        """What is the same for everybody: the header names in order, and values that hold nothing random."""
        lines = self.text.split("\r\n")
        kept = [line for line in lines if line.startswith(("SIP/2.0", "WWW-Authenticate", "Server", "Content-Length"))]
        return [re.sub(r'(nonce|opaque)="[^"]*"', r'\1=""', line) for line in kept] + [
            x.partition(":")[0] for x in lines
        ]


@dataclass
class Attacker:
    """`with Attacker(port) as stranger:` speaks from 127.0.0.66."""

    port: int
    ip: str = "127.0.0.66"
    patience: float = 3.0
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __enter__(self) -> Self:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((self.ip, 0))
        self.socket.settimeout(self.patience)
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    async def ask(self, method: str, user: str, **options: str) -> Answer:
        """Send one request and wait for its final answer."""
        return await asyncio.to_thread(self._ask, method, user, **options)

    async def guess(self, user: str, password: str) -> Answer:
        """One whole attempt to register: the challenge, then an answer with this password."""
        challenge = await self.ask("REGISTER", user)
        if challenge.status != 401:
            return challenge
        return await self.ask("REGISTER", user, authorization=digest(challenge.text, user, password, self.port))

    def _ask(self, method: str, user: str, *, to: str = "", authorization: str = "", raw: str = "") -> Answer:
        call = uuid4().hex
        began = time.monotonic()
        message = raw or self._message(method, user, to or user, call, authorization)
        self.socket.sendto(message.encode("utf-8", "surrogateescape"), ("127.0.0.1", self.port))
        while True:
            try:
                text = self.socket.recv(65536).decode(errors="replace")
            except TimeoutError:
                return Answer(0, "", time.monotonic() - began)
            mine = raw or call in text
            if mine and text.startswith("SIP/2.0 ") and (status := int(text.split(" ", 2)[1])) >= 200:
                return Answer(status, text, time.monotonic() - began)

    def _message(self, method: str, user: str, to: str, call: str, authorization: str) -> str:
        own = self.socket.getsockname()[1]
        body = SDP.format(ip=self.ip) if method == "INVITE" else ""
        target = f"sip:127.0.0.1:{self.port}" if method == "REGISTER" else f"sip:{to}@127.0.0.1:{self.port}"
        lines = [
            f"{method} {target} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.ip}:{own};branch=z9hG4bK{call};rport",
            f"From: <sip:{user}@127.0.0.1>;tag=f{call}",
            f"To: <sip:{to}@127.0.0.1>",
            f"Call-ID: {call}",
            f"CSeq: {next(self._numbers)} {method}",
            f"Contact: <sip:{user}@{self.ip}:{own}>",
            "Max-Forwards: 70",
            *([f"Authorization: {authorization}"] if authorization else []),
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join(lines) + "\r\n\r\n" + body


def digest(challenge: str, user: str, password: str, port: int, method: str = "REGISTER") -> str:
    """The Authorization header for a challenge (RFC 2617, qop=auth, MD5)."""
    found = dict(re.findall(r'(\w+)="([^"]*)"', challenge.partition("WWW-Authenticate:")[2]))
    uri, cnonce = f"sip:127.0.0.1:{port}", "0a4f113b"
    first = _md5(f"{user}:{found['realm']}:{password}")
    proof = _md5(f"{first}:{found['nonce']}:00000001:{cnonce}:auth:{_md5(f'{method}:{uri}')}")
    return (
        f'Digest username="{user}", realm="{found["realm"]}", nonce="{found["nonce"]}", uri="{uri}", '
        f'response="{proof}", algorithm=MD5, cnonce="{cnonce}", '
        f'opaque="{found.get("opaque", "")}", qop=auth, nc=00000001'
    )


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()  # noqa: S324 - what the protocol uses
