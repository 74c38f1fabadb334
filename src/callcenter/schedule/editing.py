"""What `callcenter schedule import|calendar|set-day|hours|duty|why` do: words in, one transaction, lines out."""

from datetime import date, datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter import clock
from callcenter.calls.model import Line
from callcenter.errors import InvalidInput
from callcenter.http.instants import parse_instant
from callcenter.schedule import changes
from callcenter.schedule.calendar import kind_of
from callcenter.schedule.calendar_store import read_calendar
from callcenter.schedule.command import operator, read_line, wall
from callcenter.schedule.hours import service_at
from callcenter.schedule.lists import LARGEST_BYTES, read_list
from callcenter.schedule.model import DayState
from callcenter.schedule.repository import read_facts, read_hours
from callcenter.schedule.until import read_until
from callcenter.schedule.wording import clock_time, read_day, read_minutes, read_weekdays
from callcenter.storage.reading import reading, writing

FALLBACK_HINT = "run callcenter dialplan reload so that the dialplan's own calendar and hours follow"


async def import_file(engine: AsyncEngine, path: Path, state: str, source: str, *, dry_run: bool) -> None:
    """Check a whole list, then let it be its year's; print what changes. Raises `InvalidInput`, `PartUnavailable`."""
    if state not in (DayState.OFFICIAL, DayState.PROVISIONAL):
        raise InvalidInput(where="--state", what=f"{state[:40]!r} is none", mend="use official or provisional")
    listed = read_list(path.name, _content(path))
    async with writing(engine) as connection:
        named = source or path.name
        changed = await changes.import_list(connection, listed, DayState(state), named, operator())
        if dry_run:
            await connection.rollback()
    print("\n".join(changed) or "no day changes")
    done = "would be imported" if dry_run else f"imported as {state}; {FALLBACK_HINT}"
    print(f"{listed.year}: {len(listed.days)} days, {len(changed)} of them new or changed; {done}")


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise InvalidInput(where=str(path), what=error.strerror or str(error), mend="name a file to read") from None


async def print_calendar(engine: AsyncEngine, year: int) -> None:
    """Each named day of a year with its kind, state and source."""
    async with reading(engine) as connection:
        calendar = await read_calendar(connection)
    loaded = calendar.years.get(year)
    print(f"{year}: {f'{loaded.state}, {loaded.source}' if loaded else 'not loaded; weekdays decide, provisional'}")
    for day, entry in sorted(calendar.days.items()):
        if day.year == year:
            print(f"{day:%Y-%m-%d %a} {kind_of(day, calendar):8} {entry.name} ({entry.state}, {entry.source})")


async def set_day(engine: AsyncEngine, text: str, name: str, *, is_off: bool) -> None:
    """A person's word for one day."""
    day = read_day("day", text)
    async with writing(engine) as connection:
        await changes.set_day(connection, day, name, is_off=is_off, made_by=operator())
    print(f"{day}: {name}, {'closed' if is_off else 'a workday'}; {FALLBACK_HINT}")


async def clear_day(engine: AsyncEngine, text: str) -> None:
    """Take that word back."""
    day = read_day("day", text)
    async with writing(engine) as connection:
        await changes.clear_day(connection, day, operator())
    print(f"{day}: the lists decide again; {FALLBACK_HINT}")


async def add_hours(
    engine: AsyncEngine, line: str, weekdays: str, opens: str, closes: str, since: str | None, until: str | None
) -> None:
    """Add a span of hours."""
    times = read_minutes("opens", opens), read_minutes("closes", closes)
    valid_from, valid_until = _day_or_none("--from", since), _day_or_none("--until", until)
    async with writing(engine) as connection:
        number = await changes.add_hours(
            connection, read_line(line), read_weekdays(weekdays), *times,
            valid_from=valid_from, valid_until=valid_until, made_by=operator(),
        )  # fmt: skip
    print(f"hours {number} added; {FALLBACK_HINT}")


def _day_or_none(where: str, text: str | None) -> date | None:
    return read_day(where, text) if text else None


async def withdraw(engine: AsyncEngine, kind: str, number: int) -> None:
    """End an override, a duty period or a row of hours now."""
    async with writing(engine) as connection:
        await changes.withdraw(connection, kind, number, clock.now(), operator())
    print(f"{kind} {number} withdrawn" + (f"; {FALLBACK_HINT}" if kind == "hours" else ""))


async def print_hours(engine: AsyncEngine) -> None:
    """Every span of hours, a line each."""
    async with reading(engine) as connection:
        rows = await read_hours(connection)
    for each in rows:
        days = ",".join(map(str, sorted(each.weekdays)))
        term = f" from {each.valid_from or 'ever'} until {each.valid_until or 'further notice'}"
        print(f"hours {each.id}: {each.line.value} {days} {clock_time(each.opens)}-{clock_time(each.closes)}{term}")
    print("emergency: always open")


async def add_duty(engine: AsyncEngine, line: str, name: str, since: str, until: str, reason: str, staff: str) -> None:
    """Add a duty period; `since` may be `now`."""
    moment = clock.now()
    begins = moment if since == "now" else parse_instant(since, "--from")
    agents = [agent.strip() for agent in staff.split(",") if agent.strip()]
    async with writing(engine) as connection:
        number = await changes.add_duty(
            connection, read_line(line), name, starts_at=begins, until=read_until(until, moment), reason=reason,
            staff=agents, made_by=operator(),
        )  # fmt: skip
    print(f"duty {number} added: {name}, {wall(begins)} until {wall(read_until(until, moment))}")


async def print_duties(engine: AsyncEngine) -> None:
    """Duty periods that hold or are to come."""
    async with reading(engine) as connection:
        duties = (await read_facts(connection, clock.now())).duties
    for each in duties:
        who = ",".join(each.staff) or "all agents"
        print(f"duty {each.id}: {each.line.value} {each.name} {wall(each.starts_at)} - {wall(each.until)} {who}")
    if not duties:
        print("no duty period holds or is to come")


async def explain(engine: AsyncEngine, at: str | None, line: str | None) -> None:
    """For each line: its mode at an instant, why, until when, and when it opens next."""
    moment = parse_instant(at, "--at") if at else clock.now()
    lines = (read_line(line),) if line else tuple(Line)
    async with reading(engine) as connection:
        facts = await read_facts(connection, moment)
    for each in lines:
        state = service_at(each, moment, facts)
        print(f"{each.value} at {wall(moment)}: {state.mode.value}\n  why: {state.why} [{state.reason}]")
        ends = (("until", state.until), ("closes", state.closes_at), ("next opening", state.next_opening))
        for label, instant in ends:
            print(f"  {label}: {_or_none(instant)}")


def _or_none(instant: datetime | None) -> str:
    return wall(instant) if instant else "-"
