"""What `callcenter roster …` does: words in, one transaction, words out."""

import csv
import getpass
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter import clock
from callcenter.clock import LOCAL_ZONE
from callcenter.errors import InvalidInput
from callcenter.http.instants import parse_instant
from callcenter.roster.chain import LOOK_AHEAD, gaps, read_steps, shift_at, write_steps
from callcenter.roster.model import HandOver, Shift, Step
from callcenter.roster.repository import add_hand_over, add_shifts, list_hand_overs, read_roster, withdraw_shift
from callcenter.storage.reading import reading, writing

COLUMNS = ("starts_at", "until", "steps", "note")
LARGEST_FILE = 1_000_000


def read_shift(starts_at: str, until: str, steps: str, note: str, where: str = "") -> Shift:
    """A shift as people write it; times without zone are Asia/Shanghai. Raises `InvalidInput`."""
    begins, ends = parse_instant(starts_at.strip(), f"{where}from"), parse_instant(until.strip(), f"{where}until")
    return Shift(0, begins, ends, read_steps(steps), note.strip(), getpass.getuser())


def read_file(path: Path) -> list[Shift]:
    """Shifts of a CSV file with the columns starts_at, until, steps, note. Raises `InvalidInput` with the line."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InvalidInput(where=str(path), what="larger than 1 MB", mend="import it in parts")
        rows = list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(where=str(path), what=str(error), mend="give a CSV file in UTF-8") from None
    return [_of_row(row, f"{path.name} line {number}: ") for number, row in enumerate(rows, 2)]


def _of_row(row: dict[str, str], where: str) -> Shift:
    if any(row.get(name) is None for name in COLUMNS[:3]):
        raise InvalidInput(where=where.rstrip(": "), what="a column is missing", mend=f"head it {','.join(COLUMNS)}")
    try:
        return read_shift(row["starts_at"], row["until"], row["steps"], row.get("note") or "", where)
    except InvalidInput as error:
        raise InvalidInput(**{**error.facts, "where": f"{where}{error.facts['where']}"}) from None


async def enter(engine: AsyncEngine, shifts: Sequence[Shift], phones: Collection[str]) -> None:
    """Store shifts, all or none, and print them. Raises `InvalidInput`, `PartUnavailable`."""
    async with writing(engine) as connection:
        added = await add_shifts(connection, shifts, phones, clock.now())
    print("\n".join(map(shown, added)))


async def withdraw(engine: AsyncEngine, shift_id: int) -> None:
    """Take back a shift. Raises `NotFound`, `PartUnavailable`."""
    async with writing(engine) as connection:
        gone = await withdraw_shift(connection, shift_id, getpass.getuser(), clock.now())
    print(f"withdrawn: {shown(gone)}")


async def print_roster(engine: AsyncEngine, rendered: Sequence[Step]) -> None:
    """Who is on duty now, the shifts to come, and the gaps of the next 24 h. Raises `PartUnavailable`."""
    moment = clock.now()
    async with reading(engine) as connection:
        shifts = await read_roster(connection, moment)
    now = shift_at(shifts, moment)
    print(f"now: {shown(now) if now else f'no shift; rings {write_steps(rendered)}'}")
    print("\n".join(shown(shift) for shift in shifts if shift.until > moment and shift is not now))
    for gap in gaps(shifts, moment, moment + LOOK_AHEAD) if shifts else ():
        print(f"nobody on the roster {_wall(gap.since)} – {_wall(gap.until)}")


async def hand_over(engine: AsyncEngine, given: HandOver) -> None:
    """Write a line of the hand-over log. Raises `InvalidInput`, `PartUnavailable`."""
    async with writing(engine) as connection:
        row = await add_hand_over(connection, given, getpass.getuser())
    print(f"hand-over {row['id']}: {row['from_member']} → {row['to_member']}")


async def print_hand_overs(engine: AsyncEngine) -> None:
    """The hand-over log, newest first. Raises `PartUnavailable`."""
    async with reading(engine) as connection:
        rows = await list_hand_overs(connection)
    for row in rows:
        opened = f"; open: {row['open_matters']}" if row["open_matters"] else ""
        print(f"{_wall(row['made_at'])} {row['from_member']} → {row['to_member']}: {row['note']}{opened}")


def shown(shift: Shift) -> str:
    """One line: id, times on the hotline's wall clock, chain, note."""
    note = f"  {shift.note}" if shift.note else ""
    return f"{shift.id}: {_wall(shift.starts_at)} – {_wall(shift.until)}  {write_steps(shift.steps)}{note}"


def _wall(moment: datetime) -> str:
    return f"{moment.astimezone(LOCAL_ZONE):%Y-%m-%d %H:%M}"
