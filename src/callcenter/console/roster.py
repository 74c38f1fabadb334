"""The page of the duty roster: who is on duty, the week, the hand-over log and its form. It works without a script."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from callcenter import clock
from callcenter.catalogue.labels import LANGUAGES, labels, preferred
from callcenter.clock import LOCAL_ZONE
from callcenter.console import faults
from callcenter.console.forms import read_form
from callcenter.console.routes import HEADERS, Language, pages
from callcenter.errors import InvalidInput
from callcenter.http.auth import Changer
from callcenter.roster.model import HandOver, Shift
from callcenter.roster.repository import add_hand_over, find_shifts, list_hand_overs, read_roster
from callcenter.roster.routes import duty_at
from callcenter.storage.reading import reading, writing

router = APIRouter(include_in_schema=False)

FIELDS = ("from_member", "to_member", "note", "open_matters")


@router.get("/roster")
async def roster_page(request: Request, lang: Language = None) -> HTMLResponse:
    """This week's shifts, who is on duty now, the latest hand-overs."""
    return await _page(request, lang, None)


@router.post("/roster/hand-overs")
async def hand_over(request: Request, by: Changer, lang: Language = None) -> Response:
    """Write a hand-over from the page's form. A faulty one is shown again with the reason."""
    try:
        given = HandOver(**await read_form(request, FIELDS))
        async with writing(request.app.state.engine) as connection:
            await add_hand_over(connection, given, by)
    except InvalidInput as error:
        return await _page(request, lang, error)
    return RedirectResponse(f"/roster?lang={lang}" if lang else "/roster", 303, HEADERS)


async def _page(request: Request, lang: str | None, fault: InvalidInput | None) -> HTMLResponse:
    texts = labels(lang or preferred(request.headers.get("accept-language", "")))
    moment = clock.now()
    days = week_of(moment)
    async with reading(request.app.state.engine) as connection:
        shifts = await read_roster(connection, moment)
        week = await find_shifts(connection, days[0], days[-1] + timedelta(days=1))
        log = await list_hand_overs(connection)
    now = duty_at(shifts, moment, request.app.state.emergency_fallback)
    facts: dict[str, Any] = {"texts": texts, "languages": LANGUAGES, "now": now, "log": log}
    facts["fault"] = faults.in_words(fault, texts, "roster") if fault else None
    html = pages.get_template("roster.html").render(facts | {"week": by_day(week, days), "today": moment})
    return HTMLResponse(html, 422 if fault else 200, {**HEADERS, "Content-Language": texts.language})


def week_of(moment: datetime) -> list[datetime]:
    """The local midnights of the week, Monday to Sunday."""
    today = moment.astimezone(LOCAL_ZONE).date()
    monday = today - timedelta(days=today.weekday())
    return [datetime.combine(monday + timedelta(days=n), time(), LOCAL_ZONE) for n in range(7)]


def by_day(shifts: Sequence[Shift], days: Sequence[datetime]) -> list[tuple[datetime, list[Shift]]]:
    """Each day with the shifts that touch it."""
    return [(day, [s for s in shifts if s.starts_at < day + timedelta(days=1) and s.until > day]) for day in days]
