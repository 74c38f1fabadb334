"""Watches whether both sides of each running call carry audio: at its begin, and as long as it lasts.

A recording that grows may hold one side alone: a phone froze, a cable was pulled, a NAT lets audio through one way.
What is certain is in `recordings.carrying`; one alert names the calls, and each carries it in its recording's life.
"""

import asyncio
import time
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from callcenter.alerts.keeper import AlertKeeper
from callcenter.alerts.model import Alert, Severity
from callcenter.clock import now
from callcenter.recordings.carrying import APART_SECONDS, QUIET_SECONDS, Side
from callcenter.recordings.legs import SIDES
from callcenter.recordings.lines import Lines
from callcenter.recordings.lives import Happening, Lives
from callcenter.recordings.model import EXCUSED, QUIET, Flag

log = structlog.get_logger()

HEARD_AFTER = 1.2
"""Seconds from the answer until some audio of the caller must have come: his phone sends 50 packets a second."""
MANY = 5
"""Calls named in one alert"""
NOTHING_YET = "no packet of audio has come from the caller"
STOPPED = "no audio came from the {side} for {seconds:.0f} s"
BACK = "audio comes from the {side} again"

Empties = tuple[bool | None, bool | None]
"""Whether caller's and agent's file grew by zeros alone; None: it did not grow"""


@dataclass(slots=True)
class Talk:
    """A running call: its recording, and its caller's channel."""

    id: UUID
    name: str
    channel: str
    since: float
    sides: dict[str, Side] = field(default_factory=lambda: {side: Side() for side in SIDES})
    asked: set[str] = field(default_factory=set)
    """Sides whose answer is waited for"""
    greeted: bool = False
    told: set[str] = field(default_factory=set)
    """Sides of which it was noted that they are broken"""


class OneSided:
    """One PBX's running calls."""

    def __init__(self, keeper: AlertKeeper, lives: Lives, lines: Lines) -> None:
        self._keeper, self._lives = keeper, lives
        self._ask = {"caller": lines.caller, "agent": lines.agent}
        self._talks: dict[UUID, Talk] = {}
        self._asking: set[asyncio.Task[None]] = set()

    def begin(self, recording: UUID, name: str, channel: str, since: float) -> None:
        """A call was answered."""
        self._talks.setdefault(recording, Talk(recording, name, channel, since))

    def end(self, recording: UUID) -> None:
        """It is over. Who was quiet to the end, and why, can't be seen from the files: it is noted."""
        talk = self._talks.pop(recording, None)
        for name, side in talk.sides.items() if talk else ():
            if side.excused:
                self._lives.note(Happening(recording, QUIET, now(), EXCUSED.format(side=name)))

    def see(self, recording: UUID, empties: Empties, moment: float) -> None:
        """What both files grew by since the last look."""
        talk = self._talks.get(recording)
        if talk is None:
            return
        for name, empty in zip(SIDES, empties, strict=True):
            if empty is not None:
                talk.sides[name].see_block(empty, moment)
            if talk.sides[name].is_due(moment) and name not in talk.asked:
                self._start(talk, name)
        if not talk.greeted and moment - talk.since >= HEARD_AFTER:
            talk.greeted = True
            self._start(talk, "caller", greet=True)
        self._note(talk, moment)

    def tell(self) -> None:
        """The alert as it is to stand."""
        broken = {side: [t.name for t in self._talks.values() if t.sides[side].broken] for side in SIDES}
        if not any(broken.values()):
            return self._keeper.over("recording_one_sided", "calls")
        facts = {"calls": len({name for names in broken.values() for name in names})}
        said = {f"{side}s": _listed(names) for side, names in broken.items()}
        return self._keeper.stand(Alert("recording_one_sided", "calls", Severity.WARNING, facts | said))

    def _start(self, talk: Talk, side: str, *, greet: bool = False) -> None:
        talk.asked.add(side)
        task = asyncio.create_task(self._greet(talk) if greet else self._count(talk, side))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _greet(self, talk: Talk) -> None:
        """Once, a little after the answer: a line that is deaf from the start is certain at once."""
        line = await self._ask["caller"](talk.channel)
        talk.asked.discard("caller")
        if line is not None and line.received == 0 and talk.id in self._talks:
            talk.sides["caller"].was_never_heard(talk.since)
            log.warning("caller_not_heard", recording=str(talk.id), channel=talk.channel)
            self._lives.note(Happening(talk.id, "one_sided", now(), NOTHING_YET))
            self.tell()

    async def _count(self, talk: Talk, side: str) -> None:
        first = await self._ask[side](talk.channel)
        await asyncio.sleep(APART_SECONDS)
        second = await self._ask[side](talk.channel)
        talk.asked.discard(side)
        if talk.id in self._talks:
            moment = time.monotonic()
            talk.sides[side].conclude(first, second, moment)
            self._note(talk, moment)
            self.tell()

    def _note(self, talk: Talk, moment: float) -> None:
        """In the recording's life: when a side broke, and when it was mended."""
        for name, side in talk.sides.items():
            if side.broken and name not in talk.told and side.quiet_for(moment) >= QUIET_SECONDS:
                talk.told.add(name)
                log.warning("side_not_heard", recording=str(talk.id), side=name, channel=talk.channel)
                cause = STOPPED.format(side=name, seconds=QUIET_SECONDS)
                self._lives.note(Happening(talk.id, "one_sided", now(), cause, Flag.ONE_SIDED))
            elif not side.broken and name in talk.told:
                talk.told.discard(name)
                self._lives.note(Happening(talk.id, "both_sides", now(), BACK.format(side=name)))


def _listed(names: list[str]) -> str:
    return ", ".join(names[:MANY]) + (" …" if len(names) > MANY else "") if names else "–"
