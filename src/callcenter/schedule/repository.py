"""What the schedule is made of, in the database. Each change is noted with who made it, and told by NOTIFY."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import RowMapping, Table, and_, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.calls.model import Line, Service
from callcenter.errors import InvalidInput
from callcenter.schedule.calendar_store import read_calendar
from callcenter.schedule.model import DutyPeriod, OpeningHours, Override, ScheduleFacts
from callcenter.schedule.tables import duty_periods, opening_hours, schedule_overrides
from callcenter.storage.changes import tell_change

LONGEST_REASON = 200


async def read_facts(connection: AsyncConnection, moment: datetime) -> ScheduleFacts:
    """All that decides from `moment` on: calendar, hours, and the overrides and duty periods not over by then."""
    return ScheduleFacts(
        calendar=await read_calendar(connection),
        hours=await read_hours(connection),
        overrides=tuple(await current_overrides(connection, moment)),
        duties=await current_duties(connection, moment),
    )


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
    await tell_change(connection, "schedule")
    return int(added.scalar_one())


async def withdraw_overrides(connection: AsyncConnection, line: Line, moment: datetime) -> int:
    """Take back what still holds or is still to come for a line; returns how many."""
    ours = (schedule_overrides.c.line == line.value) & schedule_overrides.c.withdrawn_at.is_(None)
    statement = update(schedule_overrides).where(ours, schedule_overrides.c.until > moment)
    gone = await connection.execute(statement.values(withdrawn_at=moment))
    await tell_change(connection, "schedule")
    return gone.rowcount


async def current_overrides(connection: AsyncConnection, moment: datetime) -> Sequence[Override]:
    """Overrides that hold at `moment` or later, oldest first; a withdrawn one ended when it was withdrawn."""
    rows = await _alive(connection, schedule_overrides, moment)
    return tuple(_override(row) for row in rows)


async def current_duties(connection: AsyncConnection, moment: datetime) -> tuple[DutyPeriod, ...]:
    """Duty periods that hold at `moment` or later, oldest first."""
    rows = await _alive(connection, duty_periods, moment)
    return tuple(_duty(row) for row in rows)


async def read_hours(connection: AsyncConnection) -> tuple[OpeningHours, ...]:
    """Every span of hours that was not removed, past and future ones too."""
    c = opening_hours.c
    statement = select(opening_hours).where(c.removed_at.is_(None)).order_by(c.line, c.id)
    return tuple(_hours(row) for row in (await connection.execute(statement)).mappings())


async def _alive(connection: AsyncConnection, table: Table, moment: datetime) -> Sequence[RowMapping]:
    """Rows not over at `moment`, with `ends_at`: the term, or the withdrawal if that came first."""
    c = table.c
    ends_at = func.least(c.until, func.coalesce(c.withdrawn_at, c.until))
    begun = or_(c.withdrawn_at.is_(None), c.withdrawn_at > c.starts_at)
    statement = select(table, ends_at.label("ends_at")).where(and_(ends_at > moment, begun)).order_by(c.id)
    return (await connection.execute(statement)).mappings().all()


def _override(row: RowMapping) -> Override:
    return Override(
        id=row["id"],
        line=Line(row["line"]),
        mode=Service(row["mode"]),
        starts_at=row["starts_at"],
        until=row["ends_at"],
        reason=row["reason"],
        made_by=row["made_by"],
    )


def _duty(row: RowMapping) -> DutyPeriod:
    return DutyPeriod(
        id=row["id"],
        line=Line(row["line"]),
        name=row["name"],
        starts_at=row["starts_at"],
        until=row["ends_at"],
        reason=row["reason"],
        made_by=row["made_by"],
        staff=tuple(row["staff"]),
    )


def _hours(row: RowMapping) -> OpeningHours:
    return OpeningHours(
        id=row["id"],
        line=Line(row["line"]),
        weekdays=frozenset(row["weekdays"]),
        opens=row["opens"],
        closes=row["closes"],
        valid_from=row["valid_from"],
        valid_until=row["valid_until"],
    )
