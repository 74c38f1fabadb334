"""Many hotlines in one Asterisk: lanes, each with a queue and phones of its own, in the product's own dialplan.

A process and a database for each story's hotline would take minutes of processor time. Instead the caller's INVITE
names a lane (X-Lane), and where the rendered dialplan says `hotline` and means the queue, it says `${LANE}`. All else
stays what is deployed. The lanes' phones are supervisors' by the settings: those are in no queue of the control loop's.
Lane 0 has the agents, whom the emergency line rings.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from callcenter.ami import actions
from callcenter.ami.actions import Action
from callcenter.ami.connection import AmiClient
from callcenter.ami.faults import AmiFault
from callcenter.ami.model import Address
from callcenter.local.ports import passing_port
from callcenter.local.secrets import load_or_make
from tests.acceptance.corpus.phonebank import PhoneBank
from tests.acceptance.hotline import RunningHotline
from tests.acceptance.schedules import keep_open

PHONES_A_LANE = 5
CLOCK_SECONDS = 1.5
"""Until every process has read the new clock (`clock.READ_EVERY_SECONDS`)"""
PAUSED_TOO = "paused,unavailable,invalid,unknown"
QUEUES: dict[str, dict[str, str]] = {
    "": {},
    "ringall": {"strategy": "ringall"},
    "one-waits": {"maxlen": "1"},
    "empty-leaves": {"leavewhenempty": "unavailable,invalid,unknown"},
    "paused-refuses": {"joinempty": PAUSED_TOO, "leavewhenempty": PAUSED_TOO},
}
"""The product's queue `hotline`, and what differs, as an administrator would write it."""
REAL = "real"
"""The queue `hotline` itself, whose members are the control loop's: lane 0's agents"""

MEANS_THE_QUEUE = re.compile(
    r"(Queue\(|QUEUE_WAITING_COUNT\(|QUEUE_MEMBER\(|Gosub\(members,|QUEUE_RESULT,)hotline(?=[,)\\])"
)
LANE = "${FILTER(0-9a-z\\-,${PJSIP_HEADER(read,X-Lane)})}"
SECOND_LINE = {
    f"Set({name}={value})": f'Set({name}=${{IF($["${{LANE}}" = "hotline"]?{value}:{without})}})'
    for name, value, without in (
        ("SECOND", "${QUEUE_MEMBER(hotline-overflow,logged)}", "0"),
        ("RULE", "hotline-overflow", ""),
    )
}
"""The second line is the real queue's alone."""
IDENTIFIED = " same => n,CELGenUserEvent(LINE,hotline)\n"


@dataclass
class Lane:
    """Phones, a way in from the trunk, and a queue for each kind."""

    number: int
    phones: tuple[str, ...]
    bank: PhoneBank
    trunk: str

    def queue(self, kind: str) -> str:
        return f"lane{self.number}{f'-{kind}' if kind else ''}"


def phones_of(lane: int) -> tuple[str, ...]:
    return tuple(str(2001 + lane * 10 + n) for n in range(PHONES_A_LANE))


