"""Overrides in the database; every change is told to the control loop by NOTIFY in the same transaction."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import RowMapping, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.calls.model import Line, Service
from callcenter.errors import InvalidInput
from callcenter.schedule.model import Override
from callcenter.schedule.tables import schedule_overrides

CHANNEL = "callcenter_schedule"
"""NOTIFY channel; the payload is the line."""
LONGEST_REASON = 200


async def add_override(
    connection: AsyncConnection,
    line: Line,
    mode: Service,
    *,
    starts_at: datetime,
    until: datetime,
    reason: str,
    made_by: str,
) -> int:
    """Store an override and return its id. Raises `InvalidInput` for one that may not be."""
    if line is Line.EMERGENCY:
        raise InvalidInput(where="line emergency", what="it is always open", mend="override the hotline")
    if len(reason) > LONGEST_REASON or not reason.isprintable():
        what = f"longer than {LONGEST_REASON} characters, or not one line of text"
        raise InvalidInput(where="reason", what=what, mend="say it in one short line")
    row = {"line": line.value, "mode": mode.value, "starts_at": starts_at, "until": until}
    statement = insert(schedule_overrides).values(**row, reason=reason, made_by=made_by)
    added = await connection.execute(statement.returning(schedule_overrides.c.id))
    await connection.execute(select(func.pg_notify(CHANNEL, line.value)))
    return int(added.scalar_one())


async def withdraw_overrides(connection: AsyncConnection, line: Line, moment: datetime) -> int:
    """Take back what still holds or is still to come for a line; returns how many."""
    ours = (schedule_overrides.c.line == line.value) & schedule_overrides.c.withdrawn_at.is_(None)
    statement = update(schedule_overrides).where(ours, schedule_overrides.c.until > moment)
    gone = await connection.execute(statement.values(withdrawn_at=moment))
    await connection.execute(select(func.pg_notify(CHANNEL, line.value)))
    return gone.rowcount


async def current_overrides(connection: AsyncConnection, moment: datetime) -> Sequence[Override]:
    """Overrides that hold at `moment` or later, oldest first."""
    alive = schedule_overrides.c.withdrawn_at.is_(None) & (schedule_overrides.c.until > moment)
    statement = select(schedule_overrides).where(alive).order_by(schedule_overrides.c.id)
    rows = (await connection.execute(statement)).mappings().all()
    return tuple(_override(row) for row in rows)


def _override(row: RowMapping) -> Override:
    return Override(
        id=row["id"],
        line=Line(row["line"]),
        mode=Service(row["mode"]),
        starts_at=row["starts_at"],
        until=row["until"],
        reason=row["reason"],
        made_by=row["made_by"],
    )
