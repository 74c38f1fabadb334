"""/v1/schedule: what holds at an instant and why, the month, and what administrators change."""

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from callcenter import clock
from callcenter.calls.model import Line, Service
from callcenter.errors import InvalidInput
from callcenter.http.auth import Changer
from callcenter.http.encoding import json_answer
from callcenter.http.instants import parse_instant
from callcenter.http.openapi import problems
from callcenter.schedule import changes, repository, schemas
from callcenter.schedule.calendar_store import read_calendar
from callcenter.schedule.hours import service_at
from callcenter.schedule.model import OpeningHours
from callcenter.schedule.month import day_facts, day_with_spans, days_of_month, midnight, read_month
from callcenter.schedule.wording import clock_time, read_day, read_minutes
from callcenter.storage.reading import reading, writing

router = APIRouter(tags=["schedule"])
READ, CHANGE, GONE = problems(401, 422, 503), problems(401, 403, 422, 503), problems(401, 403, 404, 422, 503)
Id = Annotated[int, Path(ge=1, le=changes.LARGEST_ID)]
Day = Annotated[str, Path(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", examples=["2026-10-10"])]


@router.get("/v1/schedule", summary="Explain an instant", response_model=schemas.ScheduleView, responses=READ)
async def get_schedule(
    request: Request,
    at: Annotated[str | None, Query(max_length=40, description="an instant; now when left out")] = None,
    line: Annotated[Line | None, Query(description="both when left out")] = None,
) -> Response:
    """Whether each line takes calls at an instant, why, until when, and when it opens next."""
    moment = parse_instant(at, "query.at") if at is not None else clock.now()
    async with reading(request.app.state.engine) as connection:
        facts = await repository.read_facts(connection, moment)
    lines = [{"line": each} | asdict(service_at(each, moment, facts)) for each in ([line] if line else Line)]
    return json_answer({"at": moment, "zone": clock.LOCAL_ZONE.key, "lines": lines})


@router.get("/v1/schedule/month", summary="Show a month", response_model=schemas.MonthView, responses=READ)
async def get_month(
    request: Request,
    month: Annotated[str, Query(max_length=7, examples=["2026-10"])],
    line: Annotated[Line, Query()] = Line.HOTLINE,
) -> Response:
    """Each day of a month: what it is, who says so, and when the line takes calls."""
    first = read_month(month)
    async with reading(request.app.state.engine) as connection:
        facts = await repository.read_facts(connection, midnight(first))
    days = [day_with_spans(line, day, facts) for day in days_of_month(first)]
    return json_answer({"month": month, "line": line, "days": days})


@router.get("/v1/schedule/days/{day}", summary="Show a day", response_model=schemas.DayView, responses=READ)
async def get_day(request: Request, day: Day) -> Response:
    """What a day is: workday, weekend, holiday or make-up workday, and who says so."""
    wanted = _day(day)
    async with reading(request.app.state.engine) as connection:
        return json_answer(day_facts(wanted, await read_calendar(connection)))


@router.put("/v1/schedule/days/{day}", summary="Set a day by hand", response_model=schemas.DayView, responses=CHANGE)
async def put_day(request: Request, day: Day, change: schemas.DayChange, changer: Changer) -> Response:
    """A person's word for one day: it beats every list until it is taken back."""
    wanted = _day(day)
    async with writing(request.app.state.engine) as connection:
        await changes.set_day(connection, wanted, change.name, is_off=change.is_off, made_by=changer)
        return json_answer(day_facts(wanted, await read_calendar(connection)))


@router.delete("/v1/schedule/days/{day}", summary="Take a day's word back", status_code=204, responses=GONE)
async def delete_day(request: Request, day: Day, changer: Changer) -> Response:
    """The lists decide again."""
    async with writing(request.app.state.engine) as connection:
        await changes.clear_day(connection, _day(day), changer)
    return Response(status_code=204)


@router.get("/v1/schedule/hours", summary="List the hours", response_model=schemas.HoursList, responses=READ)
async def list_hours(request: Request) -> Response:
    """Every span of hours that was not removed."""
    async with reading(request.app.state.engine) as connection:
        return json_answer({"items": [_hours(each) for each in await repository.read_hours(connection)]})


@router.post("/v1/schedule/hours", summary="Add hours", status_code=201, response_model=schemas.Made, responses=CHANGE)
async def post_hours(request: Request, change: schemas.HoursChange, changer: Changer) -> Response:
    """Add a span; several a day are allowed."""
    times = read_minutes("opens", change.opens), read_minutes("closes", change.closes)
    term: dict[str, Any] = {"valid_from": change.valid_from, "valid_until": change.valid_until}
    async with writing(request.app.state.engine) as connection:
        number = await changes.add_hours(connection, change.line, change.weekdays, *times, **term, made_by=changer)
    return json_answer({"id": number}, 201)


@router.get("/v1/schedule/overrides", summary="List overrides", response_model=schemas.OverrideList, responses=READ)
async def list_overrides(request: Request) -> Response:
    """Those that hold or are to come."""
    async with reading(request.app.state.engine) as connection:
        return json_answer({"items": list(await repository.current_overrides(connection, clock.now()))})


@router.post(
    "/v1/schedule/overrides", summary="Override the hours", status_code=201, response_model=schemas.Made,
    responses=CHANGE,
)  # fmt: skip
async def post_override(request: Request, change: schemas.OverrideChange, changer: Changer) -> Response:
    """Open or close a line from now on."""
    moment, until = clock.now(), parse_instant(change.until, "until")
    if until <= moment or change.mode is Service.DUTY:
        raise InvalidInput(where="until, mode", what="past, or duty", mend="name a later instant; open or closed")
    times = {"starts_at": moment, "until": until}
    async with writing(request.app.state.engine) as connection:
        number = await repository.add_override(
            connection, change.line, change.mode, **times, reason=change.reason, made_by=changer
        )
    return json_answer({"id": number}, 201)


@router.get("/v1/schedule/duties", summary="List duty periods", response_model=schemas.DutyList, responses=READ)
async def list_duties(request: Request) -> Response:
    """Those that hold or are to come."""
    async with reading(request.app.state.engine) as connection:
        return json_answer({"items": list(await repository.current_duties(connection, clock.now()))})


@router.post(
    "/v1/schedule/duties", summary="Add a duty period", status_code=201, response_model=schemas.Made, responses=CHANGE
)
async def post_duty(request: Request, change: schemas.DutyChange, changer: Changer) -> Response:
    """Open a line outside its hours for staffed duty."""
    span: dict[str, Any] = {
        "starts_at": parse_instant(change.starts_at, "starts_at"),
        "until": parse_instant(change.until, "until"),
    }
    texts: dict[str, Any] = {"reason": change.reason, "staff": change.staff, "made_by": changer}
    async with writing(request.app.state.engine) as connection:
        number = await changes.add_duty(connection, change.line, change.name, **span, **texts)
    return json_answer({"id": number}, 201)


@router.delete("/v1/schedule/hours/{number}", summary="Remove hours", status_code=204, responses=GONE)
async def delete_hours(request: Request, number: Id, changer: Changer) -> Response:
    """They hold no more; they stay on record."""
    return await _withdraw(request, "hours", number, changer)


@router.delete("/v1/schedule/overrides/{number}", summary="Withdraw an override", status_code=204, responses=GONE)
async def delete_override(request: Request, number: Id, changer: Changer) -> Response:
    """It ends now; it stays on record."""
    return await _withdraw(request, "override", number, changer)


@router.delete("/v1/schedule/duties/{number}", summary="End a duty period", status_code=204, responses=GONE)
async def delete_duty(request: Request, number: Id, changer: Changer) -> Response:
    """It ends now; it stays on record."""
    return await _withdraw(request, "duty", number, changer)


async def _withdraw(request: Request, kind: str, number: int, changer: str) -> Response:
    async with writing(request.app.state.engine) as connection:
        await changes.withdraw(connection, kind, number, clock.now(), changer)
    return Response(status_code=204)


def _day(text: str) -> date:
    return read_day("path.day", text)


def _hours(each: OpeningHours) -> dict[str, Any]:
    shown = {"weekdays": sorted(each.weekdays), "opens": clock_time(each.opens), "closes": clock_time(each.closes)}
    return asdict(each) | shown
