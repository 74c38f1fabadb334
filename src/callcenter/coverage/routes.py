"""GET /v1/coverage."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from callcenter import clock
from callcenter.coverage.asking import parse_period
from callcenter.coverage.reading import coverage_object
from callcenter.coverage.schemas import CoverageView
from callcenter.http.encoding import json_answer
from callcenter.http.openapi import problems
from callcenter.storage.reading import reading

router = APIRouter(tags=["reports"])

PBX_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$"


@router.get(
    "/v1/coverage", summary="Ask what was observed", response_model=CoverageView, responses=problems(401, 422, 503)
)
async def coverage(
    request: Request,
    since: Annotated[
        str | None, Query(alias="from", description="day or instant; a day before `until` when left out",
                          examples=["2026-11-22"])
    ] = None,
    until: Annotated[str | None, Query(description="day or instant, exclusive; now when left out")] = None,
    pbx: Annotated[str | None, Query(pattern=PBX_PATTERN, description="all when left out")] = None,
) -> Response:  # fmt: skip
    """Per PBX: when a source of facts was not observed, why, whether the journal filled it, and whether it adds up."""
    moment = clock.now()
    begin, end = parse_period(since, until, moment)
    async with reading(request.app.state.engine, snapshot=True) as connection:
        return json_answer(await coverage_object(connection, begin, end, moment, pbx))
