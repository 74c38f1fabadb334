"""Every query that reads call records: one statement a page, recordings included."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ColumnElement, Row, RowMapping, Select, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.calls.search import CallSearch, NumberFilter, Order
from callcenter.calls.spans import EVERYTHING, Span, spans
from callcenter.calls.tables import calls
from callcenter.clock import now
from callcenter.errors import NotFound
from callcenter.http.paging import Position
from callcenter.recordings.tables import recordings
from callcenter.storage.reading import reading

FIELDS = (
    "id", "pbx", "direction", "line", "caller_number", "caller_name", "did", "started_at", "answered_at",
    "ended_at", "wait_seconds", "ring_seconds", "talk_seconds", "hold_seconds", "agent", "outcome",
    "hung_up_by", "notice_played",
)  # fmt: skip
"""The columns of a record in a list; `recordings` comes after them. Names and order are fixed."""

DETAIL_FIELDS = (
    "uniqueid", "service", "service_source", "service_reason", "menu_choice", "marks", "evidence", "legs",
    "queue_visits", "timeline", "anomalies",
)  # fmt: skip

LISTED = (*FIELDS, "recordings")

ISO_UTC = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
"""Inside JSON, Postgres would write instants in the session's own zone."""


def _recordings() -> ColumnElement[Any]:
    """A call's recordings as a JSON array, oldest first."""
    shown = func.json_build_object(
        "id", recordings.c.id, "state", recordings.c.state, "reason", recordings.c.reason,
        "started_at", func.to_char(func.timezone("UTC", recordings.c.started_at), ISO_UTC),
        "seconds", recordings.c.seconds,
        "channels", recordings.c.channels, "media_type", recordings.c.media_type,
        "bytes", recordings.c.bytes, "sha256", recordings.c.sha256,
    )  # fmt: skip
    ordered = aggregate_order_by(shown, recordings.c.started_at, recordings.c.id)
    some = select(func.coalesce(func.json_agg(ordered), func.json_build_array(), type_=JSON))
    return some.where(recordings.c.call_id == calls.c.id).scalar_subquery().label("recordings")


def _number_is(column: ColumnElement[str], wanted: NumberFilter) -> ColumnElement[bool]:
    """Byte-wise ranges instead of LIKE: they use the pattern indexes in prepared statements, too."""
    if wanted.match == "exact":
        return column == wanted.text
    if wanted.match == "suffix":
        return _begins(func.reverse(column), wanted.text[::-1])
    return _begins(column, wanted.text)


def _begins(column: ColumnElement[str], prefix: str) -> ColumnElement[bool]:
    after = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    above: ColumnElement[bool] = column.bool_op("~>=~")(prefix)
    return above & column.bool_op("~<~")(after)


def _conditions(search: CallSearch) -> list[ColumnElement[bool]]:
    c = calls.c
    asked: dict[str, Callable[[Any], ColumnElement[bool]]] = {
        "since": lambda at: c.started_at >= at,
        "until": lambda at: c.started_at < at,
        "number": lambda number: _number_is(c.caller_number, number),
        "line": lambda line: c.line == line.value,
        "queue": lambda queue: c.queues.contains([queue]),
        "agent": lambda agent: c.agents.contains([agent]),
        "mark": lambda mark: c.marks.contains([mark]),
        "outcome": lambda outcome: c.outcome == outcome.value,
        "direction": lambda direction: c.direction == direction.value,
        "min_talk": lambda seconds: c.talk_seconds >= seconds,
        "max_talk": lambda seconds: c.talk_seconds <= seconds,
    }
    given = ((getattr(search, name), condition) for name, condition in asked.items())
    return [condition(value) for value, condition in given if value is not None]


def page_statement(
    search: CallSearch, after: Position | None, limit: int | None, span: Span = EVERYTHING
) -> Select[Any]:
    """The list after a position, of the calls that began within `span`; `limit` None is all of it."""
    rows = select(*(calls.c[name] for name in FIELDS), _recordings())
    return listed(rows, search, after, limit, span)


def listed(
    rows: Select[Any], search: CallSearch, after: Position | None, limit: int | None, span: Span = EVERYTHING
) -> Select[Any]:
    """A selection from `calls`, filtered, in its order, after a position."""
    key = (calls.c[search.order.column], calls.c.id)
    rows = rows.where(*_conditions(search), *_within(span))
    if after is not None:
        here = tuple_(literal(after.value), literal(after.id))
        rows = rows.where(tuple_(*key) < here if search.order.descending else tuple_(*key) > here)
    directed = [column.desc() if search.order.descending else column.asc() for column in key]
    return rows.order_by(*directed).limit(limit)


def _within(span: Span) -> list[ColumnElement[bool]]:
    """A row comparison alone does not tell Postgres which months to leave out."""
    began = calls.c.started_at
    first = [began >= span.first] if span.first is not None else []
    last = [(began <= span.last) if span.last_included else (began < span.last)] if span.last is not None else []
    return [*first, *last]


async def find_page(
    engine: AsyncEngine, search: CallSearch, after: Position | None, limit: int
) -> tuple[list[dict[str, Any]], Position | None]:
    """One page of records and the position that the next one starts after (None: this is the last)."""
    rows: list[Row[Any]] = []
    async with reading(engine, apart=True) as connection:
        for span in spans(search, after, now()):
            rows += await connection.execute(page_statement(search, after, limit + 1 - len(rows), span))
            if len(rows) > limit:
                break
    items = [dict(zip(LISTED, row, strict=True)) for row in rows[:limit]]
    more = len(rows) > limit
    return items, position_of(items[-1], search.order) if more else None


def _plain(row: RowMapping) -> dict[str, Any]:
    """A row with `str` keys: SQLAlchemy's are a kind of its own that JSON encoders refuse."""
    return {str(name): value for name, value in row.items()}


def position_of(item: dict[str, Any], order: Order) -> Position:
    """Where a record stands in a list of that order."""
    return Position(item[order.column], item["id"])


async def find_call(engine: AsyncEngine, call_id: UUID) -> dict[str, Any]:
    """One record with its parts. Raises `NotFound`."""
    columns = [calls.c[name] for name in (*FIELDS, *DETAIL_FIELDS)]
    one = select(*columns, _recordings()).where(calls.c.id == call_id)
    async with reading(engine, apart=True) as connection:
        for span in spans(CallSearch(), None, now()):
            row = (await connection.execute(one.where(*_within(span)))).mappings().first()
            if row is not None:
                return _plain(row)
    raise NotFound(kind="call", key=call_id)


async def find_recording(engine: AsyncEngine, call_id: UUID, recording_id: UUID) -> dict[str, Any]:
    """One recording of one call, with its path in the store. Raises `NotFound`."""
    one = select(recordings).where(recordings.c.id == recording_id, recordings.c.call_id == call_id)
    async with reading(engine) as connection:
        row = (await connection.execute(one)).mappings().one_or_none()
    if row is None:
        raise NotFound(kind="recording", key=f"{recording_id} of call {call_id}")
    return _plain(row)
