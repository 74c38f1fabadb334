"""Calls with their faults, so many at once: each unit is one call, or two whose recordings are swapped."""

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from tests.drills.oracle import Plan, Seen
from tests.faulty.injecting import DONE
from tests.faulty.kinds import CUT_OFF_AFTER, Kind, Stage
from tests.faulty.site import FaultSite, Line
from tests.faulty.sounds import LOUD, VOICES

AFTER_CLOSE, SOON_AFTER_CLOSE = (2.6, 20.0), (2.6, 4.0)
"""Seconds after Asterisk has closed the files"""
BEFORE_END = 2.0
"""What happens in mid-call happens so many seconds before its end at the latest"""
RATE = 4.0
"""New calls a second at most"""


@dataclass
class Played:
    """A real call, its fault, and what went wrong with the injection itself."""

    kind: Kind
    plan: Plan
    seen: Seen
    line: Line | None = None
    trouble: str = ""
    partners: list["Played"] = field(default_factory=list)
    hit: bool = False
    """It was up while something happened to the whole hotline"""

    @property
    def number(self) -> str:
        return self.plan.number


def plan_of(kind: Kind, number: str, dice: random.Random) -> Plan:
    """Who says what for how long."""
    loud = dice.choice(("caller", "agent"))
    caller, agent = (_said(what, side == loud, dice) for side, what in (("caller", kind.caller), ("agent", kind.agent)))
    story = dice.choice(("caller_hangs_up", "agent_hangs_up"))
    ring, stay = dice.uniform(0.2, 0.8), dice.uniform(*kind.talk)
    return Plan(number, story, round(ring, 2), round(stay, 2), caller, agent)


def _said(what: str, loud: bool, dice: random.Random) -> str:
    voice = f"voice {dice.randrange(VOICES)}"
    if what == "cut off":  # the caller's phone is up some seconds before the talk
        return f"{voice} until {dice.uniform(*CUT_OFF_AFTER):.2f}"
    if what == "loud or voice":
        return LOUD if loud else voice
    return voice if what == "voice" else what


class Player:
    """Plays units of calls, at most so many at once; `soon`: what comes after a call comes soon after it."""

    def __init__(self, site: FaultSite, dice: random.Random, at_once: int, prefix: str, *, soon: bool = False) -> None:
        self._site, self._dice, self._prefix = site, dice, prefix
        self._after_close = SOON_AFTER_CLOSE if soon else AFTER_CLOSE
        self._room, self._count = asyncio.Semaphore(at_once), 0
        self.played: list[Played] = []

    async def play(self, kinds: Iterable[Kind], more: Callable[[], bool] = lambda: True) -> None:
        """All of them, each ended, hit and released; until `more` says no."""
        units: list[asyncio.Task[None]] = []
        try:
            for kind in kinds:
                if not more():
                    break
                calls = [self._next(kind) for _ in range(kind.together)]
                for call in calls:
                    call.partners = calls
                units.append(asyncio.create_task(self._unit(kind, calls, random.Random(self._dice.random()))))  # noqa: S311
                await asyncio.sleep(len(calls) / RATE)
                await self._room.acquire()
                self._room.release()
            await asyncio.gather(*units)
        finally:
            for unit in units:
                unit.cancel()

    def _next(self, kind: Kind) -> Played:
        self._count += 1
        number = f"{self._prefix}{self._count:0{11 - len(self._prefix)}d}"
        call = Played(kind, plan_of(kind, number, self._dice), Seen(number))
        self.played.append(call)
        return call

    async def _unit(self, kind: Kind, calls: Sequence[Played], dice: random.Random) -> None:
        try:
            await asyncio.gather(*(self._call(kind, call, dice) for call in calls))
            await self._afterwards(kind, [call.line for call in calls if call.line], dice)
        except (TimeoutError, OSError, AssertionError) as error:
            for call in calls:
                call.trouble = call.trouble or f"{type(error).__name__} {error}"

    async def _call(self, kind: Kind, call: Played, dice: random.Random) -> None:
        async with self._room:
            ringing = self._site.load.begin(call.plan)
            try:
                call.line = await self._site.line_of(call.number)
                if kind.stage in {Stage.CLOSED, Stage.SEALED}:
                    await self._site.hold(call.line, kind.stage)
                if kind.stage is Stage.TALK:
                    await self._in_the_call(kind, call, dice)
            finally:
                call.seen = await ringing

    async def _in_the_call(self, kind: Kind, call: Played, dice: random.Random) -> None:
        """At once, or at some instant of the talk."""
        assert call.line
        if kind.name != "recording stopped at once":
            await self._site.agent_answers(call.number)
            await asyncio.sleep(dice.uniform(0.0, call.plan.stay - BEFORE_END))
        await DONE[kind.name](self._site, [call.line], dice)

    async def _afterwards(self, kind: Kind, lines: Sequence[Line], dice: random.Random) -> None:
        site = self._site
        if kind.stage is Stage.CLOSED:
            for line in lines:
                await site.row_when(line.name, "ended_at IS NOT NULL")
            await asyncio.sleep(dice.uniform(*self._after_close))
        elif kind.stage is Stage.SEALED:
            for line in lines:
                await site.row_when(line.name, "state = 'sealed'")
            await asyncio.sleep(dice.uniform(0, 3))
        else:
            return
        try:
            await DONE[kind.name](site, lines, dice)
        finally:
            for line in lines:
                await site.release(line)
