"""/v1/retention: how long recordings are kept, what would go on a day, what went."""

from datetime import date
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from callcenter import clock
from callcenter.errors import InvalidInput
from callcenter.http.auth import Changer
from callcenter.http.encoding import json_answer
from callcenter.http.instants import parse_instant
from callcenter.http.openapi import problems
from callcenter.http.paging import read_cursor, write_cursor
from callcenter.retention import repository
from callcenter.retention.dry_run import DryRun, Line, page, summary
from callcenter.retention.model import LEAST_DAYS, MOST_DAYS, Kind, Policy
from callcenter.retention.numbered import MOST, before, numbered
from callcenter.retention.repository import ProtocolSearch
from callcenter.retention.schemas import (
    Action,
    DryRunLine,
    DryRunView,
    Ending,
    GoingPage,
    NewTerm,
    ProtocolDetail,
    ProtocolPage,
    TermList,
    TermView,
)
from callcenter.retention.verdicts import Judged, checked_day, local_day
from callcenter.storage.reading import reading, writing

router = APIRouter(tags=["retention"])

READ = problems(401, 422, 503)
Limit = Annotated[int, Query(ge=1, le=1000)]
Cursor = Annotated[str | None, Query(max_length=400, description="`next` of the page before, with the same filters")]
Number = Annotated[int, Path(ge=1, le=MOST)]
Instant = Annotated[str | None, Query(max_length=40, examples=["2026-11-23"])]
TRIAL = "a kind and `try_days` together: as if that were its term, in force already"


@router.get("/v1/retention/policies", summary="List terms", response_model=TermList, responses=READ)
async def list_policies(request: Request) -> Response:
    """All that ever were, those in force first: who set or ended each, when, on what grounds."""
    async with reading(request.app.state.engine) as connection:
        return json_answer({"items": await repository.list_policies(connection)})


@router.put(
    "/v1/retention/policies/{kind}", summary="Set a term", response_model=TermView,
    responses=problems(401, 403, 422, 503),
)  # fmt: skip
async def set_policy(request: Request, kind: Kind, given: NewTerm, by: Changer) -> Response:
    """The term before it ends at once; this one is carried out from `acts_on` on. Until then the dry run of that day
    shows what it will do, and nothing of its kind goes."""
    policy = Policy(kind, given.keep_days)
    async with writing(request.app.state.engine) as connection:
        return json_answer(await repository.set_policy(connection, policy, given.reference.strip(), by))


@router.post(
    "/v1/retention/policies/{kind}/end", summary="Withdraw a term", response_model=TermView,
    responses=problems(401, 403, 404, 422, 503),
)  # fmt: skip
async def end_policy(request: Request, kind: Kind, given: Ending, by: Changer) -> Response:
    """Nothing of that kind goes by age any more, from now on."""
    async with writing(request.app.state.engine) as connection:
        return json_answer(await repository.end_policy(connection, kind, by, given.reason.strip()))


async def asked_run(
    day: Annotated[date | None, Query(description="local, today or later; today when left out")] = None,
    try_kind: Annotated[Kind | None, Query(description=TRIAL)] = None,
    try_days: Annotated[int | None, Query(ge=LEAST_DAYS, le=MOST_DAYS)] = None,
) -> DryRun:
    """Raises `InvalidInput`."""
    today = local_day(clock.now())
    if (try_kind is None) != (try_days is None):
        raise InvalidInput(where="query.try_kind", what="one of two is missing", mend="send try_kind and try_days")
    trial = Policy(try_kind, try_days) if try_kind is not None and try_days is not None else None
    return DryRun(checked_day(day or today, today, "query.day"), trial)


Asked = Annotated[DryRun, Depends(asked_run)]


@router.get("/v1/retention/dry-run", summary="What would go", response_model=DryRunView, responses=READ)
async def dry_run(request: Request, asked: Asked) -> Response:
    """By kind of call, action and reason: how many recordings, how long, how large. Changes nothing. For a day to come
    it is what holds and terms of now would do by then."""
    async with reading(request.app.state.engine, snapshot=True) as connection:
        lines = await summary(connection, asked)
    return json_answer({"day": asked.day, "lines": [_line(line) for line in lines]})


@router.get("/v1/retention/dry-run/recordings", summary="Which would go", response_model=GoingPage, responses=READ)
async def dry_run_recordings(
    request: Request, asked: Asked, action: Action | None = None, kind: Kind | None = None,
    limit: Limit = 100, cursor: Cursor = None,
) -> Response:  # fmt: skip
    """The recordings themselves, those of the earliest calls first."""
    search = DryRun(asked.day, asked.trial, action, kind)
    after = read_cursor(cursor, search) if cursor is not None else None
    async with reading(request.app.state.engine) as connection:
        found, end = await page(connection, search, after, limit)
    items = [_going(each) for each in found]
    return json_answer({"items": items, "next": write_cursor(end, search) if end else None})


@router.get("/v1/retention/protocols", summary="What went", response_model=ProtocolPage, responses=READ)
async def list_protocols(
    request: Request,
    since: Annotated[Instant, Query(alias="from")] = None,
    until: Instant = None,
    day: Annotated[date | None, Query(description="of the calls")] = None,
    action: Action | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Protocols, the latest first; `from` and `until` are of when it was done."""
    search = ProtocolSearch(
        parse_instant(since, "query.from") if since is not None else None,
        parse_instant(until, "query.until") if until is not None else None,
        day, action,
    )  # fmt: skip
    async with reading(request.app.state.engine) as connection:
        rows = await repository.list_protocols(connection, limit + 1, search, before(cursor, search))
    return json_answer(numbered(rows, limit, search))


@router.get(
    "/v1/retention/protocols/{number}",
    summary="Get one protocol",
    response_model=ProtocolDetail,
    responses=problems(401, 404, 422, 503),
)
async def get_protocol(request: Request, number: Number) -> Response:
    """With each recording, as the hash chain holds it."""
    async with reading(request.app.state.engine) as connection:
        found = await repository.find_protocol(connection, number)
    items = [{**item, "entry": orjson.loads(item["entry"])} for item in found["items"]]
    return json_answer({**found, "items": items})


def _line(line: Line) -> dict[str, Any]:
    return {name: getattr(line, name) for name in DryRunLine.model_fields}


def _going(each: Judged) -> dict[str, Any]:
    row = each.row
    facts = {"recording_id": row.id, "kind": each.kind, "action": each.verdict.action, "why": each.verdict.why}
    names = ("call_id", "pbx", "started_at", "seconds", "bytes")
    return facts | {"day": each.day} | {name: getattr(row, name) for name in names}
