"""Changes people make to hours, days and duty: checked whole, noted with who made them, told by NOTIFY, all at once."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Table, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.calls.model import Line
from callcenter.errors import InvalidInput, NotFound
from callcenter.schedule.lists import HolidayList, checked_name
from callcenter.schedule.model import MINUTES_A_DAY, DayState
from callcenter.schedule.tables import (
    MANUAL_LIST,
    calendar_days,
    calendar_years,
    duty_periods,
    opening_hours,
    schedule_changes,
    schedule_overrides,
)
from callcenter.storage.changes import tell_change

LONGEST_TEXT = 200
LARGEST_ID = 2**63 - 1


def checked_text(where: str, text: str, *, empty: bool = True) -> str:
    """A reason or a name: one line of 200 characters at most. Raises `InvalidInput`."""
    if len(text) > LONGEST_TEXT or not text.isprintable() or not (empty or text.strip()):
        what = f"not one line of {0 if empty else 1} to {LONGEST_TEXT} characters"
        raise InvalidInput(where=where, what=what, mend="say it in one short line")
    return text.strip()


def changeable(line: Line) -> Line:
    """A line that has hours. Raises `InvalidInput` for the emergency line."""
    if line is Line.EMERGENCY:
        raise InvalidInput(where="line emergency", what="it is always open", mend="name the hotline")
    return line


async def note_change(connection: AsyncConnection, made_by: str, what: str, facts: Mapping[str, Any]) -> None:
    """Keep who changed what, and tell the control loop."""
    await connection.execute(insert(schedule_changes).values(made_by=made_by, what=what, facts=dict(facts)))
    await tell_change(connection, "schedule")


async def set_day(connection: AsyncConnection, day: date, name: str, *, is_off: bool, made_by: str) -> None:
    """A person's word for one day; it beats every list. Raises `InvalidInput`."""
    row = {"name": checked_name("name", name), "is_off": is_off, "updated_by": made_by}
    row |= {"state": DayState.MANUAL.value, "source": f"set by {made_by}"}
    statement = upsert(calendar_days).values(day=day, list_year=MANUAL_LIST, **row)
    await connection.execute(statement.on_conflict_do_update(index_elements=["day", "list_year"], set_=row))
    await note_change(connection, made_by, "day_set", {"day": day.isoformat(), "name": name, "is_off": is_off})


async def clear_day(connection: AsyncConnection, day: date, made_by: str) -> None:
    """Take a person's word back: the lists decide again. Raises `NotFound`."""
    mine = (calendar_days.c.day == day) & (calendar_days.c.list_year == MANUAL_LIST)
    gone = await connection.execute(delete(calendar_days).where(mine))
    if not gone.rowcount:
        raise NotFound(kind="manual day", key=day)
    await note_change(connection, made_by, "day_cleared", {"day": day.isoformat()})


async def import_list(
    connection: AsyncConnection, listed: HolidayList, state: DayState, source: str, made_by: str
) -> list[str]:
    """Let a year's list be this one; what people set stays. Returns what changed, a line a day."""
    c = calendar_days.c
    rows = await connection.execute(select(c.day, c.name, c.is_off).where(c.list_year == listed.year))
    before = {row.day: (row.name, row.is_off) for row in rows}
    after = {each.day: (each.name, each.is_off) for each in listed.days}
    await connection.execute(delete(calendar_days).where(c.list_year == listed.year))
    signed = {"state": state.value, "source": checked_text("source", source), "updated_by": made_by}
    days = [
        {"day": each.day, "list_year": listed.year, "name": each.name, "is_off": each.is_off} for each in listed.days
    ]
    await connection.execute(insert(calendar_days), [day | signed for day in days])
    year = upsert(calendar_years).values(year=listed.year, **signed)
    await connection.execute(year.on_conflict_do_update(index_elements=["year"], set_=signed))
    await note_change(
        connection, made_by, "list_imported", {"year": listed.year, "state": state.value, "days": len(days)}
    )
    return differences(before, after)


