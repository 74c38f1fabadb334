"""A light load: callers on the trunk and agents that answer, each call by its plan, all on a handful of sockets.

Both sides send audio (G.711 silence would not do: recordings must hold something), 25 packets a second each. A call
costs this process about a millisecond a second.
"""

import asyncio
import random
import re
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Self
from uuid import uuid4

from tests.drills.oracle import Oracle, Plan, Seen
from tests.drills.sip import GIVE_UP_SECONDS, SDP, T1, Dialog, Message, Wire, tag_of

TRUNK_IP, AGENT_IP = "127.0.0.9", "127.0.0.1"
PACKET_SECONDS = 0.04
SAMPLES = 320
AUDIO = bytes(0x55 ^ (0x20 if i % 16 < 8 else 0xA0) for i in range(SAMPLES))
"""A-law square wave of 500 Hz."""
Says = Callable[[int], bytes | None]
"""The payload of a phone's n-th packet, `SAMPLES` of A-law; None: it sends none."""
Sounds = Callable[[str], Says]
"""What a plan's name of a sound stands for; the empty one is a tone."""
PATIENCE_SECONDS = 40.0
"""A caller whose call goes nowhere hangs up."""
EXPIRES = 300
"""Seconds that a registration holds"""
REGISTER_EVERY = 20.0
STORIES = {"caller_hangs_up": 4, "agent_hangs_up": 2, "leaves_ringing": 2, "leaves_notice": 1, "cancels": 1}
"""How often each comes."""


def plans(prefix: str, seed: int, stay: tuple[float, float] = (1.0, 3.0)) -> Iterator[Plan]:
    """Endless plans whose numbers begin with `prefix` (11 digits in all)."""
    chance = random.Random(seed)  # noqa: S311 - chooses stories, guards nothing
    for n in count():
        story = chance.choices(list(STORIES), list(STORIES.values()))[0]
        number = f"{prefix}{n:0{11 - len(prefix)}d}"
        yield Plan(number, story, round(chance.uniform(0.2, 0.8), 2), round(chance.uniform(*stay), 2))


def tone_alone(name: str) -> Says:
    """All that the drills' phones say."""
    return lambda packet: AUDIO


class Audio:
    """Sends packets for every leg that is up, from one socket an address."""

    def __init__(self, ip: str, sounds: Sounds) -> None:
        self._sounds = sounds
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.setblocking(False)
        self._socket.bind((ip, 0))
        self.ip, self.port = self._socket.getsockname()
        self._legs: dict[str, Leg] = {}

    @property
    def sdp(self) -> str:
        return SDP.format(ip=self.ip, port=self.port)

    def start(self, call: str, port: int, seen: Seen, says: str = "") -> None:
        """`seen` learns how late its audio leaves."""
        if port:
            self._legs[call] = Leg(port, time.monotonic(), random.getrandbits(32), seen, self._sounds(says))

    def stop(self, call: str) -> None:
        self._legs.pop(call, None)

    def close(self) -> None:
        self._socket.close()

    async def run(self) -> None:
        while True:
            await asyncio.sleep(PACKET_SECONDS)
            moment = time.monotonic()
            for leg in self._legs.values():
                packets = list(leg.due(moment))
                leg.seen.audio_late += PACKET_SECONDS * max(0, len(packets) - 1)
                for packet in packets:
                    with suppress(OSError):
                        self._socket.sendto(packet, (AGENT_IP, leg.port))


@dataclass(slots=True)
class Leg:
    """What one side says, since when."""

    port: int
    began: float
    source: int
    seen: Seen
    says: Says
    sent: int = 0

    def due(self, moment: float) -> Iterator[bytes]:
        """Packets that should have left by now, as many as the leg is old."""
        while self.sent * PACKET_SECONDS <= moment - self.began:
            stamp, audio = self.sent * SAMPLES & 0xFFFFFFFF, self.says(self.sent)
            if audio is not None:
                yield struct.pack("!BBHII", 0x80, 8, self.sent & 0xFFFF, stamp, self.source) + audio
            self.sent += 1


