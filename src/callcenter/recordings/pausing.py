"""POST /v1/recordings/{id}/pause and /resume: while confidential data is said, where the site's policy allows it."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from sqlalchemy import select

from callcenter.errors import InvalidInput, NotFound, PartUnavailable
from callcenter.http.auth import Changer
from callcenter.http.openapi import problems
from callcenter.recordings import orders
from callcenter.recordings.model import State
from callcenter.recordings.tables import recordings
from callcenter.storage.reading import reading

router = APIRouter(tags=["recordings"])

RUNNING = (State.EXPECTED, State.RECORDING)
RESPONSES = problems(401, 403, 404, 422, 503)


class PauseView(BaseModel):
    """What holds now."""

    recording_id: UUID
    paused: bool = Field(description="silence is recorded until it goes on; after recording_pause_seconds by itself")


@router.post(
    "/v1/recordings/{recording_id}/pause", summary="Pause a running recording", response_model=PauseView,
    responses=RESPONSES,
)  # fmt: skip
async def pause(request: Request, recording_id: UUID, by: Changer) -> dict[str, Any]:
    """Both sides are recorded as silence of equal length; who asked for it and when is on record."""
    return await _order(request, recording_id, "pause", by)


@router.post(
    "/v1/recordings/{recording_id}/resume", summary="Let a paused recording go on", response_model=PauseView,
    responses=RESPONSES,
)  # fmt: skip
async def resume(request: Request, recording_id: UUID, by: Changer) -> dict[str, Any]:
    """Changes nothing where it was not paused."""
    return await _order(request, recording_id, "resume", by)


async def _order(request: Request, recording_id: UUID, what: str, by: str) -> dict[str, Any]:
    async with reading(request.app.state.engine) as connection:
        facts = select(recordings.c.pbx, recordings.c.state, recordings.c.ended_at)
        row = (await connection.execute(facts.where(recordings.c.id == recording_id))).first()
    if row is None:
        raise NotFound(kind="recording", key=recording_id)
    if row.state not in RUNNING or row.ended_at is not None:
        raise InvalidInput(where="recording", what="its call is over", mend="pause one whose call is up")
    result = await orders.give(request.app.state.engine, row.pbx, recording_id, what, f"key {by}")
    if result is None:
        raise PartUnavailable(part="listener", why="it did not answer", mend="see that callcenter listen runs")
    if result != "done":
        raise InvalidInput(where="recording", what=result, mend="see docs/administration.md, recording_pause")
    return {"recording_id": recording_id, "paused": what == "pause"}
