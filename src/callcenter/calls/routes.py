"""GET /v1/cdrs: call records as JSON pages or as one CSV stream, and the recordings' audio."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response, StreamingResponse

from callcenter.calls import repository
from callcenter.calls.export import export
from callcenter.calls.model import Direction, Line, Outcome
from callcenter.calls.schemas import CallDetail, CallPage
from callcenter.calls.search import MARK_PATTERN, NAME_PATTERN, NUMBER_PATTERN, CallSearch, Order, parse_number
from callcenter.errors import PartUnavailable
from callcenter.http import spreadsheet
from callcenter.http.encoding import json_answer
from callcenter.http.instants import parse_instant
from callcenter.http.openapi import problems
from callcenter.http.paging import Position, read_cursor, write_cursor
from callcenter.recordings.answering import audio_answer
from callcenter.recordings.reasons import Playing

router = APIRouter(tags=["calls"])

DEFAULT_LIMIT = 100
EXPORTS_AT_ONCE = 3
"""Each export holds a database connection for as long as its client reads."""

CSV_EXAMPLE = ",".join(repository.LISTED) + "\r\n"

LIST_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A page as JSON; or all of it as CSV (UTF-8 with BOM, one cell of recording ids)",
        "content": {"text/csv": {"schema": {"type": "string"}, "example": CSV_EXAMPLE}},
    },
    **problems(401, 422, 503),
}

AUDIO_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The audio",
        "content": {"audio/*": {"schema": {"type": "string", "format": "binary"}}},
    },
    206: {
        "description": "The part that `Range` asks for",
        "content": {"audio/*": {"schema": {"type": "string", "format": "binary"}}},
    },
    304: {"description": "The audio that `If-None-Match` names is still the same"},
    **problems(401, 403, 404, 409, 410, 416, 422, 503),
}


class CallFacts(BaseModel):
    """What is asked of calls, one query parameter each: as one model they are checked quicker than one by one."""

    since: str | None = Field(
        None,
        alias="from",
        max_length=40,
        description="started at or after; a date is its local midnight",
        examples=["2026-11-01", "2026-11-23T09:00", "2026-11-23T01:00:00Z"],
    )
    until: str | None = Field(None, max_length=40, description="started before this", examples=["2026-12-01"])
    number: str | None = Field(
        None,
        pattern=NUMBER_PATTERN,
        description="the caller's: exact `13800138000`, beginning `138*`, last digits `*8000`",
        examples=["13800138000", "138*", "*8000"],
    )
    line: Line | None = None
    queue: str | None = Field(None, pattern=NAME_PATTERN, examples=["hotline"])
    agent: str | None = Field(None, pattern=NAME_PATTERN, description="anyone who spoke in the call", examples=["1001"])
    outcome: Outcome | None = None
    mark: str | None = Field(
        None, pattern=MARK_PATTERN, description="a fact beside the outcome", examples=["voicemail"]
    )
    direction: Direction | None = None
    min_talk: float | None = Field(None, ge=0, le=1e9, description="seconds, inclusive")
    max_talk: float | None = Field(None, ge=0, le=1e9, description="seconds, inclusive")


class CallFilters(CallFacts):
    """The filters of a list of calls."""

    order: Order = Order.NEWEST


async def call_search(asked: Annotated[CallFilters, Query()]) -> CallSearch:
    """The search that a request asks for. Raises `InvalidInput` on what can't be."""
    return CallSearch(
        since=parse_instant(asked.since, "query.from") if asked.since is not None else None,
        until=parse_instant(asked.until, "query.until") if asked.until is not None else None,
        number=parse_number(asked.number) if asked.number is not None else None,
        line=asked.line, queue=asked.queue, agent=asked.agent, outcome=asked.outcome, mark=asked.mark,
        direction=asked.direction, min_talk=asked.min_talk, max_talk=asked.max_talk, order=asked.order,
    )  # fmt: skip


@router.get("/v1/cdrs", summary="List calls", response_model=CallPage, responses=LIST_RESPONSES)
async def list_calls(
    request: Request,
    search: Annotated[CallSearch, Depends(call_search)],
    limit: Annotated[int | None, Query(ge=1, le=1000, description="calls a page; default 100, for CSV all")] = None,
    cursor: Annotated[
        str | None, Query(max_length=400, description="`next` of the page before, with the same filters")
    ] = None,
    format: Annotated[Literal["json", "csv"] | None, Query(description="stronger than the Accept header")] = None,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    """Calls that meet all filters, newest first unless ordered otherwise.

    JSON comes in pages (`next` is the cursor of the next one); CSV (`format=csv` or `Accept: text/csv`) is one
    stream of any length. In CSV, text that a spreadsheet would compute begins with an apostrophe.
    """
    after = read_cursor(cursor, search) if cursor is not None else None
    if format == "csv" or (format is None and "text/csv" in accept):
        return await _csv(request, search, after, limit)
    items, end = await repository.find_page(
        request.app.state.engine, search, after, limit or DEFAULT_LIMIT, parsed=False
    )
    return json_answer({"items": items, "next": write_cursor(end, search) if end else None})


async def _csv(request: Request, search: CallSearch, after: Position | None, limit: int | None) -> Response:
    exports: asyncio.Semaphore = request.app.state.exports
    if exports.locked():
        raise PartUnavailable(part="export", why=f"{EXPORTS_AT_ONCE} are running", mend="try again shortly")
    pieces = _counted(exports, export(request.app.state.engine, search, after, limit))
    first = await anext(pieces) + await anext(pieces, b"")  # a fault shows before the status is sent
    headers = {"Content-Disposition": 'attachment; filename="calls.csv"', "Cache-Control": "no-store"}
    return StreamingResponse(_chain(first, pieces), headers=headers, media_type=spreadsheet.MEDIA_TYPE)


async def _counted(exports: asyncio.Semaphore, pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with exports, contextlib.aclosing(pieces):
        async for piece in pieces:
            yield piece


async def _chain(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with contextlib.aclosing(rest):
        yield first
        async for piece in rest:
            yield piece


@router.get(
    "/v1/cdrs/{call_id}", summary="Get one call", response_model=CallDetail,
    responses=problems(401, 404, 422, 503),
)  # fmt: skip
async def get_call(request: Request, call_id: UUID) -> Response:
    """One call with its legs, queue visits, timeline, and what the record rests on."""
    return json_answer(await repository.find_call(request.app.state.engine, call_id))


@router.head("/v1/cdrs/{call_id}/recordings/{recording_id}", include_in_schema=False)
@router.get(
    "/v1/cdrs/{call_id}/recordings/{recording_id}", summary="Play a recording", response_class=StreamingResponse,
    status_code=200,
    responses=AUDIO_RESPONSES,
)  # fmt: skip
async def get_recording(request: Request, call_id: UUID, recording_id: UUID, listening: Playing) -> Response:
    """The audio, whole or in parts (`Range`): browsers can seek. Stereo: caller left, agent right. Who listens, why and
    to which seconds is kept."""
    row = await repository.find_recording(request.app.state.engine, call_id, recording_id)
    return await audio_answer(request, request.app.state.player.open(row), listening)