@dataclass
class Call:
    """One call under way: its plan, what is seen of it, and what its two ends tell each other."""

    plan: Plan
    seen: Seen
    rung: asyncio.Event = field(default_factory=asyncio.Event)
    talking: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """The PBX has ended the caller's leg"""


class Callers(Wire):
    """The trunk: everybody who rings the hotline."""

    def __init__(self, server: tuple[str, int]) -> None:
        super().__init__(server)
        self.calls: dict[str, Call] = {}
        """By Call-ID"""

    def on_request(self, message: Message, dialog: Dialog | None) -> None:
        if message.method == "ACK":
            return
        self.answer(message, "200 OK" if dialog or message.method != "BYE" else "481 Gone", uuid4().hex[:8])
        call = self.calls.get(message.call)
        if message.method == "BYE" and call and not call.over.is_set():
            call.seen.ended_at, call.seen.ended_by = time.time(), call.seen.ended_by or "pbx"
            call.over.set()


class Agents(Wire):
    """Every agent's phone, on one socket: who is meant stands in the request's address."""

    def __init__(self, server: tuple[str, int], audio: Audio, accounts: Mapping[str, tuple[str, str]]) -> None:
        """`accounts`: number → (SIP user, password)."""
        super().__init__(server)
        self.expected: dict[str, Call] = {}
        """By the caller's number"""
        self._audio, self._accounts = audio, accounts
        self._numbers = {user: number for number, (user, _) in accounts.items()}
        self._ringing: dict[str, tuple[Message, str, asyncio.Task[None]]] = {}
        self._acked: dict[str, asyncio.Event] = {}
        self._up: dict[str, Call] = {}

    async def register(self) -> list[int]:
        """Register every phone; the final statuses."""
        return list(
            await asyncio.gather(*(self.register_one(*account, EXPIRES) for account in self._accounts.values()))
        )

    async def keep_registered(self) -> None:
        while True:
            await asyncio.sleep(REGISTER_EVERY)
            await self.register()

    def on_request(self, message: Message, dialog: Dialog | None) -> None:
        method = message.method
        if method == "INVITE":
            self._invited(message)
        elif method == "ACK":
            if message.call in self._acked:
                self._acked[message.call].set()
        elif method == "CANCEL":
            self._cancelled(message)
        else:
            self.answer(message, "200 OK", uuid4().hex[:8])
            if method == "BYE":
                self._ended(message.call)

    def _invited(self, message: Message) -> None:
        if message.call in self._ringing:
            return self.answer(message, "180 Ringing", self._ringing[message.call][1])
        if message.call in self._up:  # a re-INVITE, or our 200 was not heard
            return self.answer(message, "200 OK", "", self._audio.sdp, (self._contact(message),))
        found = re.search(r"sip:([^@>]+)@", message.headers["from"])
        call = self.expected.get(found[1] if found else "")
        if call is None:
            return self.answer(message, "486 Busy Here", uuid4().hex[:8])
        tag = uuid4().hex[:8]
        user = message.first.split()[1].removeprefix("sip:").partition("@")[0]
        self.answer(message, "180 Ringing", tag, extra=(self._contact(message),))
        self._ringing[message.call] = (message, tag, asyncio.create_task(self._take(message, tag, call, user)))
        call.seen.rung.append(self._numbers.get(user, user))
        call.seen.rang_at = call.seen.rang_at or time.time()
        call.rung.set()
        return None

    def _contact(self, message: Message) -> str:
        user = message.first.split()[1].removeprefix("sip:").partition("@")[0]
        return f"Contact: <sip:{user}@{self.ip}:{self.port}>"

    async def _take(self, message: Message, tag: str, call: Call, user: str) -> None:
        """Answer after the planned ring, talk as planned; let it ring when the plan says so."""
        if call.plan.story == "leaves_ringing":
            return
        await asyncio.sleep(call.plan.ring)
        acked = self._acked[message.call] = asyncio.Event()
        self._up[message.call] = call
        self._ringing.pop(message.call, None)
        call.seen.picked_up_at = time.time()
        wait = T1
        while not acked.is_set() and wait < GIVE_UP_SECONDS:
            self.answer(message, "200 OK", tag, self._audio.sdp, (self._contact(message),))
            with suppress(TimeoutError):
                await asyncio.wait_for(acked.wait(), wait)
            wait *= 2
        if not acked.is_set() or message.call not in self._up:
            return
        seen = call.seen
        seen.agent, seen.talk_from = self._numbers.get(user, user), time.time()
        self._audio.start(message.call, message.media_port, seen, call.plan.agent_says)
        call.talking.set()
        if call.plan.story == "agent_hangs_up":
            await asyncio.sleep(call.plan.stay)
            await self._hang_up(message, tag)

    async def _hang_up(self, message: Message, tag: str) -> None:
        call = self._up.get(message.call)
        if call is None:
            return
        call.seen.ended_by = call.seen.ended_by or "agent"
        dialog = Dialog(self, message.contact, "", "", message.call, tag, tag_of(message.headers["from"]))
        dialog.own = re.sub(r";tag=.*|[<>]", "", message.headers["to"])
        found = re.search(r"<([^>]+)>", message.headers["from"])
        dialog.peer = found[1] if found else ""
        self.dialogs[message.call] = dialog
        self._ended(message.call)
        call.seen.bye_status = await dialog.ask("BYE")
        self.dialogs.pop(message.call, None)

    def pbx_died(self) -> None:
        """Every phone is put down."""
        for call_id in list(self._up):
            self._ended(call_id)
        for _, _, task in self._ringing.values():
            task.cancel()
        self._ringing.clear()

    def _cancelled(self, message: Message) -> None:
        self.answer(message, "200 OK", uuid4().hex[:8])
        ringing = self._ringing.pop(message.call, None)
        if ringing:
            invite, tag, task = ringing
            task.cancel()
            self.answer(invite, "487 Request Terminated", tag)

    def _ended(self, call_id: str) -> None:
        self._audio.stop(call_id)
        self._acked.pop(call_id, None)
        call = self._up.pop(call_id, None)
        if call and call.seen.talk_from and not call.seen.talk_until:
            call.seen.talk_until = time.time()


