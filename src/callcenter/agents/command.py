"""`callcenter agents pin …` and `callcenter agents log`."""

import getpass
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import orjson
from rich.console import Console
from rich.table import Table
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter import clock
from callcenter.agents.operation_log import list_acts
from callcenter.agents.pin_store import list_pins, set_pin
from callcenter.agents.pins import new_pin
from callcenter.catalogue.labels import Labels, labels
from callcenter.errors import InvalidInput
from callcenter.http.encoding import to_json
from callcenter.http.instants import parse_instant
from callcenter.storage.reading import reading, writing


async def change_pin(engine: AsyncEngine, agent: str, pin: str | None, known: Collection[str]) -> None:
    """Set a PIN; one that we made is printed, the only time it is seen. Raises `InvalidInput`."""
    if agent not in known:
        raise InvalidInput(where="agent", what=f"{agent[:40]!r} is no agent", mend=f"choose of {', '.join(known)}")
    fresh = pin or new_pin()
    async with writing(engine) as connection:
        await set_pin(connection, agent, fresh, set_by=_operator())
    print(f"{agent}: {'set' if pin else fresh}")


async def print_pins(engine: AsyncEngine) -> None:
    """Print who has a PIN."""
    table = Table("agent 座席", "set 设置时间", "by 设置人")
    async with reading(engine) as connection:
        for row in await list_pins(connection):
            table.add_row(row["agent"], _wall(row["set_at"]), row["set_by"])
    Console().print(table)


async def print_log(
    engine: AsyncEngine, agent: str | None, since: str | None, until: str | None, *, as_json: bool, language: str
) -> None:
    """Print the operation log of a span, today's when none is given. Raises `InvalidInput`."""
    moment = clock.now()
    midnight = moment.astimezone(clock.LOCAL_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    begin = parse_instant(since, "--from") if since else midnight
    end = parse_instant(until, "--until") if until else moment + timedelta(days=1)
    async with reading(engine) as connection:
        acts = await list_acts(connection, agent=agent, since=begin, until=end)
    if as_json:
        print(
            to_json([{str(name): value for name, value in act.items()} for act in acts], orjson.OPT_INDENT_2).decode()
        )
    else:
        Console().print(_table(acts, labels(language)))


def _table(acts: Sequence[RowMapping], texts: Labels) -> Table:
    known = texts.section("acts")
    table = Table(*(texts(f"operation_log.{name}") for name in ("at", "agent", "event", "detail")))
    for act in acts:
        event, detail = (known.get(act[name], act[name]) for name in ("event", "reason"))
        table.add_row(_wall(act["at"]), act["agent"], event, detail)
    return table


def _wall(instant: datetime) -> str:
    return f"{instant.astimezone(clock.LOCAL_ZONE):%Y-%m-%d %H:%M:%S}"


def _operator() -> str:
    try:
        return getpass.getuser()[:64]
    except (KeyError, OSError):  # an account without a name
        return "unknown"
