"""Expected recordings become files that can be played: waits for Asterisk to close the legs, joins, checks, notes.

Work is claimed from Postgres row by row (SKIP LOCKED): a pipeline that dies leaves its rows to the next one.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callcenter.clock import LOCAL_ZONE, now
from callcenter.errors import in_one_line
from callcenter.publishing.outbox import Announcement, announce
from callcenter.recordings.stereo import JoinFailed, StereoFile, join_legs, kept_file
from callcenter.recordings.tables import recordings
from callcenter.recordings.wav import WavFile, inspect
from callcenter.storage.away import AWAY

log = structlog.get_logger()

POLL_SECONDS = 3.0
SOON_SECONDS = 0.3
"""While a recording waits for Asterisk to close its legs."""
NOT_CLOSED_RETRY = timedelta(milliseconds=300)
CLOSING_TAKES_AT_MOST = timedelta(seconds=30)
"""After this the header is taken as left by a crash: the audio is all there, its length is the file's."""
LEGS_APPEAR_WITHIN = timedelta(minutes=5)
FAULT_RETRY = timedelta(seconds=30)
MAX_ATTEMPTS = 200

Health = Callable[[str, bool, str], None]


class NotYet(Exception):
    """Asterisk has not closed the legs."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a recording."""

    state: str
    reason: str | None = None
    file: StereoFile | None = None


