"""What happens to recordings while their calls run, written to their rows as soon as Postgres takes it."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Text, and_, any_, bindparam, case, cast, func, not_, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.recordings.model import PENDING, Flag, State
from callcenter.recordings.tables import recordings
from callcenter.storage.away import AWAY

log = structlog.get_logger()

TOGETHER_SECONDS = 0.2
RETRY_SECONDS = 1.0
PATIENCE_SECONDS = 600.0
"""A recording whose row is not there after so long, while Postgres is, has none."""

r = recordings.c
flag = bindparam("flag", type_=Text)
lacks = and_(flag.is_not(None), not_(flag == any_(r.flags)))
step = cast(bindparam("step", type_=JSONB), JSONB)
NOTE = (
    update(recordings)
    .where(r.id == bindparam("which"), r.state.in_(PENDING))
    .values(
        life=case((r.life.contains(step), r.life), else_=r.life + step),
        flags=case((lacks, func.array_append(r.flags, flag)), else_=r.flags),
        state=case((and_(bindparam("begun"), r.state == State.EXPECTED), State.RECORDING.value), else_=r.state),
    )
)


@dataclass(frozen=True, slots=True)
class Happening:
    """One step of a recording's life, and what it makes remarkable about it."""

    recording: UUID
    state: str
    at: datetime
    cause: str
    flag: Flag | None = None


class Lives:
    """Keeps what was noted until it is stored, in the order in which it happened. A step that is there stays once."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._waiting: list[tuple[float, Happening]] = []
        self._storing = asyncio.Lock()
        self._noted = asyncio.Event()

    def note(self, happening: Happening) -> None:
        self._waiting.append((asyncio.get_running_loop().time(), happening))
        self._noted.set()

    async def run(self) -> None:
        """Store until cancelled."""
        while True:
            await self._noted.wait()
            self._noted.clear()
            await asyncio.sleep(TOGETHER_SECONDS)
            with suppress(*AWAY):
                await self.settle()
            if self._waiting:
                await asyncio.sleep(RETRY_SECONDS)
                self._noted.set()

    async def settle(self) -> None:
        """Store what waits. Raises when Postgres is away."""
        async with self._storing:
            waiting = list(self._waiting)
            left = await self._store(waiting) if waiting else []
            self._waiting = [*left, *self._waiting[len(waiting) :]]

    async def _store(self, waiting: list[tuple[float, Happening]]) -> list[tuple[float, Happening]]:
        """Those whose rows are not there yet: the call's first facts are still on their way."""
        left = []
        async with self._engine.begin() as connection:
            for since, each in waiting:
                if (await connection.execute(NOTE, _values(each))).rowcount == 0:
                    left.append((since, each))
        tired = asyncio.get_running_loop().time() - PATIENCE_SECONDS
        return [pair for pair in left if pair[0] > tired]


def _values(each: Happening) -> dict[str, Any]:
    step = {"state": each.state, "at": each.at.isoformat(), "cause": each.cause}
    begun = each.state == State.RECORDING
    return {"which": each.recording, "step": [step], "flag": each.flag and each.flag.value, "begun": begun}
