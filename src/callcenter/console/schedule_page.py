"""The month page: each day, what it is, and when the hotline takes calls. Printable."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse

from callcenter import clock
from callcenter.calls.model import Line
from callcenter.catalogue.labels import LANGUAGES, labels, preferred
from callcenter.console.routes import HEADERS, pages
from callcenter.schedule.month import day_with_spans, days_of_month, midnight, read_month
from callcenter.schedule.repository import read_facts
from callcenter.storage.reading import reading

router = APIRouter(include_in_schema=False)

Language = Annotated[Literal["zh", "en"] | None, Query()]
Month = Annotated[str | None, Query(pattern=r"^(19[7-9][0-9]|2[0-9]{3})-(0[1-9]|1[0-2])$")]


@router.get("/schedule")
async def schedule(request: Request, month: Month = None, lang: Language = None) -> HTMLResponse:
    """The hotline's month, a week a row."""
    texts = labels(lang or preferred(request.headers.get("accept-language", "")))
    first = read_month(month or f"{clock.now().astimezone(clock.LOCAL_ZONE):%Y-%m}")
    async with reading(request.app.state.engine) as connection:
        facts = await read_facts(connection, midnight(first))
    days = [_shown(day_with_spans(Line.HOTLINE, day, facts)) for day in days_of_month(first)]
    turns = {"before": first - timedelta(days=1), "after": first + timedelta(days=31)}
    html = pages.get_template("schedule.html").render(
        texts=texts, languages=LANGUAGES, first=first, days=days, skipped=first.isoweekday() - 1, **turns
    )
    return HTMLResponse(html, headers={**HEADERS, "Content-Language": texts.language})


def _shown(day: dict[str, Any]) -> dict[str, Any]:
    """With spans as wall clock; an end at midnight is 24:00."""
    return day | {"shown": [(_times(span), span["mode"], span["reason"]) for span in day["spans"]]}


def _times(span: dict[str, Any]) -> str:
    begin, end = (span[name].astimezone(clock.LOCAL_ZONE) for name in ("from", "until"))
    return f"{begin:%H:%M}–{end:%H:%M}".replace("–00:00", "–24:00")
