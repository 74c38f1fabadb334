"""Expected recordings become sealed ones: waits for Asterisk to close the legs, has them sealed, notes what was found.

Theory of operation. Rows are claimed for a minute at a time (`recordings.claims`). The work itself is done by a process
of the lowest priority (`recordings.worker`), whose files have names of their own; what is noted here, in one
transaction with its entry in the chain, decides which file counts. Until that is committed the legs are all we have,
so they are removed afterwards.
"""

import asyncio
import time
from base64 import b64decode
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callcenter.clock import now
from callcenter.errors import in_one_line
from callcenter.publishing.outbox import announce
from callcenter.recordings import claims, findings
from callcenter.recordings.chain import Head, Signer
from callcenter.recordings.chain_repository import extend
from callcenter.recordings.findings import Finding
from callcenter.recordings.legs import SIDES, Legs, NotYet, Unreadable
from callcenter.recordings.model import PENDING, PLAYABLE, Flag, State, Step
from callcenter.recordings.own_disk import OwnDisk
from callcenter.recordings.sealing import Sealed, forget_other_tries, kept, recordings_in
from callcenter.recordings.stereo import inspect_file
from callcenter.recordings.tables import recording_keys, recording_peaks, recordings
from callcenter.recordings.worker import Job, Worker
from callcenter.storage.away import AWAY

log = structlog.get_logger()

POLL_SECONDS = 3.0
SOON_SECONDS = 0.3
"""While a recording waits for Asterisk to close its legs."""
TOGETHER_SECONDS = 0.2
"""So long after a call's end Asterisk has closed its legs; what ends meanwhile is handled in the same transaction."""
COMMIT_SECONDS = 1.0
"""What is done is noted at the latest so long after the first of a claim."""
AT_ONCE_SECONDS = 0.5
SWEEP_SECONDS = 3600.0
NOT_CLOSED_RETRY = timedelta(milliseconds=300)
FAULT_RETRY = timedelta(seconds=30)
DIED = "Asterisk died before it had written any audio"
UNWRITABLE = "nothing could be written while the call was up"

Health = Callable[[str, bool, str], None]
OnSealed = Callable[[Head], None]
Settle = Callable[[], Awaitable[None]]
"""Stores what was noted of recordings while their calls ran: afterwards nothing is added to a life without an entry."""
r = recordings.c


@dataclass(frozen=True, slots=True)
class Later:
    """A recording that must be looked at again."""

    wait: timedelta
    reason: str


Outcome = Finding | Later


@dataclass(frozen=True, slots=True)
class Place:
    """Where recordings are made and how: `root` holds spool/ (in) and sealed/ (out)."""

    root: Path
    public_key: Path
    format: str = "opus"
    patience: float = 600.0
    """So many seconds a recording waits for an idle processor"""

    @property
    def spool(self) -> Path:
        return self.root / "spool"

    @property
    def sealed(self) -> Path:
        return self.root / "sealed"


async def _nothing_to_settle() -> None:
    """Nobody watches."""


