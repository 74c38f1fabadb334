"""Stores what one reading of the journals brought: raw lines, records, announcements and the place read up to, in one
transaction. Sent again after a lost answer it changes nothing."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callcenter.alerts.model import Alert
from callcenter.alerts.repository import cause_is_gone, clear_alert, raise_alert
from callcenter.calls.emergency import AlertOver
from callcenter.calls.events import AgentActed, CallMarked, RecordingExpected
from callcenter.calls.model import CallRecord
from callcenter.calls.rows import absorb, mark_late, store_expected, store_records
from callcenter.errors import in_one_line
from callcenter.journal.facts import Reject
from callcenter.journal.follower import Gap, Place
from callcenter.journal.repository import RawChunk, keep, keep_faults
from callcenter.publishing.outbox import Announcement, announce

POISON = (DataError, IntegrityError, TypeError, ValueError)
"""What Postgres, or the way to it, will refuse however often it is sent."""


@dataclass
class Batch:
    """One reading of the journals and what follows from it."""

    chunks: list[RawChunk] = field(default_factory=list)
    before: dict[str, Place | None] = field(default_factory=dict)
    drained: bool = False
    rejects: list[tuple[str, Reject]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    refused: list[Gap] = field(default_factory=list)
    """Records that cannot be stored: kept as gaps are, but their lines are there"""
    records: dict[UUID, CallRecord] = field(default_factory=dict)
    expected: list[RecordingExpected] = field(default_factory=list)
    over: set[UUID] = field(default_factory=set)
    """Recordings whose channel is gone"""
    absorbed: list[tuple[UUID, UUID]] = field(default_factory=list)
    announcements: list[Announcement] = field(default_factory=list)
    alarms: list[Alert | AlertOver] = field(default_factory=list)
    late_marks: list[CallMarked] = field(default_factory=list)
    acts: list[AgentActed] = field(default_factory=list)
    low_water: int | None = None
    read_at: datetime | None = None
    """When the look at the journals was begun that brought it"""


KeepActs = Callable[[AsyncConnection, str, Sequence[AgentActed]], Awaitable[None]]
"""Stores entries of the operation log in the transaction of the facts they come from (`agents.operation_log`)."""


HoldComplaints = Callable[[AsyncConnection, Sequence[UUID]], Awaitable[object]]
"""Holds the recordings of these calls in the transaction of their mark (`retention.hold_repository`)."""
COMPLAINT = "complaint"


async def store(
    engine: AsyncEngine, pbx: str, batch: Batch, keep_acts: KeepActs | None = None,
    hold_complaints: HoldComplaints | None = None,
) -> None:  # fmt: skip
    """Store a batch once. Raises `Displaced` when someone else has moved the place on, and what Postgres raises."""
    async with engine.begin() as connection:
        if not await keep(connection, pbx, batch.chunks, batch.before, batch.low_water, drained=batch.drained):
            return
        await keep_faults(connection, pbx, batch.rejects, (*batch.gaps, *batch.refused))
        await store_records(connection, list(batch.records.values()))
        await store_expected(connection, pbx, _of_running(batch))
        await absorb(connection, batch.absorbed)
        await mark_late(connection, batch.late_marks)
        if hold_complaints is not None and (complained := _complained(batch)):
            await hold_complaints(connection, complained)
        if batch.acts and keep_acts is not None:
            await keep_acts(connection, pbx, batch.acts)
        await announce(connection, pbx, batch.announcements)
        await _alarm(connection, pbx, batch.alarms)


def _of_running(batch: Batch) -> list[RecordingExpected]:
    """Expected recordings whose calls' records are not in the same batch already."""
    stored = {ref.id for record in batch.records.values() for ref in record.recordings}
    return [each for each in batch.expected if each.ref.id not in stored]


def _complained(batch: Batch) -> list[UUID]:
    """Calls that carry the mark of a complaint, while they ran or afterwards."""
    late = [marked.call_id for marked in batch.late_marks if marked.mark == COMPLAINT]
    return [record.id for record in batch.records.values() if COMPLAINT in record.marks] + late


async def _alarm(connection: AsyncConnection, pbx: str, alarms: list[Alert | AlertOver]) -> None:
    for alarm in alarms:
        if isinstance(alarm, Alert):
            await raise_alert(connection, pbx, alarm)
        elif alarm.unserved:
            await cause_is_gone(connection, pbx, alarm.kind, alarm.key)
        else:
            await clear_alert(connection, pbx, alarm.kind, alarm.key)


async def sift(engine: AsyncEngine, batch: Batch) -> int:
    """Take out the records that cannot be stored, each with its announcements; what it was is kept as a gap.

    Returns how many there were. The raw lines stay in the batch: a later version's replay may understand them.
    """
    refused = 0
    for record in list(batch.records.values()):
        why = await _refusal(engine, record)
        if why is not None:
            refused += 1
            batch.refused.append(Gap("cel", f"the record {record.id} cannot be stored: {why}"))
            del batch.records[record.id]
            batch.announcements = [a for a in batch.announcements if a.key != str(record.id)]
    return refused


async def _refusal(engine: AsyncEngine, record: CallRecord) -> str | None:
    """Why this record alone cannot be stored; None when it can."""
    try:
        async with engine.connect() as connection:
            await store_records(connection, [record])
            await connection.rollback()
    except POISON as error:
        return in_one_line(error)
    return None