class Load:
    """`async with Load(…) as load: await load.run(…)`: agents registered, callers ready."""

    def __init__(
        self, sip_port: int, accounts: Mapping[str, tuple[str, str]], oracle: Oracle, did: str,
        sounds: Sounds = tone_alone,
    ) -> None:  # fmt: skip
        self._server = ("127.0.0.1", sip_port)
        self._oracle, self._did = oracle, did
        self._caller_audio, self._agent_audio = Audio(TRUNK_IP, sounds), Audio(AGENT_IP, sounds)
        self._callers = Callers(self._server)
        self.agents = Agents(self._server, self._agent_audio, accounts)
        self.running: set[asyncio.Task[Seen]] = set()
        self.done: list[Seen] = []

    async def __aenter__(self) -> Self:
        await self._callers.open(TRUNK_IP)
        await self.agents.open(AGENT_IP)
        statuses = await self.agents.register()
        assert set(statuses) == {200}, f"phones could not register: {statuses}"
        work = (self._caller_audio.run(), self._agent_audio.run(), self.agents.keep_registered())
        self._work = [asyncio.create_task(each) for each in work]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in (*self._work, *self.running):
            task.cancel()
        await asyncio.gather(*self._work, *self.running, return_exceptions=True)
        for end in (self._callers, self.agents, self._caller_audio, self._agent_audio):
            end.close()

    async def run(
        self, plans: Iterable[Plan], rate: float, stop: asyncio.Event, begun: list[asyncio.Task[Seen]]
    ) -> None:
        """Begin `rate` calls a second until told to stop; `begun` gets them, and those under way go on."""
        began = time.monotonic()
        for i, plan in enumerate(plans):
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), max(0.001, began + i / rate - time.monotonic()))
            if stop.is_set():
                return
            begun.append(self.begin(plan))

    def begin(self, plan: Plan) -> asyncio.Task[Seen]:
        task = asyncio.create_task(self.ring(plan))
        self.running.add(task)
        task.add_done_callback(self.running.discard)
        return task

    @property
    def up(self) -> int:
        """Calls that the PBX has answered and that have not ended."""
        calls = self._callers.calls.values()
        return sum(1 for call in calls if call.seen.answered_at and not call.over.is_set())

    def pbx_died(self) -> None:
        """No phone waits for a farewell; an INVITE that nobody has answered is sent again, to the next one."""
        for call in self._callers.calls.values():
            if call.seen.answered_at:
                call.over.set()
        self.agents.pbx_died()

    async def ring(self, plan: Plan) -> Seen:
        """One call. Its plan is on disk before the INVITE leaves."""
        await self._oracle.plan(plan)
        call = Call(plan, Seen(plan.number))
        self.agents.expected[plan.number] = call
        host, port = self._server
        uri = f"sip:{self._did}@{host}:{port}"
        dialog = Dialog(self._callers, uri, f"sip:{plan.number}@{TRUNK_IP}", uri)
        self._callers.dialogs[dialog.call], self._callers.calls[dialog.call] = dialog, call
        try:
            await self._invite(dialog, call)
        finally:
            self._caller_audio.stop(dialog.call)
            del self._callers.dialogs[dialog.call], self._callers.calls[dialog.call]
            del self.agents.expected[plan.number]
        if call.seen.talk_from and not call.seen.talk_until:
            call.seen.talk_until = call.seen.ended_at
        self.done.append(call.seen)
        await self._oracle.seen(call.seen)
        return call.seen

    async def _invite(self, dialog: Dialog, call: Call) -> None:
        seen = call.seen
        contact = (f"Contact: <sip:{call.plan.number}@{TRUNK_IP}:{self._callers.port}>",)
        seen.invited_at = time.time()
        answer = await dialog.exchange(dialog.request("INVITE", self._caller_audio.sdp, contact), "INVITE")
        seen.any_answer = answer is not None
        if answer is None:
            return
        if call.plan.story == "cancels":
            self._callers.send(dialog.request("CANCEL", same=True))
        while answer is not None and answer.status < 200:
            try:
                answer = await asyncio.wait_for(dialog.inbox.get(), PATIENCE_SECONDS)
            except TimeoutError:
                return
            if answer.method != "INVITE":
                answer = Message("SIP/2.0 100 -", answer.headers, "")
        seen.status, dialog.peer_tag = answer.status, tag_of(answer.headers["to"])
        self._callers.send(dialog.request("ACK", same=seen.status != 200))
        if seen.status != 200:
            seen.ended_at, seen.ended_by = time.time(), "caller" if call.plan.story == "cancels" else "pbx"
            return
        seen.answered_at = time.time()
        self._caller_audio.start(dialog.call, answer.media_port, seen, call.plan.caller_says)
        await self._stay(call)
        if not call.over.is_set():
            await self._hang_up(dialog, call)
        await asyncio.sleep(0.1)  # what the agent's phone hears of it

    async def _stay(self, call: Call) -> None:
        """Until the caller's part of the plan is over, or the PBX ended the call."""
        plan, over = call.plan, asyncio.create_task(call.over.wait())
        steps = asyncio.create_task(self._steps(plan, call))
        await asyncio.wait({over, steps}, return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE_SECONDS)
        for task in (over, steps):
            task.cancel()
        await asyncio.gather(over, steps, return_exceptions=True)

    async def _steps(self, plan: Plan, call: Call) -> None:
        match plan.story:
            case "cancels":
                return
            case "leaves_notice":
                await asyncio.sleep(0.5)
            case "leaves_ringing":
                with suppress(TimeoutError):
                    await asyncio.wait_for(call.rung.wait(), 15)
                await asyncio.sleep(plan.stay)
            case "caller_hangs_up":
                await call.talking.wait()
                await asyncio.sleep(plan.stay)
            case _:
                await call.over.wait()

    async def _hang_up(self, dialog: Dialog, call: Call) -> None:
        """An unanswered BYE: the PBX is gone, and with it the call."""
        at = time.time()
        call.over.set()
        call.seen.bye_status = await dialog.ask("BYE")
        if call.seen.bye_status == 200:
            call.seen.ended_at, call.seen.ended_by = at, call.seen.ended_by or "caller"
        else:
            call.seen.ended_at = at
