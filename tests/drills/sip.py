"""SIP over one UDP socket for many light phones: messages, dialogs by Call-ID, retransmission, digest."""

import asyncio
import hashlib
import re
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

T1 = 0.5
"""RFC 3261: the first retransmission, doubled each time."""
GIVE_UP_SECONDS = 8.0
SDP = "v=0\r\no=u 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\na=ptime:40\r\n"


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer; of headers that come twice the first counts (there is one hop)."""

    first: str
    headers: dict[str, str]
    body: str

    @property
    def status(self) -> int:
        """0 for a request."""
        return int(self.first.split(" ", 2)[1]) if self.first.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        """Of an answer: what it answers."""
        return self.headers["cseq"].split()[1] if self.status else self.first.split(" ", 1)[0]

    @property
    def call(self) -> str:
        return self.headers["call-id"]

    @property
    def contact(self) -> str:
        found = re.search(r"<([^>]+)>", self.headers.get("contact", ""))
        return found[1] if found else ""

    @property
    def media_port(self) -> int:
        found = re.search(r"^m=audio (\d+) ", self.body, re.MULTILINE)
        return int(found[1]) if found else 0


def parse(data: bytes) -> Message:
    head, _, body = data.decode(errors="replace").partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers.setdefault(name.strip().lower(), value.strip())
    return Message(first, headers, body)


def tag_of(header: str) -> str:
    return header.partition(";tag=")[2].split(";")[0]


@dataclass
class Dialog:
    """One call or registration of ours: what it sent last, and what arrived for it."""

    wire: "Wire"
    target: str
    own: str
    """Our From (of what we sent) without tag"""
    peer: str
    call: str = field(default_factory=lambda: uuid4().hex)
    own_tag: str = field(default_factory=lambda: uuid4().hex[:10])
    peer_tag: str = ""
    cseq: int = 0
    inbox: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)

    def request(self, method: str, body: str = "", extra: tuple[str, ...] = (), same: bool = False) -> bytes:
        """`same`: in the transaction of the INVITE, as CANCEL and the ACK of a refusal are."""
        if method not in {"ACK", "CANCEL"}:
            self.cseq += 1
        number = self.cseq
        branch = f"z9hG4bK{self.call}{number}" + ("" if same or method == "INVITE" else method)
        to = f"<{self.peer}>" + (f";tag={self.peer_tag}" if self.peer_tag and method != "CANCEL" else "")
        lines = [
            f"{method} {self.target} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.wire.ip}:{self.wire.port};rport;branch={branch}",
            f"From: <{self.own}>;tag={self.own_tag}",
            f"To: {to}",
            f"Call-ID: {self.call}",
            f"CSeq: {number} {method}",
            "Max-Forwards: 70",
            *extra,
        ]
        return _whole(lines, body)

    async def ask(self, method: str, extra: tuple[str, ...] = ()) -> int:
        """Send until an answer comes; its status, 0 when none came. A BYE or REGISTER."""
        answer = await self.exchange(self.request(method, extra=extra), method)
        return answer.status if answer else 0

    async def exchange(self, data: bytes, method: str) -> Message | None:
        """The first answer to this request; requests that arrive meanwhile are answered by the wire."""
        wait, loop = T1, asyncio.get_running_loop()
        deadline = loop.time() + GIVE_UP_SECONDS
        while loop.time() < deadline:
            self.wire.send(data)
            until = min(loop.time() + wait, deadline)
            while (left := until - loop.time()) > 0:
                try:
                    answer = await asyncio.wait_for(self.inbox.get(), left)
                except TimeoutError:
                    break
                if answer.status and answer.method == method:
                    return answer
            wait *= 2
        return None


def _whole(lines: list[str], body: str) -> bytes:
    kind = ["Content-Type: application/sdp"] if body else []
    return ("\r\n".join([*lines, *kind, f"Content-Length: {len(body)}"]) + "\r\n\r\n" + body).encode()


class Wire(asyncio.DatagramProtocol):
    """One UDP socket; a dialog's answers go to its inbox, requests to `on_request`."""

    def __init__(self, server: tuple[str, int]) -> None:
        self.server = server
        self.dialogs: dict[str, Dialog] = {}

    async def open(self, ip: str) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=(ip, 0))

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.ip, self.port = transport.get_extra_info("sockname")

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there now: the next retransmission may find him."""

    def send(self, data: bytes) -> None:
        self._transport.sendto(data, self.server)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        message = parse(data)
        if "call-id" not in message.headers:
            return
        dialog = self.dialogs.get(message.call)
        if message.status:
            if dialog:
                dialog.inbox.put_nowait(message)
        else:
            self.on_request(message, dialog)

    async def register_one(self, user: str, password: str, expires: int) -> int:
        """The final status of an account's registration from this socket; 0 without any."""
        uri, own = f"sip:{self.server[0]}:{self.server[1]}", f"sip:{user}@{self.server[0]}"
        dialog = Dialog(self, uri, own, own)
        self.dialogs[dialog.call] = dialog
        contact = (f"Contact: <sip:{user}@{self.ip}:{self.port}>", f"Expires: {expires}")
        try:
            answer = await dialog.exchange(dialog.request("REGISTER", extra=contact), "REGISTER")
            if answer is None or answer.status != 401:
                return answer.status if answer else 0
            proof = credentials(answer.headers["www-authenticate"], user, password, "REGISTER", uri)
            return await dialog.ask("REGISTER", extra=(*contact, proof))
        finally:
            del self.dialogs[dialog.call]

    def on_request(self, message: Message, dialog: Dialog | None) -> None:
        raise NotImplementedError

    def answer(self, request: Message, status: str, tag: str = "", body: str = "", extra: tuple[str, ...] = ()) -> None:
        to = request.headers["to"]
        if tag and ";tag=" not in to:
            to += f";tag={tag}"
        h = request.headers
        lines = [f"SIP/2.0 {status}", f"Via: {h['via']}", f"From: {h['from']}", f"To: {to}"]
        lines += [f"Call-ID: {h['call-id']}", f"CSeq: {h['cseq']}", *extra]
        self.send(_whole(lines, body))


def credentials(challenge: str, user: str, password: str, method: str, uri: str) -> str:
    """The Authorization header for a 401 (RFC 2617, MD5, qop=auth)."""
    given = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge.partition(" ")[2]))
    cnonce = uuid4().hex[:8]
    one = _md5(f"{user}:{given['realm']}:{password}")
    two = _md5(f"{method}:{uri}")
    answer = _md5(f"{one}:{given['nonce']}:00000001:{cnonce}:auth:{two}")
    opaque = f', opaque="{given["opaque"]}"' if "opaque" in given else ""
    return (
        f'Authorization: Digest username="{user}", realm="{given["realm"]}", nonce="{given["nonce"]}", uri="{uri}",'
        f' response="{answer}", algorithm=MD5, qop=auth, nc=00000001, cnonce="{cnonce}"{opaque}'
    )


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
