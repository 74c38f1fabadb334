"""What `callcenter schedule …` does: words in, one transaction, words out."""

import getpass
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter import clock
from callcenter.calls.model import Line, Service
from callcenter.errors import InvalidInput, PartUnavailable
from callcenter.schedule.hours import service_at
from callcenter.schedule.repository import add_override, read_facts, withdraw_overrides
from callcenter.schedule.until import read_until
from callcenter.storage.away import AWAY
from callcenter.storage.engine import make_engine


def read_line(text: str) -> Line:
    """A line's name. Raises `InvalidInput`."""
    try:
        return Line(text)
    except ValueError:
        known = " or ".join(line.value for line in Line)
        raise InvalidInput(where=f"--line {text[:40]!r}", what="no such line", mend=f"use {known}") from None


async def override_hours(url: str, line: str, mode: Service, until: str, reason: str) -> str:
    """Open or close a line from now on. Raises `InvalidInput`, `PartUnavailable`."""
    moment = clock.now()
    which, end = read_line(line), read_until(until, moment)
    async with _transaction(url) as connection:
        await add_override(connection, which, mode, starts_at=moment, until=end, reason=reason, made_by=operator())
    return f"{which.value}: {mode.value} until {wall(end)}"


async def clear_overrides(url: str, line: str) -> str:
    """Take back the overrides of a line. Raises `InvalidInput`, `PartUnavailable`."""
    which = read_line(line)
    async with _transaction(url) as connection:
        count = await withdraw_overrides(connection, which, clock.now())
    return f"{which.value}: {count} override{'' if count == 1 else 's'} withdrawn; the hours hold again"


async def show_schedule(url: str) -> list[str]:
    """One line for each of our lines, then one for each override. Raises `PartUnavailable`."""
    moment = clock.now()
    async with _transaction(url) as connection:
        facts = await read_facts(connection, moment)
    shown = []
    for line in Line:
        state = service_at(line, moment, facts)
        end = f" until {wall(state.until)}" if state.until else ""
        shown.append(f"{line.value}: {state.mode.value} ({state.why}){end}")
    for each in facts.overrides:
        span = f"{wall(each.starts_at)} – {wall(each.until)}"
        shown.append(f"override {each.id}: {each.line.value} {each.mode.value} {span} by {each.made_by} {each.reason}")
    return shown


@asynccontextmanager
async def _transaction(url: str) -> AsyncIterator[AsyncConnection]:
    engine = make_engine(url)
    try:
        async with engine.begin() as connection:
            yield connection
    except AWAY as error:
        why = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise PartUnavailable(part="the database", why=why, mend="is callcenter run running?") from None
    finally:
        await engine.dispose()


def wall(instant: datetime) -> str:
    """An instant on the wall clock, for people."""
    return f"{instant.astimezone(clock.LOCAL_ZONE):%Y-%m-%d %H:%M:%S}"


def operator() -> str:
    """Who gives the command, as the machine knows him."""
    try:
        return getpass.getuser()[:64]
    except (KeyError, OSError):  # an account without a name
        return "unknown"
