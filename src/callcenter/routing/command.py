"""What `callcenter block|unblock|blocked|members` do."""

import getpass
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter import clock
from callcenter.agents import repository
from callcenter.agents.model import Members
from callcenter.errors import InvalidInput
from callcenter.routing import changes
from callcenter.schedule.until import read_until
from callcenter.storage.reading import reading, writing


def operator() -> str:
    """Who is at the command line."""
    try:
        return getpass.getuser()[:64]
    except (KeyError, OSError):  # an account without a name
        return "unknown"


async def block(engine: AsyncEngine, number: str, until: str | None, reason: str) -> None:
    """Block a number and say until when. Raises `InvalidInput`."""
    moment = clock.now()
    end = read_until(until, moment) if until else None
    async with writing(engine) as connection:
        await changes.block(connection, number, end, moment, reason=reason, made_by=operator())
    print(f"{number}: blocked {_until(end)}")


async def unblock(engine: AsyncEngine, number: str, reason: str) -> None:
    """Serve a number again. Raises `NotFound`."""
    async with writing(engine) as connection:
        await repository.unblock_number(connection, number, reason=reason, made_by=operator())
    print(f"{number}: served again")


async def print_blocked(engine: AsyncEngine) -> None:
    """A line a blocked number."""
    async with reading(engine) as connection:
        rows = await repository.list_blocked(connection, clock.now())
    for row in rows:
        print(f"{row['number']} {_until(row['until'])} by {row['blocked_by']} {row['reason']}".rstrip())


async def print_members(engine: AsyncEngine, queues: Sequence[str], defaults: Members) -> None:
    """A line a queue."""
    async with reading(engine) as connection:
        shown = [await changes.members_of(connection, queue, defaults) for queue in queues]
    for each in shown:
        listed = " ".join(f"{m['agent']}:{m['penalty']}" for m in each["members"]) or "nobody"
        print(f"{each['queue']}: {listed}{'' if each['own'] else ' (as the settings say)'}")


async def set_members(
    engine: AsyncEngine, queue: str, members: Sequence[str], phones: Sequence[str], reason: str
) -> None:
    """Give a queue members written `1001` or `1001:5`. Raises `NotFound`, `InvalidInput`."""
    wanted = [read_member(text) for text in members]
    async with writing(engine) as connection:
        await changes.change_members(connection, queue, wanted, phones, reason=reason, made_by=operator())


def read_member(text: str) -> tuple[str, int]:
    """Agent and penalty. Raises `InvalidInput`."""
    agent, _, penalty = text.partition(":")
    if not (agent.isascii() and agent.isdigit()) or not (penalty or "0").isdecimal() or int(penalty or "0") > 100:
        raise InvalidInput(where=f"member {text[:40]!r}", what="can't be read", mend="write 1001 or 1001:5")
    return agent, int(penalty or "0")


def _until(end: datetime | None) -> str:
    return f"until {end.astimezone(clock.LOCAL_ZONE):%Y-%m-%d %H:%M:%S}" if end else "for ever"
