"""`callcenter apikeys`: make, list and revoke keys."""

import re
from datetime import datetime

from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.access import keys, repository
from callcenter.clock import LOCAL_ZONE
from callcenter.errors import InvalidInput

NAME = r"[\w.@-]{1,64}"


async def print_new_key(engine: AsyncEngine, name: str, *, may_change: bool) -> None:
    """Make a key and print it, the only time it is seen. Raises `InvalidInput`."""
    if not re.fullmatch(NAME, name):
        raise InvalidInput(
            where="name", what=f"{name[:64]!r} can't be used", mend="use up to 64 letters, digits, . @ _ -"
        )
    print(await keys.issue(engine, name, may_change=may_change))


async def print_keys(engine: AsyncEngine) -> None:
    """Print every key's name and times, never the key."""
    table = Table("name", "may change", "made", "revoked")
    for entry in await repository.list_keys(engine):
        table.add_row(entry.name, "yes" if entry.may_change else "", _shown(entry.created_at), _shown(entry.revoked_at))
    Console().print(table)


def _shown(moment: datetime | None) -> str:
    return f"{moment.astimezone(LOCAL_ZONE):%Y-%m-%d %H:%M:%S}" if moment else ""
