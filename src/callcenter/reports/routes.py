"""GET /v1/reports/traffic."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response

from callcenter import clock
from callcenter.catalogue.labels import labels, preferred
from callcenter.http import spreadsheet
from callcenter.http.encoding import json_answer
from callcenter.http.openapi import problems
from callcenter.reports.periods import Period
from callcenter.reports.rendering import as_object, csv_rows
from callcenter.reports.schemas import RecordingsDay, TrafficView
from callcenter.reports.traffic import recordings_day, traffic

router = APIRouter(tags=["reports"])

RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The report",
        "content": {"text/csv": {"schema": {"type": "string"}, "example": "date,received,inbound\r\n"}},
    },
    **problems(401, 422, 500, 503),
}


@router.get("/v1/reports/traffic", summary="Report the traffic", response_model=TrafficView, responses=RESPONSES)
async def report_traffic(
    request: Request,
    period: Annotated[Period, Query(description="week: Monday to Sunday")] = Period.DAY,
    day: Annotated[
        date | None, Query(alias="date", description="a local day in the period; today when left out")
    ] = None,
    format: Annotated[Literal["json", "csv"] | None, Query(description="stronger than the Accept header")] = None,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
    accept_language: Annotated[str, Header(description="language of the labels: zh or en")] = "",
) -> Response:
    """Inbound, answered, loss rate and the ledger by day with a total. A report that does not balance is refused."""
    today = clock.now().astimezone(clock.LOCAL_ZONE).date()
    issued = await traffic(request.app.state.engine, period, day or today)
    if format == "csv" or (format is None and "text/csv" in accept):
        body = spreadsheet.BOM.encode() + spreadsheet.lines(csv_rows(issued))
        name = f'attachment; filename="traffic-{period}-{issued.report.since}.csv"'
        return Response(body, headers={"Content-Disposition": name}, media_type=spreadsheet.MEDIA_TYPE)
    language = preferred(accept_language)
    return json_answer(as_object(issued, period, labels(language)), Content_Language=language)


@router.get(
    "/v1/reports/recordings", summary="Report a day's recordings", response_model=RecordingsDay,
    responses=problems(401, 422, 503),
)  # fmt: skip
async def report_recordings(
    request: Request,
    day: Annotated[date | None, Query(alias="date", description="a local day; today when left out")] = None,
    limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
) -> Response:
    """Is every call on record? The day's count, and each recording that is flagged, missing or not made yet."""
    chosen = day or clock.now().astimezone(clock.LOCAL_ZONE).date()
    return json_answer(await recordings_day(request.app.state.engine, chosen, limit))
