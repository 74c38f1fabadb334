"""Sealed recordings go to the store; the local file goes once the store has given it back unaltered.

A store that is down, or refuses, costs nothing but room: what is sealed waits on the local disk, and people are told.
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.alerts.keeper import AlertKeeper
from callcenter.alerts.model import Alert, Severity
from callcenter.clock import now
from callcenter.errors import StoreRefused, StoreUnavailable, in_one_line
from callcenter.recordings.chain import Head, Signer
from callcenter.recordings.container import SUFFIX
from callcenter.recordings.model import State, Step
from callcenter.recordings.sealing import note_of
from callcenter.recordings.stepping import advance
from callcenter.recordings.store_interface import Store, store_key
from callcenter.recordings.tables import recordings
from callcenter.storage.away import AWAY

log = structlog.get_logger()

POLL_SECONDS = 5.0
TAKEN = 32
"""Recordings whose archiving is noted in one transaction"""
RETRY_SECONDS = (1.0, 2.0, 5.0, 15.0, 30.0)
NOTE_KEPT = timedelta(days=1)
"""The note beside a sealed file outlives it: for a database that forgets its last commits (`recordings.sealing`)."""
TIDY_SECONDS = 3600.0
NOT_MOUNTED = "mount its disk; were both lost for good, put an empty file where the note was"

Health = Callable[[str, bool, str], None]
r = recordings.c


class Archiver:
    """Moves one PBX's sealed recordings from `folder` into the store."""

    def __init__(
        self, engine: AsyncEngine, pbx: str, folder: Path, store: Store, signer: Signer, keeper: AlertKeeper,
        health: Health, on_extended: Callable[[Head], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self._engine, self._pbx, self._folder, self._store = engine, pbx, folder, store
        self._signer, self._keeper, self._health, self._on_extended = signer, keeper, health, on_extended
        self._wake = asyncio.Event()
        self._failures = 0
        self._first = 0
        """Where to begin: what can't be archived must not hold up all that was sealed after it"""

    def nudge(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._archive())
            group.create_task(self._tidy())

    async def _archive(self) -> None:
        while True:
            self._wake.clear()
            try:
                more = await self._some()
                self._say(None)
            except (*AWAY, OSError, StoreUnavailable, StoreRefused) as error:
                more = False
                self._say(in_one_line(error))
            if not more:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._pause()):
                        await self._wake.wait()

    def _pause(self) -> float:
        if not self._failures:
            return POLL_SECONDS
        self._wake.clear()  # news of more to do does not make the store come back
        return RETRY_SECONDS[min(self._failures, len(RETRY_SECONDS)) - 1]

    def _say(self, fault: str | None) -> None:
        self._failures = self._failures + 1 if fault else 0
        self._health("recording store", fault is None, fault or f"{self._store.name}: working")
        if fault is None:
            self._keeper.over("recording_store", "store")
        else:
            log.warning("Recordings can't be archived", store=self._store.name, why=fault)
            facts = {"store": self._store.name, "why": fault}
            self._keeper.stand(Alert("recording_store", "store", Severity.WARNING, facts))

    async def _some(self) -> bool:
        """Archive what is sealed; False when nothing is left. Raises when the store or Postgres fails."""
        rows = await self._sealed()
        done: list[Any] = []
        try:
            for row in _turned(rows, self._first):
                if await self._put(row):
                    done.append(row)
        except BaseException:
            self._first += 1
            raise
        finally:
            await self._note(done)
        self._first = 0
        return len(rows) == TAKEN and len(done) > 0

    async def _sealed(self) -> Sequence[Any]:
        mine = select(recordings).where(r.pbx == self._pbx, r.state == State.SEALED)
        due = mine.where(or_(r.next_try_at <= func.now(), r.next_try_at > func.now() + timedelta(hours=1)))
        async with self._engine.connect() as connection:
            return (await connection.execute(due.order_by(r.next_try_at, r.started_at).limit(TAKEN))).all()

    async def _put(self, row: Any) -> bool:
        """Whether the store has it now."""
        key = store_key(row.id, row.started_at)
        if await self._store.verified(key, row.sealed_sha256, row.sealed_bytes):
            return True  # an earlier try put it there
        try:
            await self._store.put(key, self._folder / row.path, row.sealed_sha256, row.sealed_bytes)
        except FileNotFoundError:
            if not await asyncio.to_thread(self._has_note, row):
                why = f"{row.path} is not there, and neither is what lay beside it"
                raise StoreUnavailable(part="folder of sealed recordings", why=why, mend=NOT_MOUNTED) from None
            await self._damaged(row, f"{row.path} is not there")
            return False
        except StoreRefused as error:
            if not await asyncio.to_thread(self._is_altered, row):
                raise
            await self._damaged(row, f"{row.path} is not what was sealed: {error.facts.get('why', '')}")
            return False
        if not await self._store.verified(key, row.sealed_sha256, row.sealed_bytes):
            why = f"{key} came back as something else than was put"
            raise StoreRefused(part=self._store.name, why=why, mend="see that the store is sound")
        return True

    def _has_note(self, row: Any) -> bool:
        return (self._folder / note_of(row.path)).exists()

    def _is_altered(self, row: Any) -> bool:
        with (self._folder / row.path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() != str(row.sealed_sha256)

    async def _damaged(self, row: Any, why: str) -> None:
        log.error("recording_damaged", recording=str(row.id), why=why)
        step = Step(State.DAMAGED, now(), why)
        await self._change([row], State.DAMAGED, step, reason=why)
        facts = {"recording": str(row.id), "why": why}
        self._keeper.stand(Alert("recording_damaged", str(row.id), Severity.CRITICAL, facts))

    async def _note(self, done: Sequence[Any]) -> None:
        if not done:
            return
        await self._change(done, State.ARCHIVED, Step(State.ARCHIVED, now(), self._store.name))
        for row in done:
            await asyncio.to_thread((self._folder / row.path).unlink, missing_ok=True)

    async def _change(self, rows: Sequence[Any], state: State, step: Step, reason: str | None = None) -> None:
        values: dict[str, Any] = {"reason": reason} if reason else {}
        each = {row.id: values | self._place(row, state) for row in rows}
        async with self._engine.begin() as connection:
            _, head = await advance(connection, self._signer, [(row, step) for row in rows], each)
        if head is not None:
            self._on_extended(head)

    def _place(self, row: Any, state: State) -> dict[str, Any]:
        archived = {"store": self._store.name, "path": store_key(row.id, row.started_at)}
        return archived if state is State.ARCHIVED else {}

    async def _tidy(self) -> None:
        """Remove the notes of recordings that have long been in the store, and what a death left of archived ones."""
        while True:
            with suppress(*AWAY, OSError):
                await self._sweep()
            with suppress(*AWAY, OSError):
                for path in await asyncio.to_thread(self._old_notes):
                    if await self._is_past(path):
                        path.unlink(missing_ok=True)
            await asyncio.sleep(TIDY_SECONDS)

    async def _sweep(self) -> None:
        """Files whose recording was noted as archived, by a run that did not come to remove them."""
        left = await asyncio.to_thread(self._waiting)
        mine = select(r.id).where(r.pbx == self._pbx, r.state == State.ARCHIVED, r.id.in_(left))
        async with self._engine.connect() as connection:
            for recording in (await connection.execute(mine)).scalars():
                left[recording].unlink(missing_ok=True)

    def _waiting(self) -> dict[UUID, Path]:
        found = {}
        for path in self._folder.glob(f"*{SUFFIX}"):
            with suppress(ValueError):
                found[UUID(path.name.split(".", 1)[0])] = path
        return found

    def _old_notes(self) -> list[Path]:
        until = (now() - NOTE_KEPT).timestamp()
        return [path for path in self._folder.glob("*.json") if path.stat().st_mtime < until]

    async def _is_past(self, note: Path) -> bool:
        """Whether its recording is archived, or made from another try."""
        row = select(r.path, r.state).where(r.id == note.name.split(".", 1)[0])
        async with self._engine.connect() as connection:
            found = (await connection.execute(row)).first()
        if found is None or found.state in (State.EXPECTED, State.RECORDING, State.CLOSED):
            return False
        return found.state != State.SEALED or note_of(found.path) != note.name


def _turned(rows: Sequence[Any], first: int) -> Sequence[Any]:
    """All of them, from another one on."""
    start = first % len(rows) if rows else 0
    return [*rows[start:], *rows[:start]]
