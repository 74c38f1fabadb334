"""Both ends of hundreds of calls: callers on the trunk and agents who answer at once, SIP here, audio by `rig.media`.

Every call is noted: when it was answered, when its caller hung up, how many frames each side sent.
"""

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from tests.drills.sip import SDP, T1, Dialog, Message, Wire, tag_of

CALLERS_IP, AGENTS_IP = "127.0.0.9", "127.0.0.1"
CALLER, AGENT = 0, 1
EXPIRES = 3600
"""Seconds that a registration holds"""
REGISTER_EVERY = 200.0
ANSWER_SECONDS = 20.0
BEGINNINGS_A_SECOND = 10.0

Accounts = Mapping[str, tuple[str, str]]
"""Agent → (SIP user, password)"""


@dataclass
class Told:
    """One call as its two ends saw it. Times are `time.monotonic`."""

    number: str
    key: str = ""
    """Its Call-ID on the trunk"""
    answered_at: float = 0.0
    hung_up_at: float = 0.0
    ended_by_pbx: bool = False
    sent: dict[int, int] = field(default_factory=dict)
    """Frames by side"""

    @property
    def seconds(self) -> float:
        return self.hung_up_at - self.answered_at


class Media:
    """The process that sends the audio."""

    async def __aenter__(self) -> Self:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.rig.media", CALLERS_IP, AGENTS_IP),
            stdin=pipe, stdout=pipe, cwd=Path(__file__).parents[2], start_new_session=True,
        )  # fmt: skip
        self._asked: dict[tuple[int, str] | None, asyncio.Future[Any]] = {}
        assert self._process.stdout is not None
        ports = json.loads(await self._process.stdout.readline())["ports"]
        self.sdp = [SDP.format(ip=ip, port=p).replace("ptime:40", "ptime:20")
                    for ip, p in zip((CALLERS_IP, AGENTS_IP), ports, strict=True)]  # fmt: skip
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 5)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        self._reading.cancel()

    @property
    def pid(self) -> int:
        return self._process.pid

    def begin(self, side: int, key: str, port: int) -> None:
        self._tell(f"{side} {key} {port}")

    async def end(self, side: int, key: str) -> int:
        """How many frames were sent."""
        return int((await self._ask((side, key), f"{side} {key} 0"))["sent"])

    async def lateness(self) -> str:
        """How punctual it was since it was asked last."""
        said = await self._ask(None, "clock")
        share, worst = said["late"] / max(said["ticks"], 1), said["worst"] * 1000
        return f"{share:.2%} of its instants > 10 ms late, worst {worst:.0f} ms"

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")

    async def _ask(self, key: tuple[int, str] | None, line: str) -> Any:
        self._asked[key] = asyncio.get_running_loop().create_future()
        self._tell(line)
        return await self._asked[key]

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            said = json.loads(line)
            asked = self._asked.pop((said["side"], said["key"]) if "key" in said else None, None)
            if asked is not None and not asked.done():
                asked.set_result(said)


class Callers(Wire):
    """The trunk. `over` holds the calls that the PBX has ended."""

    def __init__(self, server: tuple[str, int]) -> None:
        super().__init__(server)
        self.over: dict[str, asyncio.Event] = {}

    def on_request(self, message: Message, dialog: Dialog | None) -> None:
        if message.method == "ACK":
            return
        self.answer(message, "200 OK", uuid4().hex[:8])
        if message.method == "BYE" and message.call in self.over:
            self.over[message.call].set()


