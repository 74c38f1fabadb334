"""/v1/blocked-numbers and /v1/queues/{queue}/members."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from callcenter import clock
from callcenter.agents import repository
from callcenter.http.auth import Changer
from callcenter.http.openapi import problems
from callcenter.routing import changes
from callcenter.routing.schemas import (
    Block,
    BlockedNumber,
    BlockedNumbers,
    Line,
    MemberList,
    Number,
    QueueMembers,
)
from callcenter.storage.reading import reading, writing

router = APIRouter(tags=["routing"])
READ, CHANGE = problems(401, 404, 422, 503), problems(401, 403, 404, 422, 503)
Queue = Annotated[str, Path(max_length=40, pattern=r"^[a-z-]+$", examples=["hotline"])]


@router.get(
    "/v1/blocked-numbers", summary="List blocked numbers", response_model=BlockedNumbers,
    responses=problems(401, 422, 503),
)  # fmt: skip
async def list_blocked(request: Request) -> dict[str, Any]:
    """Callers whom the hotline refuses now, the latest first."""
    async with reading(request.app.state.engine) as connection:
        return {"items": await repository.list_blocked(connection, clock.now())}


@router.get(
    "/v1/blocked-numbers/{number}", summary="Get a blocked number", response_model=BlockedNumber, responses=READ
)
async def get_blocked(request: Request, number: Number) -> Any:
    """Until when a number is refused, and why."""
    async with reading(request.app.state.engine) as connection:
        return await repository.find_blocked(connection, number)


@router.put("/v1/blocked-numbers/{number}", summary="Block a number", response_model=BlockedNumber, responses=CHANGE)
async def put_blocked(request: Request, number: Number, block: Block, by: Changer) -> Any:
    """Refuse a number on the hotline from now on, never on the emergency line."""
    async with writing(request.app.state.engine) as connection:
        return await changes.block(
            connection, number, block.until, clock.now(), reason=block.reason, made_by=by
        )  # fmt: skip


@router.delete("/v1/blocked-numbers/{number}", summary="Unblock a number", status_code=204, responses=CHANGE)
async def delete_blocked(
    request: Request, number: Number, by: Changer, reason: Annotated[Line, Query(max_length=200)] = ""
) -> None:
    """Serve a number again; who lifted the block and why is kept."""
    async with writing(request.app.state.engine) as connection:
        await repository.unblock_number(connection, number, reason=reason, made_by=by)


@router.get("/v1/queues/{queue}/members", summary="List a queue's members", response_model=QueueMembers, responses=READ)
async def get_members(request: Request, queue: Queue) -> dict[str, Any]:
    """Who serves a queue while nobody of them is logged out and no duty period names others."""
    async with reading(request.app.state.engine) as connection:
        return await changes.members_of(connection, queue, request.app.state.members)


@router.put(
    "/v1/queues/{queue}/members", summary="Set a queue's members", response_model=QueueMembers, responses=CHANGE
)
async def put_members(request: Request, queue: Queue, wanted: MemberList, by: Changer) -> dict[str, Any]:
    """Let these and no others serve a queue; an empty list gives it back what the settings say."""
    listed = [(each.agent, each.penalty) for each in wanted.members]
    state = request.app.state
    async with writing(state.engine) as connection:
        await changes.change_members(connection, queue, listed, state.phones, reason=wanted.reason, made_by=by)
        return await changes.members_of(connection, queue, state.members)
