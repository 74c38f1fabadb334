"""The console: one page, rendered here, kept live by one script of our own."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from callcenter import clock
from callcenter.calls.printing import duration, local_time
from callcenter.calls.repository import find_page
from callcenter.calls.search import CallSearch, parse_number
from callcenter.catalogue.labels import LANGUAGES, Labels, labels, preferred
from callcenter.console import faults
from callcenter.console.causes import in_words
from callcenter.coverage.period import cover
from callcenter.coverage.reading import read_period
from callcenter.errors import InvalidInput
from callcenter.http.paging import read_cursor, write_cursor
from callcenter.reports.grounds import coverage_lines
from callcenter.storage.reading import reading

router = APIRouter(include_in_schema=False)

SHOWN = 30

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; media-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with no-referrer our own forms come from nowhere (`http.auth.from_own_pages`)
    "Cache-Control": "no-store",
}

pages = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
)


def iso_local(text: str) -> str:
    """An instant in ISO form, as it stands in a recording's life, on the hotline's wall clock."""
    return local_time(datetime.fromisoformat(text))


pages.filters.update(duration=duration, local_time=local_time, iso_local=iso_local, cause=in_words)

Number = Annotated[str, Query(max_length=60)]
Cursor = Annotated[str | None, Query(max_length=400)]
Language = Annotated[Literal["zh", "en"] | None, Query()]


@router.get("/")
async def desk(request: Request, number: Number = "", cursor: Cursor = None, lang: Language = None) -> HTMLResponse:
    """Queues and agents live, the latest calls with their recordings."""
    return await _page(request, "desk.html", number, cursor, lang)


@router.get("/calls")
async def calls(request: Request, number: Number = "", cursor: Cursor = None, lang: Language = None) -> HTMLResponse:
    """The table of calls alone, for the script to put in."""
    return await _page(request, "calls.html", number, cursor, lang)


async def _page(request: Request, template: str, number: str, cursor: str | None, lang: str | None) -> HTMLResponse:
    texts = labels(lang or preferred(request.headers.get("accept-language", "")))
    facts = {"texts": texts, "languages": LANGUAGES, "number": number, "script_texts": _script_texts(texts)}
    facts |= await _found(request, number.strip(), cursor, texts)
    facts["missing"] = await _missing(request, texts) if template == "desk.html" else ()
    status = 422 if facts["fault"] else 200
    html = pages.get_template(template).render(facts)
    return HTMLResponse(html, status, {**HEADERS, "Content-Language": texts.language})


async def _found(request: Request, number: str, cursor: str | None, texts: Labels) -> dict[str, Any]:
    try:
        search = CallSearch(number=parse_number(number) if number else None)
        after = read_cursor(cursor, search) if cursor else None
    except InvalidInput as error:
        return {"items": [], "next": None, "paged": False, "fault": faults.in_words(error, texts)}
    items, end = await find_page(request.app.state.engine, search, after, SHOWN)
    following = write_cursor(end, search) if end else None
    return {"items": items, "next": following, "paged": after is not None, "fault": None}


async def _missing(request: Request, texts: Labels) -> tuple[str, ...]:
    """What may be missing in the records of the last 24 hours; nothing when all is there."""
    moment = clock.now()
    since = moment - timedelta(days=1)
    async with reading(request.app.state.engine) as connection:
        watched, failed = await read_period(connection, since, moment)
    coverage = cover(watched, failed, since, moment, moment)
    return tuple(coverage_lines(coverage, texts)) if coverage.complete is False else ()


def _script_texts(texts: Labels) -> Mapping[str, Mapping[str, str]]:
    return {name: texts.section(name) for name in ("console", "states", "lines", "acts", "alerts")}
