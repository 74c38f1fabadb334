"""GET /v1/recordings and what belongs to one: its life, its waveform, itself as a file; and who listened."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response, StreamingResponse

from callcenter import clock
from callcenter.http.encoding import json_answer
from callcenter.http.instants import parse_instant
from callcenter.http.openapi import problems
from callcenter.http.paging import read_cursor, write_cursor
from callcenter.listening import repository
from callcenter.listening.detail import detail_of
from callcenter.listening.download import zipped
from callcenter.listening.manifest import audio_name
from callcenter.listening.playback_log import PlaybackSearch, find_playbacks
from callcenter.listening.schemas import PlaybackPage, RecordingDetail, RecordingPage, Waveform
from callcenter.listening.search import RecordingSearch, recording_search
from callcenter.recordings.answering import AudioAnswer
from callcenter.recordings.hearing import waveform
from callcenter.recordings.playback import begun
from callcenter.recordings.playbacks import How, Playback
from callcenter.recordings.reasons import RequiredReason, listening

router = APIRouter(tags=["recordings"])

Limit = Annotated[int, Query(ge=1, le=1000)]
Cursor = Annotated[str | None, Query(max_length=400, description="`next` of the page before, with the same filters")]
Instant = Annotated[str | None, Query(max_length=40, examples=["2026-11-23"])]
READ = problems(401, 404, 422, 503)
ZIP_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A ZIP of the audio and manifest.json",
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    },
    **problems(401, 403, 404, 409, 410, 422, 503),
}


@router.get(
    "/v1/recordings", summary="Find recordings", response_model=RecordingPage, responses=problems(401, 422, 503)
)
async def list_recordings(
    request: Request,
    search: Annotated[RecordingSearch, Depends(recording_search)],
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Recordings that meet all filters, with the main fields of their calls, newest first."""
    after = read_cursor(cursor, search) if cursor is not None else None
    items, end = await repository.find_page(request.app.state.engine, search, after, limit)
    return json_answer({"items": items, "next": write_cursor(end, search) if end else None})


@router.get(
    "/v1/recordings/{recording_id}", summary="Get one recording", response_model=RecordingDetail, responses=READ
)
async def get_recording(request: Request, recording_id: UUID) -> Response:
    """One recording with its life, what was heard on it, where to jump to, and its place in the chain."""
    return json_answer(detail_of(await repository.find_row(request.app.state.engine, recording_id)))


@router.get("/v1/recordings/{recording_id}/waveform", summary="Get a waveform", response_model=Waveform, responses=READ)
async def get_waveform(
    request: Request,
    recording_id: UUID,
    points: Annotated[int, Query(ge=1, le=20_000, description="numbers a side, at most")] = 2000,
) -> Response:
    """What a player draws. It tells who spoke when, not what was said: asking for it is no playback."""
    seconds, peaks = await repository.find_peaks(request.app.state.engine, recording_id)
    left, right = waveform(peaks, points)
    return json_answer({"seconds": seconds, "left": left, "right": right})


@router.get(
    "/v1/recordings/{recording_id}/download", summary="Download a recording", response_class=StreamingResponse,
    status_code=200, responses=ZIP_RESPONSES,
)  # fmt: skip
async def download(request: Request, recording_id: UUID, reason: RequiredReason) -> Response:
    """A ZIP of the audio and a manifest with what proves it. The reason is required and kept with the playback."""
    row, by = (
        await repository.find_row(request.app.state.engine, recording_id),
        listening(request, reason, How.DOWNLOAD),
    )
    audio = request.app.state.player.open(row)
    pieces = await begun(audio.read(0, audio.size))
    playback = Playback(request.app.state.engine, audio.id, audio.length, by)
    await playback.begin(0, audio.size)
    name = audio_name(row).rpartition(".")[0]
    headers = {"Content-Disposition": f'attachment; filename="{name}.zip"', "Cache-Control": "private, no-store"}
    return AudioAnswer(zipped(row, pieces, by, clock.now()), playback, 200, headers, "application/zip")


@router.get(
    "/v1/playbacks", summary="List who listened", response_model=PlaybackPage, responses=problems(401, 422, 503)
)
async def list_playbacks(
    request: Request,
    recording_id: UUID | None = None,
    by: Annotated[
        str | None, Query(min_length=1, max_length=64, pattern=r"^[\w.@-]+$", description="a key's name")
    ] = None,
    since: Annotated[Instant, Query(alias="from")] = None,
    until: Instant = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Playbacks, downloads and exports, newest first. Parts asked for within 60 s of one another are one playback."""
    search = PlaybackSearch(
        recording_id, by,
        parse_instant(since, "query.from") if since is not None else None,
        parse_instant(until, "query.until") if until is not None else None,
    )  # fmt: skip
    after = read_cursor(cursor, search) if cursor is not None else None
    items, end = await find_playbacks(request.app.state.engine, search, after, limit)
    return json_answer({"items": items, "next": write_cursor(end, search) if end else None})
