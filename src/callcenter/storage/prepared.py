"""Statements compiled once a shape and sent to the driver as they are: lists are read too often to build each anew."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.ext.asyncio import AsyncConnection

REMEMBERED = 1000
"""Shapes; with more than that all are forgotten, and made again."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """SQL with $1, $2 … and the names of what stands for them."""

    text: str
    names: tuple[str, ...]
    fixed: Mapping[str, Any]
    """Values of the statement's own, such as formats"""

    def values(self, named: Mapping[str, Any]) -> list[Any]:
        """The values in the order of their numbers."""
        given = {**self.fixed, **named}
        return [given[name] for name in self.names]


_known: dict[Hashable, Prepared] = {}


def prepared(shape: Hashable, build: Callable[[], Any]) -> Prepared:
    """The statement of a shape; `build` makes it, with a named parameter for each value that changes."""
    found = _known.get(shape)
    if found is None:
        if len(_known) >= REMEMBERED:
            _known.clear()
        found = _known[shape] = _compile(build())
    return found


def _compile(statement: Any) -> Prepared:
    compiled = statement.compile(
        dialect=dialect(),  # type: ignore[no-untyped-call]
        compile_kwargs={"render_postcompile": True},
    )
    return Prepared(str(compiled), tuple(compiled.positiontup or ()), dict(compiled.params))


async def driver_of(connection: AsyncConnection) -> Any:
    """The asyncpg connection beneath; what is sent to it directly stands alone, in no transaction."""
    return (await connection.get_raw_connection()).driver_connection


async def fetch(connection: AsyncConnection, statement: Prepared, named: Mapping[str, Any]) -> Sequence[Any]:
    """Rows as asyncpg gives them: JSON columns are text."""
    rows: Sequence[Any] = await (await driver_of(connection)).fetch(statement.text, *statement.values(named))
    return rows
