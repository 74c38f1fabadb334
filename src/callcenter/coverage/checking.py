"""The hourly completeness check: asks Asterisk, waits for the journal, counts, stores, and tells people.

It looks at each start of ours and of Asterisk's, every hour, and when somebody asks. What does not add up is looked at
again a little later, and again: only what lasts is told.
"""

import asyncio
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callcenter import clock
from callcenter.alerts.repository import clear_alert, raise_alert
from callcenter.ami import actions
from callcenter.ami.connection import AmiClient
from callcenter.ami.faults import AmiFault
from callcenter.coverage.completeness import (
    JOURNAL_KEY,
    MARGIN,
    RECORD_INCOMPLETE,
    Anchor,
    Reading,
    alert_of,
    is_internal,
    judge,
    read_anchor,
    settle,
)
from callcenter.coverage.counting import JournalCount
from callcenter.coverage.model import Check, Verdict
from callcenter.coverage.repository import store_check
from callcenter.coverage.tables import completeness_states
from callcenter.coverage.watching import CoverageWatch
from callcenter.errors import in_one_line
from callcenter.journal.facts import parse_lines
from callcenter.journal.repository import read_chunks
from callcenter.journal.tables import journal_chunks
from callcenter.storage.away import AWAY

log = structlog.get_logger(__name__)

EVERY = timedelta(hours=1)
SOON = timedelta(minutes=1)
"""While there is nothing to compare with yet: the journal was not there, or calls began just then"""
KEEP = timedelta(days=400)
TICK_SECONDS = 0.5
LOOKS = 4
LOOK_AGAIN_SECONDS = 3.0
READ_UP_SECONDS = 30.0
"""A journal that is not read up within this time can't be compared with"""
ASKED_WITHIN = timedelta(seconds=1)
"""Asterisk's two answers must belong together"""
FIRST_CHUNKS = 1000
"""Where the count begins the first time: so many chunks back, not years"""
SETTLED = frozenset({Verdict.BEGUN, Verdict.COMPLETE})


class NotPossible(Exception):
    """Why nothing could be compared."""


