"""What `callcenter security …` prints."""

from datetime import datetime

import orjson
from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter import clock
from callcenter.security.repository import lift_block, list_blocked, list_events
from callcenter.storage.reading import reading, writing


async def print_events(engine: AsyncEngine, address: str | None, limit: int, *, as_json: bool) -> None:
    """The latest security events, one a line."""
    async with reading(engine) as connection:
        rows = await list_events(connection, address=address, before=None, limit=limit)
    if as_json:
        return print(orjson.dumps([dict(row) for row in rows]).decode())
    table = Table("at 时间", "event 事件", "service", "address 地址", "account 账号", "count 次数")
    for row in rows:
        table.add_row(
            _wall(row["at"]), row["name"], row["service"], row["address"], repr(row["account"])[1:-1], str(row["count"])
        )
    return Console(highlight=False, markup=False).print(table)


async def print_blocked(engine: AsyncEngine, *, as_json: bool) -> None:
    """The addresses that are blocked now."""
    async with reading(engine) as connection:
        rows = await list_blocked(connection, clock.now())
    if as_json:
        return print(orjson.dumps([dict(row) for row in rows]).decode())
    table = Table("address 地址", "until 至", "failures 失败次数", "reason 原因", "pbx")
    for row in rows:
        table.add_row(row["address"], _wall(row["until"]), str(row["failures"]), row["reason"], row["pbx"])
    return Console(highlight=False, markup=False).print(table)


async def unblock(engine: AsyncEngine, address: str, by: str) -> None:
    """Lift a block. Raises `NotFound`."""
    async with writing(engine) as connection:
        await lift_block(connection, address, by, clock.now())
    print(f"{address} is listened to again")


def _wall(instant: datetime) -> str:
    return f"{instant.astimezone(clock.LOCAL_ZONE):%Y-%m-%d %H:%M:%S}"
