"""Expected recordings become files that can be played: waits for Asterisk to close the legs, joins, checks, notes.

Work is claimed from Postgres row by row (SKIP LOCKED): a pipeline that dies leaves its rows to the next one.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Interval, bindparam, case, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callcenter.clock import LOCAL_ZONE, now
from callcenter.errors import in_one_line
from callcenter.publishing.outbox import Announcement, announce
from callcenter.recordings.stereo import StereoFile, join_legs, kept_file
from callcenter.recordings.tables import recordings
from callcenter.recordings.wav import WavFile, inspect
from callcenter.storage.away import AWAY

log = structlog.get_logger()

POLL_SECONDS = 3.0
SOON_SECONDS = 0.3
"""While a recording waits for Asterisk to close its legs."""
TOGETHER_SECONDS = 0.2
"""So long after a call's end Asterisk has closed its legs; what ends meanwhile is handled in the same transaction."""
CLAIMED = 8
"""Recordings in one transaction at most: a pipeline that dies leaves so many to be joined again."""
NOT_CLOSED_RETRY = timedelta(milliseconds=300)
CLOSING_TAKES_AT_MOST = timedelta(seconds=30)
"""After this the header is taken as left by a crash: the audio is all there, its length is the file's."""
LEGS_APPEAR_WITHIN = timedelta(minutes=5)
FAULT_RETRY = timedelta(seconds=30)
LONGEST_WAIT = 2 * FAULT_RETRY
"""What is to be tried later than this was put off before the clock was set back."""
MAX_ATTEMPTS = 200

r = recordings.c
CLAIM = (
    select(recordings)
    .where(r.pbx == bindparam("pbx"), r.state == "expected")
    .where((r.next_try_at <= func.now()) | (r.next_try_at > func.now() + LONGEST_WAIT))
    .order_by(r.next_try_at)
    .limit(CLAIMED)
    .with_for_update(skip_locked=True)
)
CONCLUDED = ("state", "reason", "path", "media_type", "channels", "seconds", "bytes", "sha256")
CONCLUDE = (
    update(recordings)
    .where(r.id == bindparam("which"))
    .values({name: bindparam(f"new_{name}") for name in CONCLUDED} | {"updated_at": func.now()})
)
POSTPONE = (
    update(recordings)
    .where(r.id == bindparam("which"))
    .values(
        attempts=r.attempts + 1,
        next_try_at=func.now() + bindparam("wait", type_=Interval()),
        reason=bindparam("why"),
        updated_at=case(((r.attempts == 0) | (r.updated_at > func.now()), func.now()), else_=r.updated_at),
    )
)
"""`updated_at` stays at the first look: it is the age that ends the waiting."""

Health = Callable[[str, bool, str], None]


class NotYet(Exception):
    """Asterisk has not closed the legs."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a recording."""

    state: str
    reason: str | None = None
    file: StereoFile | None = None
    path: str | None = None
    """The file's, relative to the store."""


@dataclass(frozen=True, slots=True)
class Later:
    """A recording that must be looked at again."""

    wait: timedelta
    reason: str