def differences(before: Mapping[date, tuple[str, bool]], after: Mapping[date, tuple[str, bool]]) -> list[str]:
    """What a list changes, a line a day, in order."""
    changed = [day for day in sorted({*before, *after}) if before.get(day) != after.get(day)]
    return [f"{day:%Y-%m-%d %a}: {_said(before.get(day))} -> {_said(after.get(day))}" for day in changed]


def _said(entry: tuple[str, bool] | None) -> str:
    return "as its weekday" if entry is None else f"{entry[0]} {'off' if entry[1] else 'at work'}"


async def add_hours(
    connection: AsyncConnection,
    line: Line,
    weekdays: Sequence[int],
    opens: int,
    closes: int,
    *,
    valid_from: date | None,
    valid_until: date | None,
    made_by: str,
) -> int:
    """Add a span of hours; returns its id. Raises `InvalidInput`."""
    if not weekdays or not set(weekdays) <= set(range(1, 8)):
        raise InvalidInput(where="weekdays", what="not some of 1 (Monday) to 7 (Sunday)", mend="write 1-5 or 6,7")
    if not 0 <= opens < closes <= MINUTES_A_DAY:
        raise InvalidInput(where="hours", what="not opens before closes", mend="part a night at 24:00 in two")
    if valid_from and valid_until and valid_from >= valid_until:
        raise InvalidInput(where="valid until", what="not after valid from", mend="name the first day without them")
    row: dict[str, Any] = {
        "line": changeable(line).value,
        "weekdays": sorted(set(weekdays)),
        "opens": opens,
        "closes": closes,
    }
    row |= {"valid_from": valid_from, "valid_until": valid_until, "made_by": made_by}
    added = await connection.execute(insert(opening_hours).values(row).returning(opening_hours.c.id))
    number = int(added.scalar_one())
    await note_change(connection, made_by, "hours_added", {"id": number, "opens": opens, "closes": closes})
    return number


async def add_duty(
    connection: AsyncConnection,
    line: Line,
    name: str,
    *,
    starts_at: datetime,
    until: datetime,
    reason: str,
    staff: Sequence[str],
    made_by: str,
) -> int:
    """Add a duty period; returns its id. `staff` are agents, none: all of them. Raises `InvalidInput`."""
    if until <= starts_at:
        raise InvalidInput(where="until", what="not after the beginning", mend="name a later instant")
    strange = [agent for agent in staff if not (agent.isascii() and agent.isdigit() and 2 <= len(agent) <= 15)]
    if strange:
        raise InvalidInput(where="staff", what=f"{strange[0][:40]!r} is no agent's number", mend="write 1001,1002")
    row: dict[str, Any] = {"line": changeable(line).value, "name": checked_text("name", name, empty=False)}
    row |= {"starts_at": starts_at, "until": until, "reason": checked_text("reason", reason)}
    row |= {"staff": list(dict.fromkeys(staff)), "made_by": made_by}
    added = await connection.execute(insert(duty_periods).values(row).returning(duty_periods.c.id))
    number = int(added.scalar_one())
    await note_change(connection, made_by, "duty_added", {"id": number, "name": name, "until": until.isoformat()})
    return number


async def withdraw(connection: AsyncConnection, kind: str, number: int, moment: datetime, made_by: str) -> None:
    """End an `override`, a `duty` period or a row of `hours` now; it stays on record. Raises `NotFound`."""
    table, ended = _WITHDRAWN[kind]
    if not 0 < number <= LARGEST_ID:
        raise NotFound(kind=kind, key=number)
    alive = (table.c.id == number) & table.c[ended].is_(None)
    gone = await connection.execute(update(table).where(alive).values({ended: moment}))
    if not gone.rowcount:
        raise NotFound(kind=kind, key=number)
    await note_change(connection, made_by, f"{kind}_withdrawn", {"id": number})


_WITHDRAWN: dict[str, tuple[Table, str]] = {
    "override": (schedule_overrides, "withdrawn_at"),
    "duty": (duty_periods, "withdrawn_at"),
    "hours": (opening_hours, "removed_at"),
}
