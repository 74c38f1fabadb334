"""Carries out the terms: day by day what is due expires, and what expired long enough ago is destroyed.

Destroying is crypto-shredding: the file's key goes in the transaction that says so, and with it every copy of the
audio; so do its waveform and the keys that were heard in it. The file itself goes afterwards, tried again until it is
gone.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from uuid import UUID

import structlog
from sqlalchemy import delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callcenter import clock
from callcenter.errors import StoreRefused, StoreUnavailable, in_one_line
from callcenter.recordings.chain import Head, Signer
from callcenter.recordings.model import State, Step
from callcenter.recordings.stepping import advance
from callcenter.recordings.store_interface import Store, store_key
from callcenter.recordings.tables import recording_exports, recording_keys, recording_peaks, recordings
from callcenter.retention.hold_repository import hold_complaints
from callcenter.retention.kept import locked, may_go
from callcenter.retention.model import Kind, Policy, ends_before
from callcenter.retention.repository import note_protocol, read_policies
from callcenter.retention.verdicts import Judged, judged, local_day
from callcenter.storage.away import AWAY

log = structlog.get_logger()

AT = timedelta(hours=3, minutes=30)
"""Once a day, local time, when hardly anybody rings."""
AGAIN_SECONDS = 600.0
STATES = {"expire": State.EXPIRED, "destroy": State.DESTROYED}
TO_REMOVE = text("recordings.state = 'destroyed' AND recordings.path IS NOT NULL")
"""As the index `ix_recordings_to_remove` says it."""
r = recordings.c


class Expirer:
    """Carries out the terms for one PBX's recordings. `folder`: where its sealed files are made."""

    def __init__(
        self, engine: AsyncEngine, pbx: str, folder: Path, store: Store, signer: Signer,
        on_extended: Callable[[Head], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self._engine, self._pbx, self._folder, self._store = engine, pbx, folder, store
        self._signer, self._on_extended = signer, on_extended

    async def run(self) -> None:
        """Each night, and soon again after a night that failed. Until cancelled."""
        while True:
            await asyncio.sleep(_until_next(clock.now()))
            await self._until_done()

    async def _until_done(self) -> None:
        today = local_day(clock.now())  # tomorrow's terms wait for tomorrow's hour, however long this takes
        while True:
            if await self._tried(today):
                return
            await asyncio.sleep(AGAIN_SECONDS)

    async def _tried(self, today: date) -> bool:
        try:
            done = await self.carry_out(today)
            log.info("Terms of recordings carried out", **done)
        except (*AWAY, StoreUnavailable) as error:
            log.warning("Terms of recordings not carried out yet", why=in_one_line(error))
            return False
        return True

    async def carry_out(self, today: date) -> dict[str, int]:
        """What expired and what was destroyed, as counts. Raises when Postgres or the store is away; `files_left` is of
        files that the store refuses to remove: each night they are tried again."""
        counts: Counter[str] = Counter()
        async with self._engine.begin() as connection:
            await hold_complaints(connection)
            policies = await read_policies(connection)
        async for day, action, part in self._due(policies, today):
            counts[action] += await self._do(day, action, part, today)
        counts.update(await self._remove_files())
        return dict(counts)

    async def _due(self, policies: Mapping[Kind, Policy], today: date) -> AsyncIterator[tuple[date, str, list[Judged]]]:
        """By day and action, at most a batch together."""
        acting = {kind: policy for kind, policy in policies.items() if policy.acts_on <= today}
        async with self._engine.connect() as connection:
            async for rows in may_go(connection, self._pbx, ends_before(acting, today)):
                due = [each for each in judged(rows, acting, today) if each.verdict.action in STATES]
                for (day, action), part in groupby(sorted(due, key=_by_day), key=_by_day):
                    yield day, action, list(part)

    async def _do(self, day: date, action: str, part: list[Judged], today: date) -> int:
        """One transaction: rows, entries, keys, protocol."""
        state, at = STATES[action], clock.now()
        async with self._engine.begin() as connection:
            part = await _still(connection, action, part, today)
            steps = [(each.row, Step(state, at, each.verdict.why)) for each in part]
            gone = {"heard": None} if state is State.DESTROYED else {}
            done, head = await advance(connection, self._signer, steps, {each.row.id: gone for each in part})
            if head is None:
                return 0
            if state is State.DESTROYED:
                await _shred(connection, [row.id for row in done])
                await _end_exports(connection, [row.id for row in done])
            taken = {row.id for row in done}
            reasons = Counter(each.verdict.why for each in part if each.row.id in taken)
            await note_protocol(connection, self._pbx, day, action, reasons, head.seq)
        self._on_extended(head)
        return len(done)

    async def _remove_files(self) -> Counter[str]:
        """Of destroyed recordings: without a key they are noise already."""
        counts = Counter(files=0)
        left = select(r.id, r.started_at).where(r.pbx == self._pbx, TO_REMOVE)
        async with self._engine.connect() as connection:
            rows = (await connection.execute(left)).all()
        for row in rows:
            try:
                await self._store.delete(store_key(row.id, row.started_at))
                await asyncio.to_thread(self._remove_local, str(row.id))
            except (StoreRefused, PermissionError) as error:
                log.error("The file of a destroyed recording can't be removed", id=str(row.id), why=in_one_line(error))
                counts["files_left"] += 1
                continue
            async with self._engine.begin() as connection:
                await connection.execute(update(recordings).where(r.id == row.id).values(path=None))
            counts["files"] += 1
        return counts

    def _remove_local(self, recording: str) -> None:
        """A note beside a sealed file holds the wrapped key, too."""
        for path in self._folder.glob(f"{recording}.*"):
            with suppress(FileNotFoundError):
                path.unlink()


async def _still(connection: AsyncConnection, action: str, part: list[Judged], today: date) -> list[Judged]:
    """Judged once more under lock: a hold, a mark, or the end of a term may have come since."""
    rows = await locked(connection, [each.row.id for each in part])
    return [each for each in judged(rows, await read_policies(connection), today) if each.verdict.action == action]


async def _shred(connection: AsyncConnection, ids: Sequence[UUID]) -> None:
    await connection.execute(delete(recording_keys).where(recording_keys.c.recording_id.in_(ids)))
    await connection.execute(delete(recording_peaks).where(recording_peaks.c.recording_id.in_(ids)))


async def _end_exports(connection: AsyncConnection, ids: Sequence[UUID]) -> None:
    """A ZIP that holds one of them in clear goes within seconds (`listening.exporting`); one that is being made is
    made anew, without it."""
    holding = update(recording_exports).where(recording_exports.c.recordings.overlap(list(ids)))
    await connection.execute(holding.where(recording_exports.c.state == "done").values(state="expired"))
    anew = holding.where(recording_exports.c.state == "running")
    await connection.execute(anew.values(state="queued", claim=None))


def _by_day(each: Judged) -> tuple[date, str]:
    return each.day, each.verdict.action


def _until_next(moment: datetime) -> float:
    """Seconds to the next night's hour."""
    local = moment.astimezone(clock.LOCAL_ZONE)
    at = local.replace(hour=0, minute=0, second=0, microsecond=0) + AT
    return ((at if local < at else at + timedelta(days=1)) - local).total_seconds()
