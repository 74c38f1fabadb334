"""The facts as one JSON file beside Asterisk: what its dialplan is rendered from, with no database at hand."""

import os
import tempfile
from functools import cache
from pathlib import Path

import msgspec
import structlog

from callcenter.schedule.lists import read_list
from callcenter.schedule.model import Calendar, CalendarYear, DayState, ScheduleFacts

log = structlog.get_logger(__name__)

LISTS = Path(__file__).parent / "seeds"
SEED_SOURCE = "State Council notice, by chinesecalendar 1.11.0"
VERSION = 1


class Snapshot(msgspec.Struct, frozen=True):
    """The file's content."""

    version: int
    facts: ScheduleFacts


def to_json(facts: ScheduleFacts) -> bytes:
    """The file's bytes; the same facts give the same bytes."""
    return msgspec.json.format(msgspec.json.encode(Snapshot(VERSION, facts)), indent=1)


def from_json(data: bytes) -> ScheduleFacts:
    """What `to_json` wrote. Raises `ValueError`."""
    snapshot = msgspec.json.decode(data, type=Snapshot)
    if snapshot.version != VERSION:
        raise ValueError(f"version {snapshot.version} is not {VERSION}")
    return snapshot.facts


def write(path: Path, facts: ScheduleFacts) -> bool:
    """Replace the file in one step when the facts are new; whether they were. Raises `OSError`."""
    data = to_json(facts)
    if path.is_file() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".schedule-", delete=False) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)
    return True


def read(path: Path) -> ScheduleFacts:
    """The facts last written; what this version shipped with when there are none, or none that can be read."""
    try:
        return from_json(path.read_bytes())
    except FileNotFoundError:
        return shipped()
    except (OSError, ValueError) as error:
        log.warning("The schedule's snapshot can't be read, what was shipped holds", path=str(path), why=str(error))
        return shipped()


@cache
def shipped() -> ScheduleFacts:
    """The default hours and the lists in this package, as migration 0003 puts them into the database."""
    lists = [read_list(path.name, path.read_bytes()) for path in sorted(LISTS.glob("*.json"))]
    days = {day.day: day for each in lists for day in each.calendar_days(DayState.OFFICIAL, SEED_SOURCE)}
    years = {each.year: CalendarYear(each.year, DayState.OFFICIAL, SEED_SOURCE) for each in lists}
    return ScheduleFacts(calendar=Calendar(days, years))
