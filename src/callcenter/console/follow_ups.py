"""The worklist as a page: who is due, how late, their voicemails played in place."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse

from callcenter.callbacks.follow_up_repository import FollowUpSearch, count_open, list_follow_ups
from callcenter.callbacks.model import FollowUpKind, FollowUpState
from callcenter.catalogue.labels import LANGUAGES, labels, preferred
from callcenter.clock import now
from callcenter.console.routes import HEADERS, Language, pages
from callcenter.storage.reading import reading

router = APIRouter(include_in_schema=False)

SHOWN = 200
SOON = timedelta(hours=1)
STANDING = (FollowUpState.OPEN, FollowUpState.TAKEN)
Kind = Annotated[FollowUpKind | None, Query()]
State = Annotated[Literal["open", "taken", "reached", "given_up"] | None, Query()]


@router.get("/follow-ups")
async def follow_ups(request: Request, kind: Kind = None, state: State = None, lang: Language = None) -> HTMLResponse:
    """What is open unless a state is asked for, the one due first first."""
    texts = labels(lang or preferred(request.headers.get("accept-language", "")))
    moment = now()
    rows, counts = await _read(request, kind, FollowUpState(state) if state else None, moment)
    facts: dict[str, Any] = {"texts": texts, "languages": LANGUAGES, "kinds": list(FollowUpKind), "kind": kind}
    facts |= {"items": [{**row, "urgency": urgency(row, moment)} for row in rows], "counts": counts}
    html = pages.get_template("follow_ups.html").render(facts)
    return HTMLResponse(html, headers={**HEADERS, "Content-Language": texts.language})


async def _read(
    request: Request, kind: FollowUpKind | None, state: FollowUpState | None, moment: datetime
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    async with reading(request.app.state.engine, snapshot=True) as connection:
        counts = await count_open(connection, moment, SOON)
        states = (state,) if state else STANDING
        found = [await list_follow_ups(connection, FollowUpSearch(each, kind), None, SHOWN) for each in states]
    rows = [row for each in found for row in each]
    return sorted(rows, key=lambda row: (row["due_at"], row["id"]))[:SHOWN], counts


def urgency(row: dict[str, Any], moment: datetime) -> str:
    """How the page colours an entry: overdue, soon, later, or done."""
    if row["state"] not in STANDING:
        return "done"
    if row["due_at"] <= moment:
        return "overdue"
    return "soon" if row["due_at"] <= moment + SOON else "later"
