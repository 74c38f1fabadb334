"""/v1/retention/holds: what keeps a recording whatever its term."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from callcenter.http.auth import Changer
from callcenter.http.encoding import json_answer
from callcenter.http.openapi import problems
from callcenter.retention import hold_repository as holds
from callcenter.retention.hold_repository import HoldSearch, NewHold
from callcenter.retention.model import Why
from callcenter.retention.numbered import MOST, before, numbered
from callcenter.retention.schemas import Ending, HoldList, HoldPage, HoldView, NewHoldBody
from callcenter.storage.reading import reading, writing

router = APIRouter(tags=["retention"])

WRITE = problems(401, 403, 404, 422, 503)
Number = Annotated[int, Path(ge=1, le=MOST)]
Limit = Annotated[int, Query(ge=1, le=1000)]
Cursor = Annotated[str | None, Query(max_length=400, description="`next` of the page before, with the same filters")]


@router.get("/v1/retention/holds", summary="List holds", response_model=HoldPage, responses=problems(401, 422, 503))
async def list_holds(
    request: Request,
    standing: Annotated[bool | None, Query(description="true: those that stand, false: those lifted")] = None,
    why: Why | None = None,
    recording_id: UUID | None = None,
    call_id: UUID | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """The latest first."""
    search = HoldSearch(standing, why, recording_id, call_id)
    async with reading(request.app.state.engine) as connection:
        rows = await holds.list_holds(connection, search, limit + 1, before(cursor, search))
    return json_answer(numbered(rows, limit, search))


@router.post("/v1/retention/holds", summary="Place a hold", status_code=201, response_model=HoldList, responses=WRITE)
async def place_hold(request: Request, given: NewHoldBody, by: Changer) -> Response:
    """Keeps a recording, or all of a call, whatever their term, until the hold is lifted; `why` is complaint for one
    that no agent marked. The same words sent again place nothing new: the holds that stand are answered."""
    new = NewHold(given.why, given.note.strip(), given.reference.strip())
    async with writing(request.app.state.engine) as connection:
        if given.recording_id is not None:
            numbers = [await holds.hold(connection, given.recording_id, new, by)]
        else:
            assert given.call_id is not None
            numbers = await holds.hold_call(connection, given.call_id, new, by)
        rows = await holds.holds_of(connection, numbers)
    return json_answer({"items": rows}, 201)


@router.post("/v1/retention/holds/{number}/lift", summary="Lift a hold", response_model=HoldView, responses=WRITE)
async def lift_hold(request: Request, number: Number, given: Ending, by: Changer) -> Response:
    """The recording goes by its term again, unless another hold stands. Who lifted it, when and why is kept."""
    async with writing(request.app.state.engine) as connection:
        await holds.release(connection, number, by, given.reason.strip())
        (row,) = await holds.holds_of(connection, [number])
    return json_answer(row)
