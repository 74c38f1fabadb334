"""Call records as CSV of any length: Postgres writes the lines (COPY), we pass them on.

What a cell looks like is said in SQL, the same as `http.spreadsheet` writes it. Values of a search travel as arguments;
asyncpg has Postgres itself quote them into the COPY statement, which takes none.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

from sqlalchemy import ColumnElement, DateTime, Float, String, Text, case, cast, func, literal, select
from sqlalchemy.dialects.postgresql import UUID, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.calls.repository import FIELDS, LISTED, listed, shape_of, values_of
from callcenter.calls.search import CallSearch
from callcenter.calls.tables import calls
from callcenter.http import spreadsheet
from callcenter.http.paging import Position
from callcenter.recordings.tables import recordings
from callcenter.storage.prepared import Prepared, driver_of, prepared
from callcenter.storage.reading import reading

PIECES_AHEAD = 1
"""Read from Postgres while the client has not taken them; each is what came in one read."""
LONGEST_SECONDS = 86400.0
"""A slow client may take so long for its file."""
ISO_UTC = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'


def export_statement(search: CallSearch, after: Position | None, limit: int | None) -> Prepared:
    """The list as CSV cells."""
    shape = ("csv", shape_of(search, after, (), limit))
    cells = (_cell(calls.c[name]).label(name) for name in FIELDS)
    return prepared(shape, lambda: listed(select(*cells, _recording_ids()), search, after, limit))


def _cell(column: ColumnElement[Any]) -> ColumnElement[Any]:
    if isinstance(column.type, DateTime):
        return func.replace(func.to_char(func.timezone("UTC", column), ISO_UTC), ".000000Z", "Z")
    if isinstance(column.type, Float):  # whole seconds are written 50.0
        return cast(column, Text) + case((column == func.trunc(column), ".0"), else_="")
    if isinstance(column.type, String):  # COPY would write "" for an empty text
        starts = literal("".join(spreadsheet.FORMULA_STARTS))
        formula = func.strpos(starts, func.left(column, 1)) > 0
        return case((column == "", None), (formula, literal("'") + column), else_=column)
    if isinstance(column.type, UUID):
        return column
    return cast(column, Text)  # true and false


def _recording_ids() -> ColumnElement[Any]:
    """A call's recording ids, separated by spaces: one cell."""
    separator = aggregate_order_by(literal(" "), recordings.c.started_at, recordings.c.id)
    some = select(func.string_agg(cast(recordings.c.id, Text), separator))
    return some.where(recordings.c.call_id == calls.c.id).scalar_subquery().label("recordings")


async def export(
    engine: AsyncEngine, search: CallSearch, after: Position | None, limit: int | None
) -> AsyncGenerator[bytes]:
    """The whole file, piece by piece: memory is a few pieces, whatever the length. Raises `PartUnavailable`."""
    yield spreadsheet.BOM.encode() + spreadsheet.lines([LISTED])
    ends = spreadsheet.LineEnds()
    statement = export_statement(search, after, limit)
    values = statement.values(values_of(search, after, (), limit))
    async with reading(engine) as connection:
        driver = await driver_of(connection)
        async with contextlib.aclosing(_copied(driver, statement.text, values)) as pieces:
            async for piece in pieces:
                yield ends.feed(bytes(piece))


async def _copied(driver: Any, statement: str, values: list[Any]) -> AsyncGenerator[bytes]:
    """What COPY pushes, to be pulled; whoever stops pulling ends it."""
    pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
    room = asyncio.Semaphore(PIECES_AHEAD)

    async def push(piece: bytes) -> None:
        await room.acquire()
        pieces.put_nowait(piece)

    copy = driver.copy_from_query(statement, *values, output=push, format="csv", timeout=LONGEST_SECONDS)
    copying = asyncio.create_task(copy, name="csv export")
    copying.add_done_callback(lambda _: pieces.put_nowait(None))
    try:
        while (piece := await pieces.get()) is not None:
            room.release()
            yield piece
        await copying
    finally:
        copying.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await copying
