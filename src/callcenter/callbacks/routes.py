"""GET /v1/callbacks, GET /v1/follow-ups and what can be done with them."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from callcenter.callbacks import follow_up_repository, repository
from callcenter.callbacks.follow_up_repository import FollowUpSearch
from callcenter.callbacks.model import CallbackState, FollowUpKind, FollowUpState
from callcenter.callbacks.schemas import (
    CallbackDetail,
    CallbackPage,
    Closing,
    FollowUpDetail,
    FollowUpPage,
    FollowUpView,
    Noting,
)
from callcenter.errors import InvalidInput
from callcenter.http import spreadsheet
from callcenter.http.auth import Changer
from callcenter.http.encoding import json_answer
from callcenter.http.instants import parse_instant
from callcenter.http.openapi import problems
from callcenter.http.paging import Position, read_cursor, write_cursor
from callcenter.storage.reading import reading, writing

router = APIRouter(tags=["callbacks"])

LARGEST_ID = 2**63 - 1
Id = Annotated[int, Path(ge=1, le=LARGEST_ID)]
Limit = Annotated[int, Query(ge=1, le=1000)]
CSV_LIMIT = 100_000
COLUMNS = tuple(FollowUpView.model_fields)
READ = problems(401, 404, 422, 503)
CHANGE = problems(401, 403, 404, 422, 503)

LIST_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A page as JSON; or all of it as CSV (UTF-8 with BOM)",
        "content": {"text/csv": {"schema": {"type": "string"}, "example": ",".join(COLUMNS) + "\r\n"}},
    },
    **problems(401, 422, 503),
}


@router.get("/v1/callbacks", summary="List callbacks", response_model=CallbackPage, responses=problems(401, 422, 503))
async def list_callbacks(
    request: Request,
    state: Annotated[CallbackState | None, Query()] = None,
    before: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="`next` of the page before")] = None,
    limit: Limit = 100,
) -> Response:
    """Callbacks that citizens asked for, newest first."""
    async with reading(request.app.state.engine) as connection:
        rows = await repository.list_callbacks(connection, state=state, before=before, limit=limit + 1)
    items = rows[:limit]
    return json_answer({"items": items, "next": items[-1]["id"] if len(rows) > limit else None})


@router.get("/v1/callbacks/{callback_id}", summary="Get one callback", response_model=CallbackDetail, responses=READ)
async def get_callback(request: Request, callback_id: Id) -> Response:
    """One callback with every attempt."""
    async with reading(request.app.state.engine) as connection:
        return json_answer(await repository.find_callback(connection, callback_id))


@router.post(
    "/v1/callbacks/{callback_id}/cancel", summary="Cancel a callback", response_model=CallbackDetail, responses=CHANGE
)
async def cancel_callback(request: Request, callback_id: Id, by: Changer) -> Response:
    """The citizen won't be rung. Only a callback that waits can be cancelled."""
    async with writing(request.app.state.engine) as connection:
        await repository.cancel(connection, callback_id, by)
        return json_answer(await repository.find_callback(connection, callback_id))


@router.get("/v1/follow-ups", summary="List whom we owe a call", response_model=FollowUpPage, responses=LIST_RESPONSES)
async def list_follow_ups(
    request: Request,
    state: Annotated[FollowUpState | None, Query()] = None,
    kind: Annotated[FollowUpKind | None, Query()] = None,
    due_before: Annotated[str | None, Query(max_length=40, examples=["2026-11-24T17:00"])] = None,
    limit: Limit = 100,
    cursor: Annotated[str | None, Query(max_length=400, description="`next` of the page before")] = None,
    format: Annotated[Literal["json", "csv"], Query(description="CSV is the whole list")] = "json",
) -> Response:
    """Lost callers, voicemails and failed callbacks, the one due first first."""
    search = FollowUpSearch(state, kind, parse_instant(due_before, "query.due_before") if due_before else None)
    after = _after(cursor, search)
    count = CSV_LIMIT if format == "csv" else limit + 1
    async with reading(request.app.state.engine) as connection:
        rows = await follow_up_repository.list_follow_ups(connection, search, after, count)
    return _csv(rows) if format == "csv" else _page(rows, limit, search)


def _after(cursor: str | None, search: FollowUpSearch) -> tuple[datetime, int] | None:
    """Where a page starts; an entry's number travels as a UUID, which is what cursors hold."""
    if cursor is None:
        return None
    position = read_cursor(cursor, search)
    if not isinstance(position.value, datetime) or position.id.int > LARGEST_ID:
        raise InvalidInput(where="query.cursor", what="it is of another list", mend="send `next` of the page before")
    return position.value, position.id.int


def _page(rows: list[dict[str, Any]], limit: int, search: FollowUpSearch) -> Response:
    items = rows[:limit]
    more = len(rows) > limit
    following = write_cursor(Position(items[-1]["due_at"], UUID(int=items[-1]["id"])), search) if more else None
    return json_answer({"items": items, "next": following})


def _csv(rows: list[dict[str, Any]]) -> Response:
    body = spreadsheet.BOM.encode() + spreadsheet.lines([COLUMNS, *([row[c] for c in COLUMNS] for row in rows)])
    headers = {"Content-Disposition": 'attachment; filename="follow-ups.csv"', "Cache-Control": "no-store"}
    return Response(body, headers=headers, media_type=spreadsheet.MEDIA_TYPE)


@router.get("/v1/follow-ups/{entry}", summary="Get one follow-up", response_model=FollowUpDetail, responses=READ)
async def get_follow_up(request: Request, entry: Id) -> Response:
    """One entry with its calls and what was done."""
    async with reading(request.app.state.engine) as connection:
        return await _detail(connection, entry)


async def _detail(connection: AsyncConnection, entry: int) -> Response:
    return json_answer(await follow_up_repository.find_follow_up(connection, entry))


@router.post("/v1/follow-ups/{entry}/take", summary="Take a follow-up", response_model=FollowUpDetail, responses=CHANGE)
async def take_follow_up(request: Request, entry: Id, by: Changer) -> Response:
    """Say that you will ring him. An entry that somebody else has is refused."""
    async with writing(request.app.state.engine) as connection:
        await follow_up_repository.take(connection, entry, by)
        return await _detail(connection, entry)


@router.post(
    "/v1/follow-ups/{entry}/close", summary="Close a follow-up", response_model=FollowUpDetail, responses=CHANGE
)
async def close_follow_up(request: Request, entry: Id, closing: Closing, by: Changer) -> Response:
    """He was reached, or is given up; say why in the note."""
    async with writing(request.app.state.engine) as connection:
        await follow_up_repository.close(connection, entry, by, FollowUpState(closing.state), closing.note)
        return await _detail(connection, entry)


@router.post("/v1/follow-ups/{entry}/notes", summary="Add a note", response_model=FollowUpDetail, responses=CHANGE)
async def note_follow_up(request: Request, entry: Id, noting: Noting, by: Changer) -> Response:
    """Add to what is known; nothing said before is changed."""
    async with writing(request.app.state.engine) as connection:
        await follow_up_repository.add_note(connection, entry, by, noting.note)
        return await _detail(connection, entry)
