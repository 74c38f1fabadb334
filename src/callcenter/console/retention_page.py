"""Retention as pages: terms, what would go on a day (when asked), holds, what went. They work without a script."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from callcenter import clock
from callcenter.catalogue.labels import LANGUAGES, labels, preferred
from callcenter.console import faults
from callcenter.console.forms import checked, read_form
from callcenter.console.recordings_page import recording_page
from callcenter.console.routes import HEADERS, Language, pages
from callcenter.errors import CallcenterError, InvalidInput, NotFound
from callcenter.http.auth import Changer
from callcenter.retention import hold_repository, repository
from callcenter.retention.dry_run import DryRun, page, summary
from callcenter.retention.hold_repository import HoldSearch, NewHold
from callcenter.retention.model import Kind, Policy, Why
from callcenter.retention.numbered import MOST, before, numbered
from callcenter.retention.schemas import Ending, NewHoldBody, NewTerm
from callcenter.retention.verdicts import checked_day, local_day
from callcenter.storage.reading import reading, writing

router = APIRouter(include_in_schema=False)

GOING_SHOWN, HOLDS_SHOWN, PROTOCOLS_SHOWN = 20, 30, 30
STANDING = HoldSearch(standing=True)
HOLD_FIELDS = ("recording_id", "why", "note", "reference")
Number = Annotated[int, Path(ge=1, le=MOST)]
Asked = Annotated[str, Query(max_length=60)]


@router.get("/retention")
async def retention(
    request: Request, lang: Language = None, day: Asked = "", try_kind: Asked = "", try_days: Asked = "",
    cursor: Annotated[str | None, Query(max_length=400)] = None,
) -> HTMLResponse:  # fmt: skip
    """Everything at a glance. A faulty day or term to try is told on the page."""
    try:
        return await _page(request, lang, _asked(day.strip(), try_kind, try_days.strip()), before(cursor, STANDING))
    except InvalidInput as error:
        return await _page(request, lang, None, None, error)


@router.get("/retention/protocols/{number}")
async def protocol(request: Request, number: Number, lang: Language = None) -> HTMLResponse:
    """One protocol with its recordings. Raises `NotFound`."""
    async with reading(request.app.state.engine) as connection:
        found = await repository.find_protocol(connection, number)
    items = [{**item, "entry": orjson.loads(item["entry"])} for item in found["items"]]
    return _rendered(request, lang, "protocol.html", {"one": found | {"items": items}})


@router.post("/retention/policies")
async def set_term(request: Request, by: Changer, lang: Language = None) -> Response:
    """The form of a term."""
    try:
        given = await read_form(request, ("kind", "keep_days", "reference"))
        kind, term = _kind(given.pop("kind")), checked(NewTerm, given)
        async with writing(request.app.state.engine) as connection:
            await repository.set_policy(connection, Policy(kind, term.keep_days), term.reference, by)
    except InvalidInput as error:
        return await _page(request, lang, None, None, error)
    return _back("/retention", lang)


@router.post("/retention/policies/{kind}/end")
async def end_term(request: Request, kind: Kind, by: Changer, lang: Language = None) -> Response:
    """The button beside a term."""
    try:
        ending = checked(Ending, await read_form(request, ("reason",)))
        async with writing(request.app.state.engine) as connection:
            await repository.end_policy(connection, kind, by, ending.reason)
    except (InvalidInput, NotFound) as error:
        return await _page(request, lang, None, None, error)
    return _back("/retention", lang)


@router.post("/retention/holds")
async def place(request: Request, by: Changer, lang: Language = None) -> Response:
    """The form of a hold: a recording by its id, or by its page's address."""
    try:
        given = await read_form(request, HOLD_FIELDS)
        given["recording_id"] = given["recording_id"].partition("?")[0].rpartition("/")[2]
        await _hold(request, given, by)
    except (InvalidInput, NotFound) as error:
        return await _page(request, lang, None, None, error)
    return _back("/retention", lang)


@router.post("/retention/holds/{number}/lift")
async def lift(request: Request, number: Number, by: Changer, lang: Language = None) -> Response:
    """The button beside a hold."""
    try:
        await _lift(request, number, by)
    except (InvalidInput, NotFound) as error:
        return await _page(request, lang, None, None, error)
    return _back("/retention", lang)