class Checker:
    """The completeness checks of one PBX. `run` until cancelled."""

    def __init__(self, engine: AsyncEngine, pbx: str, client: AmiClient, watch: CoverageWatch) -> None:
        self._engine, self._pbx, self._client, self._watch = engine, pbx, client, watch
        self._count: JournalCount | None = None
        self._anchor: Anchor | None = None
        self._chunk = 0
        self._checked_at: datetime | None = None
        self._boot = ""

    async def run(self) -> None:
        """Check whenever it is due; a Postgres that is away is tried again."""
        await self._watch.recalled.wait()
        while True:
            await asyncio.sleep(TICK_SECONDS)
            if not self._is_due(clock.now()):
                continue
            try:
                await self.check()
            except AWAY as error:
                log.warning("No completeness check without Postgres", why=in_one_line(error))
                self._count = None  # not known what was stored: begin with that again
                await asyncio.sleep(LOOK_AGAIN_SECONDS)

    def _is_due(self, moment: datetime) -> bool:
        last, asked, boot = self._checked_at, self._watch.check_asked_at, self._client.boot
        if last is None:
            return self._client.up
        another_life = self._client.up and boot is not None and boot.mark != self._boot
        pause = EVERY if self._anchor is not None else SOON
        return moment - last >= pause or another_life or (asked is not None and asked > last)

    async def check(self) -> Check:
        """Look until it adds up, at most four times; then store what was found and tell of it.

        Raises what Postgres raises.
        """
        begun_at = clock.now()
        check = Check(begun_at, Verdict.NOT_POSSIBLE)
        reading: Reading | None = None
        anchor: Anchor | None = None
        for look in range(LOOKS):
            if look:
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
            try:
                reading = await self._read()
                count = await self._counted()
                count.forget_before(reading.boot_at)
                check, anchor = judge(reading, count, self._anchor)
            except NotPossible as why:
                check, reading = Check(clock.now(), Verdict.NOT_POSSIBLE, why=str(why)), None
            if check.verdict in SETTLED:
                break
        await self._conclude(check, reading, anchor)
        self._checked_at = begun_at
        return check

    async def _read(self) -> Reading:
        """Ask Asterisk, then wait until the journal was read past that moment."""
        at, boot = clock.now(), self._client.boot
        try:
            status = await self._client.ask(actions.CORE_STATUS)
            listed = await self._client.collect(actions.SHOW_CHANNELS)
        except AmiFault as fault:
            raise NotPossible(str(fault)) from None
        processed = status.get("CoreProcessedCalls")
        if boot is None or not processed.isdigit():
            raise NotPossible("Asterisk does not say how many calls it processed")
        if clock.now() - at > ASKED_WITHIN:
            raise NotPossible("Asterisk answered too slowly")
        await self._read_past(at + MARGIN)
        ours = [each for each in listed if not is_internal(each.get("Channel"))]
        up, linkedids = (frozenset(each.get(name) for each in ours) for name in ("Uniqueid", "Linkedid"))
        return Reading(at, boot.mark, boot.at, int(processed), up, linkedids)

    async def _read_past(self, moment: datetime) -> None:
        try:
            async with asyncio.timeout(READ_UP_SECONDS):
                await self._watch.read_past(moment)
        except TimeoutError:
            raise NotPossible("the journal is not read up") from None

    async def _counted(self) -> JournalCount:
        """The count, brought up to the last stored chunk."""
        async with self._engine.connect() as connection:
            if self._count is None:
                await self._load(connection)
            assert self._count is not None
            async for chunk, source, start, _, data in read_chunks(connection, self._pbx, self._chunk + 1):
                if source == "cel":
                    facts, _ = await asyncio.to_thread(parse_lines, source, data, start)
                    self._count.feed(facts)
                self._chunk = chunk
        return self._count

    async def _load(self, connection: AsyncConnection) -> None:
        s = completeness_states.c
        row = (await connection.execute(select(s.chunk, s.tally, s.anchor).where(s.pbx == self._pbx))).first()
        if row is not None:
            self._chunk, self._anchor = row.chunk, read_anchor(row.anchor)
            self._count = JournalCount(row.tally)
            return
        c = journal_chunks.c
        newest = (await connection.execute(select(func.max(c.id)).where(c.pbx == self._pbx))).scalar() or 0
        self._chunk, self._anchor, self._count = max(0, newest - FIRST_CHUNKS), None, JournalCount()

    async def _conclude(self, check: Check, reading: Reading | None, anchor: Anchor | None) -> None:
        if reading is not None and self._count is not None:
            settle(reading, self._count, check)
            self._anchor, self._boot = anchor, reading.boot
        async with self._engine.begin() as connection:
            await store_check(connection, self._pbx, _row(check), check.at - KEEP)
            if reading is not None:
                await self._keep_state(connection)
            if check.verdict is Verdict.INCOMPLETE:
                await raise_alert(connection, self._pbx, alert_of(check))
            elif check.verdict is Verdict.COMPLETE:
                await clear_alert(connection, self._pbx, RECORD_INCOMPLETE, JOURNAL_KEY)
        _tell(check)

    async def _keep_state(self, connection: AsyncConnection) -> None:
        assert self._count is not None
        anchor = None if self._anchor is None else self._anchor.as_stored()
        row = {"pbx": self._pbx, "chunk": self._chunk, "tally": self._count.as_stored(), "anchor": anchor}
        await connection.execute(
            upsert(completeness_states).values(row).on_conflict_do_update(index_elements=["pbx"], set_=row)
        )


def _row(check: Check) -> dict[str, Any]:
    names = ("missing_starts", "missing_ends", "missing_linkedid_ends")
    lists = {name: list(getattr(check, name)) for name in names}
    return asdict(check) | lists | {"verdict": check.verdict.value}


def _tell(check: Check) -> None:
    say = log.error if check.verdict is Verdict.INCOMPLETE else log.info
    counts = {"processed": check.processed, "journalled": check.journalled, "missing": check.missing_calls}
    ends = len(check.missing_ends) + len(check.missing_linkedid_ends)
    say("Completeness checked", verdict=check.verdict, **counts, starts=len(check.missing_starts), ends=ends)
