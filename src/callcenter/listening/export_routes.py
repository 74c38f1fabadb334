"""/v1/recording-exports: order a set of recordings as one ZIP, see how far it is, fetch it, cancel it."""

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, Response

from callcenter.errors import InvalidInput, NotAllowed, RecordingMissing, RecordingNotReady
from callcenter.http.auth import Changer
from callcenter.http.encoding import json_answer
from callcenter.http.openapi import problems
from callcenter.listening import exports, repository
from callcenter.listening.exporting import MOST_BYTES, Exporter
from callcenter.listening.routes import ZIP_RESPONSES
from callcenter.listening.schemas import ExportList, ExportOrder, ExportView
from callcenter.listening.search import search_of
from callcenter.recordings.reasons import checked_reason
from callcenter.storage.reading import reading, writing

router = APIRouter(tags=["recordings"])

MOST = 2000
MEND = "narrow the filters, for instance to shorter days"


@router.post(
    "/v1/recording-exports", summary="Order a ZIP of recordings", response_model=ExportView, status_code=202,
    responses=problems(401, 403, 422, 503),
)  # fmt: skip
async def order(request: Request, asked: ExportOrder, by: Changer) -> Response:
    """At most 2,000 recordings and 20 GB. The set is fixed now; it is made in the background, and kept for 24 h."""
    why, engine = checked_reason(asked.reason, "body.reason"), request.app.state.engine
    items, more = await repository.find_page(engine, search_of(asked.filters), None, MOST)
    size = sum(item["bytes"] or 0 for item in items)
    if not items:
        raise InvalidInput(where="body.filters", what="no recording meets them", mend="ask GET /v1/recordings first")
    if more or size > MOST_BYTES:
        what = f"more than {MOST} recordings" if more else f"{size} bytes of audio, more than {MOST_BYTES}"
        raise InvalidInput(where="body.filters", what=what, mend=MEND)
    filters = asked.filters.model_dump(mode="json", by_alias=True, exclude_none=True)
    address = request.client.host if request.client else ""
    async with writing(engine) as connection:
        made = await exports.add(connection, by, why, address, filters, [item["id"] for item in items])
    request.app.state.exporter.nudge()
    return json_answer(made, 202, Location=f"/v1/recording-exports/{made['id']}")


@router.get(
    "/v1/recording-exports", summary="List exports", response_model=ExportList, responses=problems(401, 503, 422)
)
async def list_exports(request: Request) -> Response:
    """The latest hundred, newest first."""
    async with reading(request.app.state.engine) as connection:
        return json_answer({"items": await exports.list_latest(connection)})


@router.get(
    "/v1/recording-exports/{export_id}", summary="See how far an export is", response_model=ExportView,
    responses=problems(401, 404, 422, 503),
)  # fmt: skip
async def get_export(request: Request, export_id: UUID) -> Response:
    async with reading(request.app.state.engine) as connection:
        return json_answer(await exports.find(connection, export_id))


@router.delete(
    "/v1/recording-exports/{export_id}", summary="Cancel an export", response_model=ExportView,
    responses=problems(401, 403, 404, 422, 503),
)  # fmt: skip
async def cancel(request: Request, export_id: UUID, by: Changer) -> Response:
    """It is made no further, and its file is deleted."""
    async with writing(request.app.state.engine) as connection:
        cancelled = await exports.cancel(connection, export_id)
    request.app.state.exporter.nudge()
    return json_answer(cancelled)


@router.get(
    "/v1/recording-exports/{export_id}/file", summary="Fetch an export", response_class=FileResponse, status_code=200,
    responses={**ZIP_RESPONSES, 206: {"description": "The part that `Range` asks for"}, **problems(403, 416)},
)  # fmt: skip
async def fetch(request: Request, export_id: UUID, by: Changer) -> Response:
    """The ZIP, whole or in parts, for the key that ordered it: the playbacks that were kept say who has it."""
    async with reading(request.app.state.engine) as connection:
        _require_owner(await exports.find(connection, export_id), by)
    async with writing(request.app.state.engine) as connection:
        job = await exports.fetch(connection, export_id)
    if job["state"] in ("queued", "running"):
        raise RecordingNotReady(key=export_id, why=f"{job['done']} of {job['total']} are in the export")
    exporter: Exporter = request.app.state.exporter
    path = exporter.path(job)
    if job["state"] != "done" or not path.is_file():
        raise RecordingMissing(key=export_id, why=f"the export is {job['state']}, its file is not here")
    headers = {"Cache-Control": "private, no-store"}
    return FileResponse(path, headers=headers, media_type="application/zip", filename=f"recordings_{export_id}.zip")


def _require_owner(job: dict[str, object], by: str) -> None:
    if job["by"] != by:
        raise NotAllowed(what=f"The key {job['by']} ordered this export", mend="order one of your own")