class LanedHotline(RunningHotline):
    """A running hotline, its lanes, and the outside world that takes our calls."""

    def __init__(self, lanes: int, *, agents: int = PHONES_A_LANE - 1, clock: str = "", **changed: object) -> None:
        """`agents`: how many of lane 0's phones are agents' in the settings."""
        everybody = [number for lane in range(lanes) for number in phones_of(lane)]
        given = {"agents": everybody[:agents], "supervisors": everybody[agents:], "trunk_port": passing_port()}
        super().__init__(clock=clock, brief=True, **{**given, **changed})
        self.shifts = [(0.0, self.clock.shift if self.clock else 0.0)]
        self.count = lanes
        self.lanes: list[Lane] = []

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["LanedHotline"]:
        """Running, with phones registered and lanes laid; open, unless it has a clock."""
        async with self, AsyncExitStack() as phones:
            if not self.clock:
                await keep_open(self)
            self.ami = await phones.enter_async_context(self._ami())
            await self._lay()
            self.outside = await phones.enter_async_context(
                PhoneBank(self.sip_server, trunk_port=self.settings.trunk_port)
            )
            await self.outside.open("outside", user="outside", bind=self.settings.trunk_address, tone=1320)
            self._phones = phones
            self.lanes = await asyncio.gather(*(self._lane(n) for n in range(self.count)))
            yield self

    async def _lane(self, number: int) -> Lane:
        bank = await self._phones.enter_async_context(PhoneBank(self.sip_server))
        for phone in phones_of(number):
            await bank.open(phone, user=self.devices[phone], password=self.agents[phone])
        await bank.open("trunk", user="citizen", bind=self.settings.trunk_address, tone=440)
        return Lane(number, phones_of(number), bank, "trunk")

    async def mend(self, lane: Lane) -> None:
        """New phones when theirs have died: one story's failure is not the next one's."""
        if not lane.bank.alive:
            lane.bank = (await self._lane(lane.number)).bank

    @asynccontextmanager
    async def _ami(self) -> AsyncIterator[AmiClient]:
        password = load_or_make(self.settings).ami_password
        client = AmiClient(Address("127.0.0.1", self.settings.ami_port, self.settings.ami_username, password))
        running = asyncio.create_task(client.run())
        async with asyncio.timeout(15):
            while not await _answers(client):
                await asyncio.sleep(0.05)
        yield client
        await client.close()
        await asyncio.wait([running])

    def interface(self, phone: str) -> str:
        return f"PJSIP/{self.devices[phone]}"

    async def staff(self, lane: Lane, kind: str, members: int) -> None:
        """So many of the lane's phones are in its queue of this kind, and none is paused."""
        queue = lane.queue(kind)
        if kind not in QUEUES:
            return
        for event in await self.ami.collect(Action("QueueStatus", (("Queue", queue),))):
            if event.name == "QueueMember":
                await self.ami.collect(actions.queue_remove(queue, event.get("Location")))
        for phone in lane.phones[:members]:
            await self.ami.collect(actions.queue_add(queue, self.interface(phone), phone, 0))

    async def move(self, wall: str) -> None:
        """Let it be then, and every process know it."""
        self.set_clock(wall)
        assert self.clock
        await asyncio.sleep(CLOCK_SECONDS)
        async with asyncio.timeout(15):
            while abs(await self._asterisk_time() - time.time() - self.clock.shift) > 1.5:
                await asyncio.sleep(0.1)
        self.shifts.append((time.time(), self.clock.shift))
        await asyncio.gather(*(lane.bank.register_all() for lane in self.lanes))

    async def _asterisk_time(self) -> float:
        response = await self.ami.ask(Action("Getvar", (("Variable", "STRFTIME(,,%s)"),)))
        return float(response.get("Value"))

    def wall(self, real: float) -> float:
        """Unix seconds by the hotline's clock."""
        return real + next(shift for since, shift in reversed(self.shifts) if since <= real)

    async def put_on_duty(self, chain: Sequence[str]) -> None:
        """The emergency line's roster for the next hours."""
        now = datetime.now(UTC)
        begins, ends = ((now + timedelta(hours=h)).isoformat(timespec="seconds") for h in (-1, 6))
        words = [word for step in chain for word in ("--step", step)]
        code, said = await self.command("roster", "add", "--from", begins, "--until", ends, *words)
        assert code == 0, said
        key = f"emergency/shift/{said.partition(':')[0]}"
        async with asyncio.timeout(15):
            while not await self._holds(key):
                await asyncio.sleep(0.1)

    async def _holds(self, key: str) -> bool:
        try:
            return bool(await self.ami.collect(actions.db_get("callcenter", key)))
        except AmiFault:
            return False

    async def withdraw(self, queue: str, number: str) -> None:
        """Take a caller out of a queue, as an administrator may."""
        entries = [e for e in await self.ami.collect(actions.QUEUE_STATUS) if e.name == "QueueEntry"]
        (entry,) = (e for e in entries if e.get("Queue") == queue and e.get("CallerIDNum") == number)
        await self.ami.collect(Action("QueueWithdrawCaller", (("Queue", queue), ("Caller", entry.get("Channel")))))

    async def _lay(self) -> None:
        """Extend what is deployed by the lanes, and let Asterisk read it."""
        etc = self.settings.asterisk_dir / "etc"
        path = etc / "queue-hotline.conf"
        text, found = MEANS_THE_QUEUE.subn(r"\1${LANE}", path.read_text())
        assert found > 2, "queue-hotline.conf no longer names its queue so"
        for named, laned in SECOND_LINE.items():
            text = text.replace(named, laned)
        path.write_text(text)
        path = etc / "from-trunk.conf"
        text = path.read_text()
        assert text.count(IDENTIFIED) == 1
        named = (
            f' same => n,Set(LANE={LANE})\n same => n,Set(LANE=${{IF($["${{LANE}}" = ""]?hotline:lane${{LANE}})}})\n'
        )
        path.write_text(text.replace(IDENTIFIED, named + IDENTIFIED))
        path = etc / "members.conf"
        path.write_text(path.read_text().replace("[members]\n", "[members]\nexten => _la[n]e!,1,Return()\n", 1))
        path = etc / "extensions.conf"
        path.write_text(path.read_text().replace("[globals]\n", "[globals]\nLANE = hotline\n", 1))
        path = etc / "queues.conf"
        path.write_text(path.read_text() + _queue_sections(path.read_text(), self.count))
        for module in ("pbx_config.so", "app_queue.so"):
            await self.ami.collect(Action("Reload", (("Module", module),)))

    async def channels(self) -> list[str]:
        """Names of the channels that Asterisk still has."""
        return [e.get("Channel") for e in await self.ami.collect(actions.SHOW_CHANNELS) if e.name == "CoreShowChannel"]


async def _answers(client: AmiClient) -> bool:
    try:
        await client.collect(actions.CORE_STATUS)
    except AmiFault:
        return False
    return True


def _queue_sections(rendered: str, lanes: int) -> str:
    own = re.search(r"^\[hotline\]\(queue\)\n(.*?)(?=^\[|\Z)", rendered, re.MULTILINE | re.DOTALL)
    assert own, "queues.conf no longer has its queue so"
    return "\n" + "".join(
        f"[lane{n}{f'-{kind}' if kind else ''}](queue)\n{_changed(own[1], differs)}\n"
        for n in range(lanes)
        for kind, differs in QUEUES.items()
    )


def _changed(section: str, differs: dict[str, str]) -> str:
    for name, value in differs.items():
        section, found = re.subn(rf"^{name} = .*$", f"{name} = {value}", section, flags=re.MULTILINE)
        assert found == 1, f"queues.conf has no {name}"
    return section