class Pipeline:
    """Makes one PBX's recordings. `on_sealed` is called after each commit with the chain's head."""

    def __init__(
        self, engine: AsyncEngine, pbx: str, place: Place, signer: Signer, health: Health,
        on_sealed: OnSealed = lambda _: None, settle: Settle = _nothing_to_settle,
    ) -> None:  # fmt: skip
        self._settle = settle
        self._engine, self._pbx, self._place, self._signer = engine, pbx, place, signer
        self._health, self._on_sealed = health, on_sealed
        self._legs, self._disk = Legs(place.spool), OwnDisk(place.root)
        self._worker = Worker(place.patience)
        self._wake = asyncio.Event()
        self._waiting = False
        self._tried: set[str] = set()
        """Recordings of which somebody may have made a file that was never noted"""
        self._fault: str | None = None
        """Why the last recording could not be made; None once one could."""

    def nudge(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            await asyncio.to_thread(self._disk.remember)
            self._tried |= await asyncio.to_thread(recordings_in, self._place.sealed)
            with suppress(*AWAY):
                await claims.release_all(self._engine, self._pbx)
                await self.sweep()
            swept = time.monotonic()
            while True:
                await self._turn()
                if time.monotonic() - swept > SWEEP_SECONDS:
                    swept = time.monotonic()
                    with suppress(*AWAY):
                        await self.sweep()
        finally:
            await self._worker.close()

    async def _turn(self) -> None:
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
        """Handle what is due; False when no more is known to be due."""
        await self._settle()
        rows = await claims.claim(self._engine, self._pbx)
        self._waiting = False
        loop = asyncio.get_running_loop()
        seen: list[tuple[Any, Outcome]] = []
        since = loop.time()
        for row in rows:
            seen.append((row, await self._renewed([r.id for r in rows], self._look(row))))
            if loop.time() - since > COMMIT_SECONDS:
                await self._note(seen)
                seen, since = [], loop.time()
        await self._note(seen)
        return len(rows) == claims.CLAIMED

    async def _renewed(self, ids: Sequence[Any], work: Coroutine[Any, Any, Outcome]) -> Outcome:
        """Keep the claim while we work: a call of many hours takes minutes."""
        task = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait([task], timeout=claims.RENEW_SECONDS))[0]:
                with suppress(*AWAY):
                    await claims.renew(self._engine, ids)
            return task.result()
        finally:
            task.cancel()

    async def _look(self, row: Any) -> Outcome:
        try:
            outcome = await self._find(row)
        except NotYet as why:
            self._waiting = True
            return Later(NOT_CLOSED_RETRY, str(why))
        except Unreadable as error:
            return Finding(State.DAMAGED, (Step(State.DAMAGED, now(), str(error)),), str(error))
        except OSError as error:
            self._fault = in_one_line(error)
            self._tried.add(str(row.id))
            log.error("recording_fault", recording=str(row.id), why=self._fault)
            return Later(FAULT_RETRY, self._fault)
        self._fault = None
        return outcome

    async def _find(self, row: Any) -> Outcome:
        """Raises `NotYet`, `Unreadable` and `OSError`."""
        await asyncio.to_thread(self._disk.must_be_there)
        if row.state == State.UNSEALED:
            return await self._find_unsealed(row)
        if not await asyncio.to_thread(self._legs.there, row.name):
            if (known := await self._made_before(row)) is not None:
                return known
            if row.begun_at is None:
                return absent(_never_begun(row))
            if Flag.UNWATCHED in row.flags:
                return absent("its files were lost while the call was up")
        age = now() - row.updated_at if row.attempts else timedelta()
        found = await asyncio.to_thread(self._legs.look, row.name, age)
        if found is None or not found.files:
            return absent(LOST_AFTER if findings.was_seen(row.life) else f"Asterisk wrote no file {row.name}")
        sides = zip(SIDES, (found.caller, found.agent), strict=True)
        legs = {side: str(leg.path) for side, leg in sides if leg is not None and leg.begun}
        if not any(leg.audio_bytes for leg in found.files) and not found.closed:
            return absent(UNWRITABLE if Flag.UNWATCHED in row.flags else DIED)
        return findings.of_sealed(row, found, await self._do(row, **legs), now())

    async def _find_unsealed(self, row: Any) -> Outcome:
        """Made before recordings were sealed: one file of both sides. Raises `Unreadable` and `OSError`."""
        path = self._place.root / row.path if row.path else None
        if path is None or not await asyncio.to_thread(path.exists):
            return await self._made_before(row) or absent(NO_OLD_FILE)
        try:
            await asyncio.to_thread(inspect_file, path)
        except ValueError as error:
            raise Unreadable(str(error)) from None
        return findings.of_sealed(row, None, await self._do(row, stereo=str(path)), now())

    async def _made_before(self, row: Any) -> Finding | None:
        """What an earlier try made, of which the database knows nothing."""
        known = await asyncio.to_thread(kept, self._place.sealed, row.id)
        return findings.of_sealed(row, None, known, now()) if known is not None else None

    async def _do(self, row: Any, **audio: str) -> Sealed:
        place = self._place
        job = Job(str(row.id), str(place.sealed), place.format, str(place.public_key), **audio)
        waited = (now() - (row.ended_at or row.started_at)).total_seconds()
        return Sealed(**await self._worker.do(job, waited))

    async def _note(self, seen: Sequence[tuple[Any, Outcome]]) -> None:
        """Store what was seen, with its entries in the chain and its announcements; then the legs may go."""
        if not seen:
            return
        await self._settle()
        async with self._engine.begin() as connection:
            later = [{"which": r.id, "wait": o.wait, "why": o.reason} for r, o in seen if isinstance(o, Later)]
            await claims.postpone(connection, later)
            concluded = [(row, each) for row, each in seen if isinstance(each, Finding)]
            ours, entries = [], []
            for row, each in concluded:
                stored = await self._conclude(connection, row, each)
                if stored is not None:
                    ours.append((row, each))
                    entries.append(findings.entry_of(row, each, stored.flags, stored.life))
            head = await extend(connection, self._pbx, self._signer, entries)
            await announce(connection, self._pbx, [findings.announcement_of(row, each) for row, each in ours])
        for row, finding in ours:
            if finding.sealed is not None:
                with suppress(OSError):  # the next sweep has it
                    await asyncio.to_thread(self._clear, row)
                    await self._forget_other_tries(finding.sealed)
        if head is not None:
            self._on_sealed(head)

    async def _conclude(self, connection: AsyncConnection, row: Any, finding: Finding) -> Any:
        """What the row holds now; None when somebody else concluded first."""
        stored = await claims.conclude(connection, row.id, findings.values_of(finding))
        if stored is not None and finding.sealed is not None:
            await keep_key(connection, row.id, finding.sealed)
        return stored

    async def _forget_other_tries(self, sealed: Sealed) -> None:
        if sealed.recording in self._tried:
            await asyncio.to_thread(forget_other_tries, self._place.sealed, sealed)
            self._tried.discard(sealed.recording)

    def _clear(self, row: Any) -> None:
        if row.state == State.UNSEALED:
            (self._place.root / row.path).unlink(missing_ok=True)
        else:
            self._legs.clear(row.name)

    async def sweep(self) -> None:
        """Remove legs that were left behind after their recording was made: we died, or they could not be removed."""
        left = await asyncio.to_thread(self._legs.names)
        named = select(r.name, func.bool_or(r.state.in_(PENDING))).where(r.pbx == self._pbx, r.name.in_(left))
        named = named.where(r.state.in_((*PENDING, *PLAYABLE, State.DESTROYED))).group_by(r.name)
        async with self._engine.connect() as connection:
            rows = (await connection.execute(named)).all()
        for name, pending in rows:
            if not pending:
                await asyncio.to_thread(self._legs.clear, name)


NO_OLD_FILE = "its file, made before recordings were sealed, is not there"
LOST_AFTER = "its files held audio while the call was up, and are gone"


def _never_begun(row: Any) -> str:
    """Between answer and MixMonitor lie a few milliseconds, in which a caller may hang up."""
    lasted = (row.ended_at - row.started_at).total_seconds() if row.ended_at else None
    if lasted is not None and lasted < AT_ONCE_SECONDS:
        return f"hung up {lasted * 1000:.0f} ms after the answer, before it began"
    return "the dialplan did not start it"


def absent(why: str) -> Finding:
    return Finding(State.ABSENT, (Step(State.ABSENT, now(), why),), why)


async def keep_key(connection: AsyncConnection, recording: Any, sealed: Sealed) -> None:
    """The file's wrapped key and its peaks."""
    key = {"recording_id": recording, "site_key": sealed.site_key, "wrapped": b64decode(sealed.wrapped)}
    await connection.execute(insert(recording_keys), key)
    await connection.execute(insert(recording_peaks), {"recording_id": recording, "peaks": b64decode(sealed.peaks)})
