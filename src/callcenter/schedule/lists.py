"""Holiday lists as files: `{year, days: [{name, date, isOffDay}]}`, or CSV with those columns. Pure; all or nothing."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from callcenter.errors import InvalidInput
from callcenter.schedule.model import CalendarDay, DayState

LARGEST_BYTES = 1_000_000
LONGEST_NAME = 40
YEARS = range(2000, 2101)
COLUMNS = ("date", "name", "isOffDay")
TRUTHS = {"true": True, "1": True, "false": False, "0": False}
DECEMBER = 12
MEND = 'write {"year": 2027, "days": [{"name": "元旦", "date": "2027-01-01", "isOffDay": true}]}, or CSV: ' + ",".join(
    COLUMNS
)


@dataclass(frozen=True, slots=True)
class ListedDay:
    """One line of a list."""

    day: date
    name: str
    is_off: bool


@dataclass(frozen=True, slots=True)
class HolidayList:
    """A year's holidays and make-up workdays, in order of days; some may lie in the December before."""

    year: int
    days: tuple[ListedDay, ...]

    def calendar_days(self, state: DayState, source: str) -> list[CalendarDay]:
        """The list as calendar entries."""
        return [CalendarDay(each.day, each.name, each.is_off, state, source) for each in self.days]


def read_list(where: str, data: bytes) -> HolidayList:
    """Read a list from a file's bytes; `where` names the file. Raises `InvalidInput` that names the first fault."""
    if len(data) > LARGEST_BYTES:
        raise _fault(where, f"is larger than {LARGEST_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _fault(where, f"is not UTF-8 at byte {error.start}") from None
    return _read_json(where, text) if text.lstrip()[:1] in ("{", "[") else _read_csv(where, text)


def _read_json(where: str, text: str) -> HolidayList:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _fault(where, f"is not JSON: {error}") from None
    if not isinstance(found, dict) or not isinstance(found.get("days"), list):
        raise _fault(where, "has no list of days")
    year = found.get("year")
    if type(year) is not int or year not in YEARS:
        raise _fault(where, f"names no year from {YEARS[0]} to {YEARS[-1]}")
    days = [_json_day(f"{where}, day {number}", entry) for number, entry in enumerate(found["days"], 1)]
    return _checked(where, year, days)


def _json_day(where: str, entry: Any) -> ListedDay:
    if not isinstance(entry, dict) or not isinstance(entry.get("isOffDay"), bool):
        raise _fault(where, "has no isOffDay that is true or false")
    return _day(where, entry.get("date"), entry.get("name"), entry["isOffDay"])


def _read_csv(where: str, text: str) -> HolidayList:
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        days = list(_csv_days(where, rows))
    except csv.Error as error:
        raise _fault(f"{where}, line {rows.line_num}", str(error)) from None
    if not days:
        raise _fault(where, "holds no day")
    return _checked(where, max(each.day.year for each in days), days)


def _csv_days(where: str, rows: "csv.DictReader[str]") -> Iterator[ListedDay]:
    if sorted(rows.fieldnames or ()) != sorted(COLUMNS):
        raise _fault(f"{where}, line 1", f"has not the columns {', '.join(COLUMNS)}")
    for row in rows:
        line = f"{where}, line {rows.line_num}"
        is_off = TRUTHS.get((row["isOffDay"] or "").strip().lower())
        if is_off is None or None in row:
            raise _fault(line, "has not three columns with isOffDay true or false")
        yield _day(line, row["date"], row["name"], is_off)


def _day(where: str, day: Any, name: Any, is_off: bool) -> ListedDay:
    try:
        parsed = date.fromisoformat(day) if isinstance(day, str) and len(day) == len("2027-01-01") else None
    except ValueError:
        parsed = None
    if parsed is None:
        raise _fault(where, f"{str(day)[:40]!r} is no date")
    return ListedDay(parsed, checked_name(where, name), is_off)


def checked_name(where: str, name: Any) -> str:
    """A day's name: one short line of text. Raises `InvalidInput`."""
    text = name.strip() if isinstance(name, str) else ""
    if not text or len(text) > LONGEST_NAME or not text.isprintable():
        raise _fault(where, f"the name is not one line of 1 to {LONGEST_NAME} characters")
    return text


def _checked(where: str, year: int, days: list[ListedDay]) -> HolidayList:
    """A year's list names some days off, each day once, all of them in the year or the December before."""
    for each in days:
        if each.day.year != year and (each.day.year, each.day.month) != (year - 1, DECEMBER):
            raise _fault(where, f"{each.day} lies neither in {year} nor in the December before")
    twice = [day for day, count in Counter(each.day for each in days).items() if count > 1]
    if twice:
        raise _fault(where, f"{twice[0]} stands there twice")
    if not any(each.is_off and each.day.year == year for each in days):
        raise _fault(where, f"names no day off in {year}")
    return HolidayList(year, tuple(sorted(days, key=lambda each: each.day)))


def _fault(where: str, what: str) -> InvalidInput:
    return InvalidInput(where=where, what=what, mend=MEND)
