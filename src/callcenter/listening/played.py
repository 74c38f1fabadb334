"""What a player says that it played. Sent is not heard: browsers ask ahead, people stop in the middle."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callcenter.errors import InvalidInput, NotFound
from callcenter.http.auth import from_own_pages
from callcenter.http.openapi import problems
from callcenter.recordings.tables import recording_playback_reports, recording_playbacks, recordings
from callcenter.storage.reading import reading, writing

router = APIRouter(tags=["recordings"])

ROUNDED = 1.0
"""Seconds that a decoder's clock may be past the end"""
MOST_PARTS = 500
MOST_REPORTS = 5_000
"""Of one sitting with one recording: the player's, told every ten seconds, for fourteen hours"""

Second = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
w, p, r = recording_playback_reports.c, recording_playbacks.c, recordings.c


class Sitting(NamedTuple):
    """One key's listening to one recording."""

    recording: UUID
    listening: UUID
    by: str


class Played(BaseModel):
    """All that was played so far, as an audio element's `played` tells it."""

    model_config = ConfigDict(extra="forbid")

    parts: list[tuple[Second, Second]] = Field(min_length=1, max_length=MOST_PARTS, examples=[[[0, 12.4], [61, 75.2]]])


@router.post(
    "/v1/recordings/{recording_id}/listenings/{listening}/played", summary="Report what was played", status_code=204,
    responses=problems(401, 403, 404, 422, 503),
)  # fmt: skip
async def report_played(request: Request, recording_id: UUID, listening: UUID, played: Played) -> None:
    """Which seconds were heard of audio that was asked for with `?listening=` this UUID and this key. Only added to."""
    from_own_pages(request)
    await keep_played(request.app.state.engine, recording_id, listening, request.state.key_name, played.parts)


async def keep_played(
    engine: AsyncEngine, recording: UUID, listening: UUID, by: str, parts: Sequence[tuple[float, float]]
) -> None:
    """Raises `NotFound` for a listening that nothing was sent to, `InvalidInput`, `PartUnavailable`."""
    mine = select(r.seconds).join(recording_playbacks, p.recording_id == r.id)
    mine = mine.where(r.id == recording, p.listening == listening, p.by == by).limit(1)
    so_far = select(func.count()).where(w.recording_id == recording, w.listening == listening, w.by == by)
    async with reading(engine) as connection:
        found = (await connection.execute(mine)).one_or_none()
        reports = (await connection.execute(so_far)).scalar_one()
    if found is None:
        raise NotFound(kind="listening", key=f"{listening} to recording {recording} by {by}")
    if reports >= MOST_REPORTS:
        raise InvalidInput(where="listening", what=f"{reports} reports came", mend="ask for the audio anew")
    kept = _checked(parts, found.seconds or 0.0)
    row = {"recording_id": recording, "listening": listening, "by": by, "parts": kept}
    async with writing(engine) as connection:
        await connection.execute(insert(recording_playback_reports).values(row))


def _checked(parts: Sequence[tuple[float, float]], seconds: float) -> list[list[float]]:
    """Joined and to the millisecond. Raises `InvalidInput`."""
    for n, (first, last) in enumerate(parts):
        if not first <= last <= seconds + ROUNDED:
            what = f"{first:g} to {last:g} is no part of {seconds:g} seconds"
            raise InvalidInput(where=f"body.parts.{n}", what=what, mend="send [first, last] with first <= last")
    return [[round(first, 3), round(min(last, seconds), 3)] for first, last in merged(parts)]


async def find_played(connection: AsyncConnection, listenings: Iterable[UUID]) -> dict[Sitting, Any]:
    """The stretches of all reports of each sitting. Others' keys report for themselves, whatever they call it."""
    wanted = select(w.recording_id, w.listening, w.by, w.parts).where(w.listening.in_(list(listenings)))
    found: dict[Sitting, list[list[float]]] = {}
    for row in (await connection.execute(wanted)).all():
        found.setdefault(Sitting(row.recording_id, row.listening, row.by), []).extend(row.parts)
    return {key: merged(parts) for key, parts in found.items()}


def merged(parts: Sequence[Sequence[float]]) -> list[list[float]]:
    """Stretches [first, last] in order, those that touch or overlap as one. Pure."""
    joined: list[list[float]] = []
    for first, last in sorted((part[0], part[1]) for part in parts):
        if joined and first <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], last)
        else:
            joined.append([first, last])
    return joined
