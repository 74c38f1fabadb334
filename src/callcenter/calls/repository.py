"""Every query that reads call records: one statement a page, recordings included."""

from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import (
    JSON,
    ColumnElement,
    Integer,
    RowMapping,
    Select,
    Text,
    bindparam,
    cast,
    func,
    select,
    text,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callcenter.calls.search import CallSearch, NumberFilter, Order
from callcenter.calls.spans import Span, Spans, far, near, suffices
from callcenter.calls.tables import HAS_MARKS, calls
from callcenter.clock import now
from callcenter.errors import NotFound
from callcenter.http.paging import Position
from callcenter.recordings.tables import recording_keys, recordings
from callcenter.storage.months import Month, month_of, parse_month
from callcenter.storage.prepared import Prepared, fetch, prepared
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

JSON_PARTS = ("legs", "queue_visits", "timeline", "anomalies", "recordings")

MARKED: ColumnElement[bool] = text(HAS_MARKS)  # type: ignore[assignment]
"""Says nothing new, but what the index of marked calls covers; as a parameter Postgres would not see it."""

LISTED = (*FIELDS, "recordings")

ISO_UTC = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
"""Inside JSON, Postgres would write instants in the session's own zone."""


def _recordings() -> ColumnElement[Any]:
    """A call's recordings as a JSON array in text, oldest first."""
    shown = func.json_build_object(
        "id", recordings.c.id, "state", recordings.c.state, "reason", recordings.c.reason,
        "started_at", func.to_char(func.timezone("UTC", recordings.c.started_at), ISO_UTC),
        "seconds", recordings.c.seconds,
        "channels", recordings.c.channels, "media_type", recordings.c.media_type,
        "bytes", recordings.c.bytes, "sha256", recordings.c.sha256, "flags", recordings.c.flags,
    )  # fmt: skip
    ordered = aggregate_order_by(shown, recordings.c.started_at, recordings.c.id)
    some = select(func.coalesce(func.json_agg(ordered), func.json_build_array()))
    return cast(some.where(recordings.c.call_id == calls.c.id).scalar_subquery(), Text).label("recordings")


def _number_is(column: ColumnElement[str], wanted: NumberFilter) -> ColumnElement[bool]:
    """Byte-wise ranges instead of LIKE: they use the pattern indexes in prepared statements, too."""
    if wanted.match == "exact":
        return column == bindparam("number")
    return _begins(func.reverse(column) if wanted.match == "suffix" else column)


def _begins(column: ColumnElement[str]) -> ColumnElement[bool]:
    above: ColumnElement[bool] = column.bool_op("~>=~")(bindparam("number", type_=Text))
    return above & column.bool_op("~<~")(bindparam("number_end", type_=Text))


def _number_values(wanted: NumberFilter) -> dict[str, str]:
    if wanted.match == "exact":
        return {"number": wanted.text}
    first = wanted.text[::-1] if wanted.match == "suffix" else wanted.text
    return {"number": first, "number_end": first[:-1] + chr(ord(first[-1]) + 1)}


FILTERS = ("since", "until", "number", "line", "queue", "agent", "mark", "outcome", "direction", "min_talk", "max_talk")


def conditions(search: CallSearch) -> list[ColumnElement[bool]]:
    """A search's filters; their parameters are those of `values_of`."""
    c = calls.c
    asked: dict[str, Callable[[], ColumnElement[bool]]] = {
        "since": lambda: c.started_at >= bindparam("since"),
        "until": lambda: c.started_at < bindparam("until"),
        "number": lambda: _number_is(c.caller_number, search.number),  # type: ignore[arg-type]
        "line": lambda: c.line == bindparam("line"),
        "queue": lambda: c.queues.contains(bindparam("queue")),
        "agent": lambda: c.agents.contains(bindparam("agent")),
        "mark": lambda: c.marks.contains(bindparam("mark")) & MARKED,
        "outcome": lambda: c.outcome == bindparam("outcome"),
        "direction": lambda: c.direction == bindparam("direction"),
        "min_talk": lambda: c.talk_seconds >= bindparam("min_talk"),
        "max_talk": lambda: c.talk_seconds <= bindparam("max_talk"),
    }
    return [asked[name]() for name in FILTERS if getattr(search, name) is not None]


def values_of(search: CallSearch, after: Position | None, spans: Spans, limit: int | None) -> dict[str, Any]:
    """What a listing's parameters stand for."""
    values = {name: getattr(search, name) for name in FILTERS}
    values |= {name: [values[name]] for name in ("queue", "agent", "mark")}
    values |= _number_values(search.number) if search.number else {}
    position = {"after": after.value, "after_id": after.id} if after else {}
    firsts = {f"first_{n}": span.first for n, span in enumerate(spans)}
    lasts = {f"last_{n}": span.last for n, span in enumerate(spans)}
    return {**values, **position, **firsts, **lasts, "most": limit}


def shape_of(search: CallSearch, after: Position | None, spans: Spans, limit: int | None) -> Hashable:
    """What listings have in common that differ in values alone."""
    given = tuple(getattr(search, name) is not None for name in FILTERS)
    match = search.number.match if search.number else None
    ends = tuple((span.first is None, span.last is None, span.last_included) for span in spans)
    return given, match, search.order, after is None, ends, limit is None


def listed(
    rows: Select[Any], search: CallSearch, after: Position | None, limit: int | None, within: Sequence[Any] = ()
) -> Select[Any]:
    """A selection from `calls`, filtered, in its order, after a position; its parameters are those of `values_of`."""
    key = (calls.c[search.order.column], calls.c.id)
    rows = rows.where(*conditions(search), *within)
    if after is not None:
        here = tuple_(bindparam("after", type_=key[0].type), bindparam("after_id", type_=key[1].type))
        rows = rows.where(tuple_(*key) < here if search.order.descending else tuple_(*key) > here)
    directed = [column.desc() if search.order.descending else column.asc() for column in key]
    rows = rows.order_by(*directed)
    return rows if limit is None else rows.limit(bindparam("most", type_=Integer))


def _within(span: Span, nth: int = 0) -> list[ColumnElement[bool]]:
    """A row comparison alone does not tell Postgres which months to leave out."""
    began = calls.c.started_at
    first, last = bindparam(f"first_{nth}", type_=began.type), bindparam(f"last_{nth}", type_=began.type)
    lower = [began >= first] if span.first is not None else []
    upper = [(began <= last) if span.last_included else (began < last)] if span.last is not None else []
    return [*lower, *upper]


def page_statement(search: CallSearch, after: Position | None, spans: Spans, limit: int) -> Prepared:
    """A page of the list, of the calls that began within `spans`, which follow each other in its order."""
    return prepared(("page", shape_of(search, after, spans, limit)), lambda: _page(search, after, spans, limit))


def _page(search: CallSearch, after: Position | None, spans: Spans, limit: int) -> Any:
    """Parts are read one after the other, and none when those before filled the page (no parallel plans there)."""
    rows = select(*(calls.c[name] for name in FIELDS), _recordings())
    parts = [listed(rows, search, after, limit, _within(span, n)) for n, span in enumerate(spans)]
    if len(parts) == 1:
        return parts[0]
    return union_all(*(select(part.subquery()) for part in parts)).limit(bindparam("most", type_=Integer))


async def _stages(connection: AsyncConnection, search: CallSearch, after: Position | None) -> AsyncIterator[Spans]:
    """What to look at until there are enough."""
    moment = now()
    looked = near(search, after, moment)
    if looked:
        yield looked
    if not suffices(search, looked):
        yield far(search, looked, moment, await _oldest(connection))


OLDEST = Prepared(
    "SELECT min(c.relname) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
    " WHERE i.inhparent = 'calls'::regclass AND c.relname ~ '^calls_[0-9]{4}_[0-9]{2}$'", (), {}
)  # fmt: skip


async def _oldest(connection: AsyncConnection) -> Month:
    """The first month that has a table."""
    (row,) = await fetch(connection, OLDEST, {})
    name: str | None = row[0]
    return parse_month(name.removeprefix("calls_").replace("_", "-")) if name else month_of(now())


async def find_page(
    engine: AsyncEngine, search: CallSearch, after: Position | None, limit: int, *, parsed: bool = True
) -> tuple[list[dict[str, Any]], Position | None]:
    """One page of records and the position that the next one starts after (None: this is the last).

    Unless `parsed`, JSON parts are left as Postgres wrote them, to be put into a JSON answer.
    """
    rows: list[Any] = []
    async with reading(engine) as connection:
        async for spans in _stages(connection, search, after):
            wanted = limit + 1 - len(rows)
            values = values_of(search, after, spans, wanted)
            rows += await fetch(connection, page_statement(search, after, spans, wanted), values)
            if len(rows) > limit:
                break
    items = [_shown(row, ("recordings",), parsed=parsed) for row in rows[:limit]]
    more = len(rows) > limit
    return items, position_of(items[-1], search.order) if more else None


def _shown(row: Any, parts: Sequence[str], *, parsed: bool) -> dict[str, Any]:
    item = dict(row)
    for part in parts:
        item[part] = orjson.loads(item[part]) if parsed else orjson.Fragment(item[part])
    return item


def position_of(item: dict[str, Any], order: Order) -> Position:
    """Where a record stands in a list of that order."""
    return Position(item[order.column], item["id"])


def _as_written(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """JSON as text: it is passed on, not looked at."""
    return cast(column, Text).label(column.key) if isinstance(column.type, JSON) else column


def one_statement(span: Span) -> Prepared:
    """One call by its id, when it began within `span`."""
    columns = [_as_written(calls.c[name]) for name in (*FIELDS, *DETAIL_FIELDS)]
    one = select(*columns, _recordings()).where(calls.c.id == bindparam("id"), *_within(span))
    return prepared(("one", span.first is None, span.last is None), lambda: one)


RECENT = timedelta(days=31)
"""Mostly a call is asked for soon; an id does not tell its month."""


async def find_call(engine: AsyncEngine, call_id: UUID) -> dict[str, Any]:
    """One record with its parts, which are JSON as Postgres wrote it. Raises `NotFound`."""
    cut = now() - RECENT
    async with reading(engine) as connection:
        for span in (Span(cut), Span(None, cut)):
            values = {"id": call_id, "first_0": span.first, "last_0": span.last}
            for row in await fetch(connection, one_statement(span), values):
                return _shown(row, JSON_PARTS, parsed=False)
    raise NotFound(kind="call", key=call_id)


def _plain(row: RowMapping) -> dict[str, Any]:
    """A row with `str` keys: SQLAlchemy's are a kind of its own that JSON encoders refuse."""
    return {str(name): value for name, value in row.items()}


async def find_recording(engine: AsyncEngine, call_id: UUID, recording_id: UUID) -> dict[str, Any]:
    """One recording of one call, with its path in the store and its wrapped key. Raises `NotFound`."""
    key = recording_keys.c
    one = select(recordings, key.site_key, key.wrapped).where(
        recordings.c.id == recording_id, recordings.c.call_id == call_id
    )
    one = one.select_from(recordings.outerjoin(recording_keys, key.recording_id == recordings.c.id))
    async with reading(engine) as connection:
        row = (await connection.execute(one)).mappings().one_or_none()
    if row is None:
        raise NotFound(kind="recording", key=f"{recording_id} of call {call_id}")
    return _plain(row)