class Pipeline:
    """Joins the legs of one PBX's recordings below `root` (spool/ in, YYYY/MM/DD/ out)."""

    def __init__(
        self, engine: AsyncEngine, pbx: str, root: Path, ffmpeg: tuple[str, ...], health: Health, workers: int = 1
    ) -> None:
        self._engine = engine
        self._pbx = pbx
        self._root = root
        self._ffmpeg = ffmpeg
        self._health = health
        self._workers = workers
        self._wake = asyncio.Event()
        self._waiting = False
        self._fault: str | None = None
        """Why the last recording could not be made; None once one could."""

    def nudge(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        with suppress(*AWAY):
            await self.sweep()
        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            try:
                busy = await self._one()
                self._say_health()
            except AWAY as error:
                busy = False
                self._fault = in_one_line(error)
                self._say_health()
                self._fault = None
            if not busy:
                self._wake.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), SOON_SECONDS if self._waiting else POLL_SECONDS)

    def _say_health(self) -> None:
        self._health("recording", self._fault is None, self._fault or "working")

    async def _one(self) -> bool:
        """Handle one recording that is due; False when none is."""
        async with self._engine.begin() as connection:
            row = await self._claim(connection)
            if row is None:
                return False
            self._waiting = False
            finding = await self._handle(connection, row)
        if finding is not None and finding.state in {"ready", "silent"}:
            self._clear_spool(row.name)  # only now: until the commit the legs are all we have
        return True

    async def _handle(self, connection: AsyncConnection, row: Any) -> Finding | None:
        try:
            finding = await self._find(row)
        except NotYet as why:
            self._waiting = True
            await self._postpone(connection, row, NOT_CLOSED_RETRY, str(why))
            return None
        except (JoinFailed, OSError) as error:
            return await self._postpone_after_fault(connection, row, str(error))
        await self._conclude(connection, row, finding)
        self._fault = None
        return finding

    async def _claim(self, connection: AsyncConnection) -> Any:
        r = recordings.c
        due = (r.pbx == self._pbx) & (r.state == "expected") & (r.next_try_at <= func.now())
        query = select(recordings).where(due).order_by(r.next_try_at).limit(1).with_for_update(skip_locked=True)
        return (await connection.execute(query)).first()

    async def _find(self, row: Any) -> Finding:
        kept = await asyncio.to_thread(self._kept, row)
        if kept is not None:
            return Finding("ready", "made before the database forgot it", kept)
        legs = await asyncio.to_thread(self._legs, row)
        if isinstance(legs, Finding):
            return legs
        caller, agent = legs
        if caller.audio_bytes == agent.audio_bytes == 0:
            return Finding("silent", "no audio arrived from either side")
        file = await join_legs(self._ffmpeg, caller, agent, self._target(row))
        reason = None if caller.audio_bytes and agent.audio_bytes else "audio from one side only"
        return Finding("ready", reason, file)

    def _kept(self, row: Any) -> StereoFile | None:
        """Only without legs: while they are there, they are the truth."""
        spool = self._root / "spool"
        if any((spool / f"{row.name}-{side}.wav").exists() for side in ("caller", "agent")):
            return None
        return kept_file(self._target(row))

    def _legs(self, row: Any) -> tuple[WavFile, WavFile] | Finding:
        age = now() - row.updated_at if row.attempts else timedelta()
        paths = [self._root / "spool" / f"{row.name}-{side}.wav" for side in ("caller", "agent")]
        if not all(p.resolve().parent == (self._root / "spool").resolve() for p in paths):
            return Finding("absent", "the name leaves the spool folder")
        missing = [p.name for p in paths if not p.exists()]
        if missing:
            if age < LEGS_APPEAR_WITHIN:
                raise NotYet(f"no file {missing[0]}")
            return Finding("absent", f"Asterisk wrote no file {missing[0]}")
        try:
            caller, agent = (inspect(p) for p in paths)
        except ValueError as error:
            if age < CLOSING_TAKES_AT_MOST:
                raise NotYet(str(error)) from None
            return Finding("absent", str(error))
        if not (caller.closed and agent.closed) and age < CLOSING_TAKES_AT_MOST:
            raise NotYet("Asterisk has not closed the file")
        return caller, agent

    def _target(self, row: Any) -> Path:
        day: datetime = row.started_at.astimezone(LOCAL_ZONE)
        return self._root / f"{day:%Y/%m/%d}" / f"{row.id}.wav"

    async def _postpone(self, connection: AsyncConnection, row: Any, wait: timedelta, reason: str) -> None:
        """`updated_at` stays at the first look: it is the age that ends the waiting."""
        values: dict[str, Any] = {"attempts": row.attempts + 1, "next_try_at": func.now() + wait, "reason": reason}
        if row.attempts == 0:
            values["updated_at"] = func.now()
        await connection.execute(update(recordings).where(recordings.c.id == row.id).values(values))

    async def _postpone_after_fault(self, connection: AsyncConnection, row: Any, why: str) -> Finding | None:
        log.error("recording_fault", recording=str(row.id), why=why)
        self._fault = why
        if row.attempts >= MAX_ATTEMPTS:
            finding = Finding("failed", why)
            await self._conclude(connection, row, finding)
            return finding
        await self._postpone(connection, row, FAULT_RETRY, why)
        return None

    async def _conclude(self, connection: AsyncConnection, row: Any, finding: Finding) -> None:
        file = finding.file
        values: dict[str, Any] = {"state": finding.state, "reason": finding.reason, "updated_at": func.now()}
        if file is not None:
            values |= {
                "path": str(file.path.relative_to(self._root)),
                "media_type": "audio/wav",
                "channels": 2,
                "seconds": file.seconds,
                "bytes": file.bytes,
                "sha256": file.sha256,
            }
        await connection.execute(update(recordings).where(recordings.c.id == row.id).values(values))
        await announce(connection, self._pbx, [_announcement(row, finding)])

    def _clear_spool(self, name: str) -> None:
        for side in ("caller", "agent"):
            (self._root / "spool" / f"{name}-{side}.wav").unlink(missing_ok=True)

    async def sweep(self) -> None:
        """Remove legs that a death between commit and removal left behind."""
        names = {p.name.rpartition("-")[0] for p in (self._root / "spool").glob("*.wav")}
        r = recordings.c
        query = select(r.name).where(r.pbx == self._pbx, r.name.in_(names), r.state.in_(["ready", "silent"]))
        async with self._engine.connect() as connection:
            for name in (await connection.execute(query)).scalars():
                self._clear_spool(name)


def _announcement(row: Any, finding: Finding) -> Announcement:
    payload = {
        "event": "recording",
        "call_id": str(row.call_id),
        "at": now().isoformat(),
        "recording_id": str(row.id),
        "state": finding.state,
        "reason": finding.reason,
        "seconds": finding.file.seconds if finding.file else None,
    }
    return Announcement(f"calls/{row.call_id}/recording", "call", str(row.call_id), payload)
