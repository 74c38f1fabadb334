"""Every query on roster and hand-overs; a changed roster is told to the control loop in the same transaction."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import RowMapping, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.errors import NotFound
from callcenter.roster.chain import check_hand_over, check_shift
from callcenter.roster.model import HandOver, Shift, Step
from callcenter.roster.tables import duty_hand_overs, duty_shifts
from callcenter.storage.changes import tell_change

MEMORY = timedelta(days=30)
"""A roster whose last shift ended within this time is in use: that nobody follows is a gap."""
SHIFTS_SHOWN = 500
HAND_OVERS_SHOWN = 100
ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('duty_shifts'))")


async def read_roster(connection: AsyncConnection, moment: datetime) -> tuple[Shift, ...]:
    """The shifts that count at `moment`: to come, present, and those that ended within 30 days; by their beginning."""
    return await find_shifts(connection, moment - MEMORY, None)


async def find_shifts(connection: AsyncConnection, since: datetime, until: datetime | None) -> tuple[Shift, ...]:
    """Shifts not withdrawn that touch [since, until), by their beginning."""
    c = duty_shifts.c
    wanted = select(duty_shifts).where(c.withdrawn_at.is_(None), c.until > since).order_by(c.starts_at)
    wanted = wanted if until is None else wanted.where(c.starts_at < until)
    rows = (await connection.execute(wanted.limit(SHIFTS_SHOWN))).mappings().all()
    return tuple(_shift(row) for row in rows)


async def add_shifts(
    connection: AsyncConnection, shifts: Sequence[Shift], phones: Collection[str], moment: datetime
) -> list[Shift]:
    """Store shifts, all or none; returns them with their ids. Raises `InvalidInput` (`check_shift`)."""
    await connection.execute(ONE_AT_A_TIME)
    known = list(await read_roster(connection, moment))
    added: list[Shift] = []
    for shift in shifts:
        check_shift(shift, [*known, *added], phones, moment)
        added.append(await _insert(connection, shift))
    await tell_change(connection, "roster")
    return added


async def withdraw_shift(connection: AsyncConnection, shift_id: int, by: str, moment: datetime) -> Shift:
    """Take back a shift that is not over. Raises `NotFound`."""
    c = duty_shifts.c
    mine = (c.id == shift_id) & c.withdrawn_at.is_(None) & (c.until > moment)
    statement = update(duty_shifts).where(mine).values(withdrawn_at=moment, withdrawn_by=by)
    row = (await connection.execute(statement.returning(duty_shifts))).mappings().first()
    if row is None:
        raise NotFound(kind="shift", key=f"{shift_id} that could still be withdrawn")
    await tell_change(connection, "roster")
    return _shift(row)


async def add_hand_over(connection: AsyncConnection, given: HandOver, made_by: str) -> RowMapping:
    """Write one line of the hand-over log. Raises `InvalidInput`."""
    check_hand_over(given)
    values = {name: getattr(given, name) for name in ("from_member", "to_member", "note", "open_matters")}
    statement = insert(duty_hand_overs).values(**values, made_by=made_by).returning(duty_hand_overs)
    row: RowMapping = (await connection.execute(statement)).mappings().one()
    return row


async def list_hand_overs(connection: AsyncConnection) -> Sequence[RowMapping]:
    """The latest hand-overs, newest first."""
    newest = select(duty_hand_overs).order_by(duty_hand_overs.c.id.desc()).limit(HAND_OVERS_SHOWN)
    return (await connection.execute(newest)).mappings().all()


async def _insert(connection: AsyncConnection, shift: Shift) -> Shift:
    steps = [{"members": list(step.members), "seconds": step.seconds} for step in shift.steps]
    values = {"starts_at": shift.starts_at, "until": shift.until, "steps": steps, "note": shift.note}
    statement = insert(duty_shifts).values(**values, made_by=shift.made_by).returning(duty_shifts)
    return _shift((await connection.execute(statement)).mappings().one())


def _shift(row: RowMapping) -> Shift:
    return Shift(
        id=row["id"],
        starts_at=row["starts_at"],
        until=row["until"],
        steps=tuple(Step(tuple(step["members"]), int(step["seconds"])) for step in row["steps"]),
        note=row["note"],
        made_by=row["made_by"],
        withdrawn_at=row["withdrawn_at"],
    )