class Pipeline:
    """Joins the legs of one PBX's recordings below `root` (spool/ in, YYYY/MM/DD/ out)."""

    def __init__(self, engine: AsyncEngine, pbx: str, root: Path, health: Health, workers: int = 1) -> None:
        self._engine = engine
        self._pbx = pbx
        self._root = root
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
            self._wake.clear()
            try:
                busy = await self._some()
                self._say_health()
            except AWAY as error:
                busy = False
                self._fault = in_one_line(error)
                self._say_health()
                self._fault = None
            if not busy:
                with suppress(TimeoutError):
                    async with asyncio.timeout(SOON_SECONDS if self._waiting else POLL_SECONDS):
                        await self._wake.wait()
                    await asyncio.sleep(TOGETHER_SECONDS)

    def _say_health(self) -> None:
        self._health("recording", self._fault is None, self._fault or "working")

    async def _some(self) -> bool:
        """Handle what is due, a few recordings in one transaction; False when no more are known to be due."""
        async with self._engine.begin() as connection:
            rows = (await connection.execute(CLAIM, {"pbx": self._pbx})).all()
            if not rows:
                return False
            self._waiting = False
            seen = [await self._look(row) for row in rows]
            await _note(connection, self._pbx, seen)
        for row, found in seen:
            if isinstance(found, Finding) and found.state in {"ready", "silent"}:
                self._clear_spool(row.name)  # only now: until the commit the legs are all we have
        return len(rows) == CLAIMED

    async def _look(self, row: Any) -> tuple[Any, "Finding | Later"]:
        try:
            finding = await asyncio.to_thread(self._find, row)
        except NotYet as why:
            self._waiting = True
            return row, Later(NOT_CLOSED_RETRY, str(why))
        except OSError as error:
            return row, self._after_fault(row, str(error))
        self._fault = None
        return row, finding

    def _after_fault(self, row: Any, why: str) -> "Finding | Later":
        log.error("recording_fault", recording=str(row.id), why=why)
        self._fault = why
        return Finding("failed", why) if row.attempts >= MAX_ATTEMPTS else Later(FAULT_RETRY, why)

    def _find(self, row: Any) -> Finding:
        """Blocking: read the legs and join them. Raises `NotYet` and `OSError`."""
        legs = self._legs(row)
        if isinstance(legs, Finding):
            return legs
        caller, agent = legs
        if caller.audio_bytes == agent.audio_bytes == 0:
            return Finding("silent", "no audio arrived from either side")
        file = join_legs(caller, agent, self._target(row))
        reason = None if caller.audio_bytes and agent.audio_bytes else "audio from one side only"
        return Finding("ready", reason, file, str(file.path.relative_to(self._root)))

    def _kept(self, row: Any, legs: list[Path]) -> Finding | None:
        """Only without legs: while they are there, they are the truth."""
        file = None if any(leg.exists() for leg in legs) else kept_file(self._target(row))
        if file is None:
            return None
        return Finding("ready", "made before the database forgot it", file, str(file.path.relative_to(self._root)))

    def _legs(self, row: Any) -> tuple[WavFile, WavFile] | Finding:
        age = now() - row.updated_at if row.attempts else timedelta()
        if Path(row.name).name != row.name:
            return Finding("absent", "the name leaves the spool folder")
        paths = [self._root / "spool" / f"{row.name}-{side}.wav" for side in ("caller", "agent")]
        try:
            caller, agent = (inspect(p) for p in paths)
        except FileNotFoundError as error:
            if kept := self._kept(row, paths):
                return kept
            missing = Path(error.filename).name
            if age < LEGS_APPEAR_WITHIN:
                raise NotYet(f"no file {missing}") from None
            return Finding("absent", f"Asterisk wrote no file {missing}")
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

    def _clear_spool(self, name: str) -> None:
        for side in ("caller", "agent"):
            (self._root / "spool" / f"{name}-{side}.wav").unlink(missing_ok=True)

    async def sweep(self) -> None:
        """Remove legs that a death between commit and removal left behind."""
        names = {p.name.rpartition("-")[0] for p in (self._root / "spool").glob("*.wav")}
        query = select(r.name).where(r.pbx == self._pbx, r.name.in_(names), r.state.in_(["ready", "silent"]))
        async with self._engine.connect() as connection:
            for name in (await connection.execute(query)).scalars():
                self._clear_spool(name)


async def _note(connection: AsyncConnection, pbx: str, seen: Sequence[tuple[Any, Finding | Later]]) -> None:
    """Store what was seen, with its announcements."""
    later = [{"which": row.id, "wait": each.wait, "why": each.reason} for row, each in seen if isinstance(each, Later)]
    if later:
        await connection.execute(POSTPONE, later)
    concluded = [(row, each) for row, each in seen if isinstance(each, Finding)]
    if concluded:
        await connection.execute(CONCLUDE, [_concluded(row, finding) for row, finding in concluded])
        await announce(connection, pbx, [_announcement(row, finding) for row, finding in concluded])


def _concluded(row: Any, finding: Finding) -> dict[str, Any]:
    file = finding.file
    values: dict[str, Any] = {"state": finding.state, "reason": finding.reason, "path": finding.path}
    values |= {"media_type": "audio/wav", "channels": 2} if file else {"media_type": None, "channels": None}
    values |= {name: getattr(file, name) if file else None for name in ("seconds", "bytes", "sha256")}
    return {"which": row.id, **{f"new_{name}": values[name] for name in CONCLUDED}}


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