@router.post("/recordings/{recording_id}/holds")
async def place_here(request: Request, recording_id: UUID, by: Changer, lang: Language = None) -> Response:
    """The form on a recording's own page."""
    try:
        given = await read_form(request, HOLD_FIELDS)
        await _hold(request, given | {"recording_id": str(recording_id)}, by)
    except InvalidInput as error:
        return await recording_page(request, recording_id, lang, error)
    return _back(f"/recordings/{recording_id}", lang)


@router.post("/recordings/{recording_id}/holds/{number}/lift")
async def lift_here(
    request: Request, recording_id: UUID, number: Number, by: Changer, lang: Language = None
) -> Response:
    """The button on a recording's own page."""
    try:
        await _lift(request, number, by)
    except (InvalidInput, NotFound) as error:
        return await recording_page(request, recording_id, lang, error)
    return _back(f"/recordings/{recording_id}", lang)


async def _hold(request: Request, given: dict[str, str], by: str) -> None:
    body = checked(NewHoldBody, given)
    assert body.recording_id is not None
    async with writing(request.app.state.engine) as connection:
        new = NewHold(body.why, body.note, body.reference)
        await hold_repository.hold(connection, body.recording_id, new, by)


async def _lift(request: Request, number: int, by: str) -> None:
    ending = checked(Ending, await read_form(request, ("reason",)))
    async with writing(request.app.state.engine) as connection:
        await hold_repository.release(connection, number, by, ending.reason)


def _asked(day: str, try_kind: str, try_days: str) -> DryRun | None:
    """None: nobody asked. A dry run reads every recording that is kept, seconds of a million.

    Raises `InvalidInput`.
    """
    if not (day or try_kind or try_days):
        return None
    today, trial = local_day(clock.now()), None
    if try_kind or try_days:
        term = checked(NewTerm, {"keep_days": try_days, "reference": "trial"})
        trial = Policy(_kind(try_kind), term.keep_days)
    try:
        chosen = date.fromisoformat(day) if day else today
    except ValueError:
        raise InvalidInput(where="day", what=f"{day[:40]!r} is no day", mend="write 2026-12-31") from None
    return DryRun(checked_day(chosen, today, "day"), trial)


def _kind(text: str) -> Kind:
    try:
        return Kind(text)
    except ValueError:
        raise InvalidInput(where="kind", what=f"{text[:40]!r} is none", mend="choose one of the list") from None


async def _page(
    request: Request, lang: str | None, asked: DryRun | None, under: int | None, fault: CallcenterError | None = None
) -> HTMLResponse:
    async with reading(request.app.state.engine, snapshot=True) as connection:
        policies = await repository.list_policies(connection)
        holds = await hold_repository.list_holds(connection, STANDING, HOLDS_SHOWN + 1, under)
        counts = await hold_repository.count_standing(connection)
        lines = await summary(connection, asked) if asked else []
        going, more = await page(connection, asked, None, GOING_SHOWN) if asked else ([], None)
        protocols = await repository.list_protocols(connection, PROTOCOLS_SHOWN + 1)
    facts: dict[str, Any] = {"asked": asked, "policies": policies, "counts": counts, "lines": lines, "going": going}
    facts |= {
        "day": asked.day if asked else local_day(clock.now()),
        "more": more is not None,
        "holds": numbered(holds, HOLDS_SHOWN, STANDING),
        "protocols": protocols[:PROTOCOLS_SHOWN],
    }
    facts |= {"older": len(protocols) > PROTOCOLS_SHOWN, "kinds": list(Kind), "fault": fault}
    status = 404 if isinstance(fault, NotFound) else 422 if fault else 200
    return _rendered(request, lang, "retention.html", facts, status)


def _rendered(
    request: Request, lang: str | None, template: str, facts: dict[str, Any], status: int = 200
) -> HTMLResponse:
    texts = labels(lang or preferred(request.headers.get("accept-language", "")))
    if fault := facts.get("fault"):
        facts["fault"] = faults.in_words(fault, texts, "retention")
    facts |= {"texts": texts, "languages": LANGUAGES, "whys": list(Why), "may_change": request.state.key_may_change}
    html = pages.get_template(template).render(facts)
    return HTMLResponse(html, status, {**HEADERS, "Content-Language": texts.language})


def _back(path: str, lang: str | None) -> Response:
    return RedirectResponse(f"{path}?lang={lang}" if lang else path, 303, HEADERS)