class Agents(Wire):
    """Every agent's phone on one socket; each answers at once."""

    def __init__(self, server: tuple[str, int], media: Media, accounts: Accounts) -> None:
        super().__init__(server)
        self._media, self._accounts = media, accounts
        self.up: dict[str, bool] = {}
        """Call-ID → whether the PBX has acknowledged"""
        self.sent: dict[str, int] = {}
        """Call-ID → frames that its agent sent, of calls that are over"""
        self._tasks: set[asyncio.Task[None]] = set()

    async def register(self) -> None:
        """Every phone, twenty at once. Raises `AssertionError` when one can't."""
        accounts = list(self._accounts.values())
        for i in range(0, len(accounts), 20):
            few = accounts[i : i + 20]
            statuses = await asyncio.gather(*(self.register_one(*account, EXPIRES) for account in few))
            assert set(statuses) == {200}, f"phones could not register: {statuses}"

    async def keep_registered(self) -> None:
        while True:
            await asyncio.sleep(REGISTER_EVERY)
            await self.register()

    def on_request(self, message: Message, dialog: Dialog | None) -> None:
        if message.method == "INVITE":
            self._invited(message)
        elif message.method == "ACK":
            if message.call in self.up:
                self.up[message.call] = True
        else:
            self.answer(message, "200 OK", uuid4().hex[:8])
            if message.method in {"BYE", "CANCEL"} and message.call in self.up:
                del self.up[message.call]
                self._start(self._end(message.call))

    def _invited(self, message: Message) -> None:
        if message.call in self.up:  # our answer is on its way again, or this is a re-INVITE
            return
        self.up[message.call] = False
        self._media.begin(AGENT, message.call, message.media_port)
        self._start(self._answer(message))

    async def _answer(self, message: Message) -> None:
        user = message.first.split()[1].removeprefix("sip:").partition("@")[0]
        tag, wait = uuid4().hex[:8], T1
        contact = (f"Contact: <sip:{user}@{self.ip}:{self.port}>",)
        while self.up.get(message.call) is False and wait < 8:
            self.answer(message, "200 OK", tag, self._media.sdp[AGENT], contact)
            await asyncio.sleep(wait)
            wait *= 2

    async def _end(self, call: str) -> None:
        self.sent[call] = await self._media.end(AGENT, call)

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Phones:
    """`async with Phones(…) as phones`: every agent registered. `did` chooses what the n-th free place dials."""

    def __init__(self, sip_port: int, accounts: Accounts, media: Media, prefix: str, did: Callable[[str], str]) -> None:
        """`prefix`: of the callers' numbers, at most 5 digits. `did`: what a caller dials who gets that agent."""
        self._server = ("127.0.0.1", sip_port)
        self._media, self.prefix, self._did = media, prefix, did
        self._free = sorted(accounts)
        self._callers = Callers(self._server)
        self.agents = Agents(self._server, media, accounts)
        self._numbers = itertools.count()
        self.done: list[Told] = []
        self.failed: list[str] = []
        self._running: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self._callers.open(CALLERS_IP)
        await self.agents.open(AGENTS_IP)
        await self.agents.register()
        self._registering = asyncio.create_task(self.agents.keep_registered())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in (self._registering, *self._running):
            task.cancel()
        await asyncio.gather(self._registering, *self._running, return_exceptions=True)
        self._callers.close()
        self.agents.close()

    @property
    def talking(self) -> int:
        """Calls that an agent has answered and whose end he has not heard."""
        return sum(self.agents.up.values())

    @property
    def running(self) -> int:
        return len(self._running)

    def begin(self, stay: Callable[[], Awaitable[Any]]) -> asyncio.Task[None]:
        """One call, done when it is over; its caller hangs up when `stay`, begun at the answer, is."""
        task = asyncio.create_task(self._ring(stay))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def begin_many(
        self, count: int, stay: Callable[[], Awaitable[Any]], rate: float = BEGINNINGS_A_SECOND
    ) -> None:
        """So many, evenly."""
        began = time.monotonic()
        for i in range(count):
            await asyncio.sleep(max(0.0, began + i / rate - time.monotonic()))
            self.begin(stay)

    async def all_ended(self) -> None:
        """Wait for the calls that run."""
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _ring(self, stay: Callable[[], Awaitable[Any]]) -> None:
        agent = self._free.pop(0)
        told = Told(f"{self.prefix}{next(self._numbers):0{11 - len(self.prefix)}d}")
        host, port = self._server
        uri = f"sip:{self._did(agent)}@{host}:{port}"
        dialog = Dialog(self._callers, uri, f"sip:{told.number}@{CALLERS_IP}", uri)
        told.key = dialog.call
        over = self._callers.over[dialog.call] = asyncio.Event()
        self._callers.dialogs[dialog.call] = dialog
        try:
            if await self._answered(dialog, told):
                await self._until(stay, over)
                await self._hang_up(dialog, told, over)
        finally:
            del self._callers.dialogs[dialog.call], self._callers.over[dialog.call]
            self._free.append(agent)
        if told.answered_at:
            self.done.append(told)

    async def _answered(self, dialog: Dialog, told: Told) -> bool:
        contact = (f"Contact: <sip:{told.number}@{CALLERS_IP}:{self._callers.port}>",)
        sdp = self._media.sdp[CALLER]
        answer = await dialog.exchange(dialog.request("INVITE", sdp, contact), "INVITE")
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                while answer is not None and answer.status < 200:
                    answer = await dialog.inbox.get()
        if answer is None or answer.status != 200:
            self.failed.append(str(answer.status) if answer else "no answer")
            return False
        told.answered_at = time.monotonic()
        self._media.begin(CALLER, dialog.call, answer.media_port)
        dialog.peer_tag = tag_of(answer.headers["to"])
        self._callers.send(dialog.request("ACK"))
        return True

    async def _until(self, stay: Callable[[], Awaitable[Any]], over: asyncio.Event) -> None:
        waits = [asyncio.ensure_future(each) for each in (stay(), over.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()

    async def _hang_up(self, dialog: Dialog, told: Told, over: asyncio.Event) -> None:
        told.hung_up_at, told.ended_by_pbx = time.monotonic(), over.is_set()
        told.sent[CALLER] = await self._media.end(CALLER, dialog.call)
        if not over.is_set():
            status = await dialog.ask("BYE")
            if status != 200:
                self.failed.append(f"BYE {status}")
