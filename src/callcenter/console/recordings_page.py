"""Recordings as pages: a search, and one recording with its waveform, its life, and who listened."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.datastructures import QueryParams
from starlette.responses import HTMLResponse

from callcenter.calls.model import Direction, Line, Outcome
from callcenter.catalogue.labels import LANGUAGES, labels, preferred
from callcenter.console import faults
from callcenter.console.forms import checked
from callcenter.console.routes import HEADERS, Language, pages
from callcenter.errors import CallcenterError, InvalidInput
from callcenter.http.paging import read_cursor, write_cursor
from callcenter.listening.detail import detail_of
from callcenter.listening.playback_log import PlaybackSearch, find_playbacks
from callcenter.listening.repository import find_page, find_row
from callcenter.listening.search import RecordingFilters, RecordingSearch, search_of
from callcenter.recordings.model import PENDING, PLAYABLE, Flag, State
from callcenter.retention.hold_repository import HoldSearch, list_holds
from callcenter.retention.model import Why
from callcenter.storage.reading import reading

router = APIRouter(include_in_schema=False)

SHOWN = 30
PLAYBACKS_SHOWN = 30
CHOICES = {"line": Line, "outcome": Outcome, "direction": Direction, "state": State, "flag": Flag}
MARKS = (
    "complaint", "voicemail", "callback", "overflow", "escalated", "supervised", "conference", "recording_paused",
    "recording_failure_told",
)  # fmt: skip
FORMS = {"recordings.html": "found", "recording.html": "retention"}
"""Where the labels of a page's form are in the catalogue: the search's, a hold's"""
FIELDS = tuple(field.alias or name for name, field in RecordingFilters.model_fields.items())


@router.get("/recordings")
async def recordings(request: Request, lang: Language = None) -> HTMLResponse:
    """The search and a page of what it finds. A faulty filter is told on the page."""
    given = {name: value.strip() for name, value in request.query_params.items() if name in FIELDS and value.strip()}
    facts: dict[str, Any] = {
        "given": given,
        "choices": CHOICES,
        "marks": MARKS,
        "items": [],
        "next": None,
        "fault": None,
    }
    try:
        facts |= await _found(request, _search(given), request.query_params)
    except InvalidInput as error:
        facts["fault"] = error
    return _page(request, lang, "recordings.html", facts)


@router.get("/recordings/{recording_id}")
async def recording(request: Request, recording_id: UUID, lang: Language = None) -> HTMLResponse:
    """One recording. Raises `NotFound`."""
    return await recording_page(request, recording_id, lang)


async def recording_page(
    request: Request, recording_id: UUID, lang: str | None, fault: CallcenterError | None = None
) -> HTMLResponse:
    """One recording, with what was wrong with a form that was sent from it. Raises `NotFound`."""
    engine = request.app.state.engine
    one = detail_of(await find_row(engine, recording_id))
    heard, more = await find_playbacks(engine, PlaybackSearch(recording_id), None, PLAYBACKS_SHOWN)
    async with reading(engine) as connection:
        holds = await list_holds(connection, HoldSearch(recording=recording_id))
    facts = {"one": one, "playbacks": heard, "more": more is not None, "holds": holds, "whys": list(Why)}
    facts |= {"fault": fault, "may_change": request.state.key_may_change}
    return _page(request, lang, "recording.html", facts | {"playable": one["state"] in PLAYABLE})


def _search(given: dict[str, str]) -> RecordingSearch:
    """Raises `InvalidInput`."""
    return search_of(checked(RecordingFilters, given))


async def _found(request: Request, search: RecordingSearch, asked: QueryParams) -> dict[str, Any]:
    cursor = asked.get("cursor")
    after = read_cursor(cursor, search) if cursor else None
    items, end = await find_page(request.app.state.engine, search, after, SHOWN)
    return {"items": items, "next": write_cursor(end, search) if end else None}


def _page(request: Request, lang: str | None, template: str, facts: dict[str, Any]) -> HTMLResponse:
    texts = labels(lang or preferred(request.headers.get("accept-language", "")))
    facts |= {"texts": texts, "languages": LANGUAGES, "pending": PENDING, "playable_states": PLAYABLE}
    fault = facts.get("fault")
    if fault is not None:
        facts["fault"] = faults.in_words(fault, texts, FORMS[template])
    html = pages.get_template(template).render(facts)
    status = 422 if fault else 200
    return HTMLResponse(html, status, {**HEADERS, "Content-Language": texts.language})
