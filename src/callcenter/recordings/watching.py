"""Watches recordings from their first second: Asterisk goes on without a file, ignores errors, and says nothing.

Every half second: whether the spool can be written (`recordings.spool_probe`), whether both files of each running
call are there and grow (`recordings.growth`), and whether they grow by sound (`recordings.one_sided`). People are told
by one alert a kind, however many calls it concerns; each call carries it in its recording's life.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

import structlog

from callcenter.alerts.keeper import AlertKeeper
from callcenter.alerts.model import Alert, Severity
from callcenter.clock import now
from callcenter.recordings.growth import Growth, Sizes, Trouble
from callcenter.recordings.legs import SIDES
from callcenter.recordings.lives import Happening, Lives
from callcenter.recordings.model import Flag, State
from callcenter.recordings.one_sided import MANY, Empties, OneSided
from callcenter.recordings.own_disk import OwnDisk
from callcenter.recordings.pauses import PAUSED, RESUMED
from callcenter.recordings.spool_probe import Place, probe
from callcenter.recordings.tails import is_empty

log = structlog.get_logger()

LOOK_SECONDS = 0.5
ANSWER_SECONDS = 1.5
"""A disk that has not answered a look for so long hangs."""
EARLY_SECONDS, MOST_EARLY = 600.0, 1000
"""Pauses that we hear of before their calls: at a start the journal may be read later than AMI."""

OnFitness = Callable[[str | None], None]
"""Hears why recordings can't be written, None when they can; only of changes."""
Known = tuple[str, tuple[int, int]]
"""A call's files by their common name, and the sizes that were seen last"""
Seen = tuple[Sizes, Empties]
Looked = tuple[tuple[Place | None, str | None], list[Seen]]
"""The spool's probe, and each call's files"""


@dataclass(slots=True)
class Running:
    """A recording whose call is up."""

    id: UUID
    name: str
    channel: str
    growth: Growth
    told: set[str] = field(default_factory=set)


class Watch:
    """One PBX's running recordings."""

    def __init__(
        self, spool: Path, keeper: AlertKeeper, lives: Lives, one_sided: OneSided, on_fitness: OnFitness,
        health: Callable[[str, bool, str], None],
    ) -> None:  # fmt: skip
        self._spool, self._keeper, self._lives = spool, keeper, lives
        self._one_sided, self._on_fitness, self._health = one_sided, on_fitness, health
        self._running: dict[UUID, Running] = {}
        self._early: dict[str, list[tuple[float, bool, str, datetime]]] = {}
        """Pauses of channels whose calls we have not read of yet"""
        self._place: Place | None = None
        self._disk = OwnDisk(spool.parent)
        self._unfit: str | None = None

    def begin(self, recording: UUID, name: str, channel: str, waited: float = 0.0) -> None:
        """A call was answered `waited` seconds ago."""
        since = time.monotonic() - min(max(waited, 0.0), LOOK_SECONDS)
        self._running.setdefault(recording, Running(recording, name, channel, Growth(since)))
        self._one_sided.begin(recording, name, channel, since)
        for heard, muted, by, at in self._early.pop(channel, ()):
            if time.monotonic() - heard < EARLY_SECONDS:  # a new Asterisk counts its channels from the start
                self.see_mute(channel, muted, by, at)

    def end(self, recordings: Iterable[UUID]) -> None:
        """These calls are over."""
        for each in recordings:
            self._running.pop(each, None)
            self._one_sided.end(each)

    def channel_of(self, recording: UUID) -> str | None:
        """Of a running recording."""
        each = self._running.get(recording)
        return each.channel if each else None

    def see_mute(self, channel: str, muted: bool, by: str, at: datetime) -> None:
        """A channel's recording was paused, or goes on; perhaps before we have read that its call is up."""
        paused = [each for each in self._running.values() if each.channel == channel]
        for each in paused:
            state = PAUSED if muted else RESUMED
            self._lives.note(Happening(each.id, state, at, by, Flag.PAUSED if muted else None))
        if not paused and len(self._early) < MOST_EARLY:
            self._early.setdefault(channel, []).append((time.monotonic(), muted, by, at))

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await self._turn()
            await asyncio.sleep(LOOK_SECONDS)

    async def _turn(self) -> None:
        watched = list(self._running.values())
        (place, why), seen = await self._looked([(each.name, each.growth.sizes) for each in watched])
        self._place = place or self._place
        moment = time.monotonic()
        for each, (sizes, empties) in zip(watched, seen, strict=True):
            if each.id in self._running:
                each.growth.see(sizes, moment)
                self._one_sided.see(each.id, empties, moment)
                self._tell_life(each)
        self._one_sided.tell()
        self._judge_spool(why)
        self._judge_calls([each for each in watched if each.id in self._running])

    async def _looked(self, files: list[Known]) -> Looked:
        """What is there; a disk that hangs is told of while its answer is still waited for."""
        task = asyncio.ensure_future(asyncio.to_thread(self._blocking_look, files))
        try:
            return await asyncio.wait_for(asyncio.shield(task), ANSWER_SECONDS)
        except TimeoutError:
            self._judge_spool(f"{self._spool} does not answer")
            return await task

    def _blocking_look(self, files: list[Known]) -> Looked:
        return probe(self._spool, self._place, self._disk), [_seen(self._spool, name, before) for name, before in files]

    def _judge_spool(self, why: str | None) -> None:
        self._health("spool of recordings", why is None, why or "can be written")
        if why is None:
            self._keeper.over("recording_spool", "spool")
        else:
            self._keeper.stand(Alert("recording_spool", "spool", Severity.CRITICAL, {"why": why}))
        if (why is None) != (self._unfit is None):
            (log.error if why else log.info)("spool_changed", why=why or "can be written again")
            self._on_fitness(why)
        self._unfit = why

    def _judge_calls(self, watched: list[Running]) -> None:
        for trouble in Trouble:
            troubled = [each for each in watched if each.growth.trouble is trouble]
            kind = f"recording_{trouble.value}"
            if not troubled:
                self._keeper.over(kind, "calls")
                continue
            names = ", ".join(each.name for each in troubled[:MANY])
            facts = {"calls": len(troubled), "names": names + (" …" if len(troubled) > MANY else "")}
            self._keeper.stand(Alert(kind, "calls", Severity.CRITICAL, facts))

    def _tell_life(self, each: Running) -> None:
        """Each thing once in a recording's life."""
        if each.growth.recording and State.RECORDING not in each.told:
            self._note(each, State.RECORDING, "both files hold audio", None)
        trouble = each.growth.trouble
        if trouble is not None and trouble not in each.told:
            log.error("recording_trouble", recording=str(each.id), name=each.name, trouble=trouble.value)
            self._note(each, trouble.value, TOLD[trouble], Flag.UNWATCHED)

    def _note(self, each: Running, state: str, cause: str, flag: Flag | None) -> None:
        each.told.add(state)
        self._lives.note(Happening(each.id, state, now(), cause, flag))


TOLD = {Trouble.MISSING: "Asterisk has not opened both files", Trouble.STALLED: "a file does not grow"}


def _seen(spool: Path, name: str, before: tuple[int, int]) -> Seen:
    """A call's files, and what they grew by since they were of those sizes."""
    paths = [spool / f"{name}-{side}.wav" for side in SIDES]
    caller, agent = (_size(path) for path in paths)
    one, other = (is_empty(p, b, s) if s else None for p, b, s in zip(paths, before, (caller, agent), strict=True))
    return (caller, agent), (one, other)


def _size(path: Path) -> int | None:
    with suppress(OSError):
        return path.stat().st_size
    return None
