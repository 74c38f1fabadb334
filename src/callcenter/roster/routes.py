"""/v1/roster: shifts, who is on duty now, the hand-over log."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from callcenter import clock
from callcenter.http.auth import Changer
from callcenter.http.encoding import json_answer
from callcenter.http.instants import parse_instant
from callcenter.http.openapi import problems
from callcenter.roster.chain import LOOK_AHEAD, gaps, shift_at
from callcenter.roster.model import HandOver, Shift, Step
from callcenter.roster.repository import (
    add_hand_over,
    add_shifts,
    find_shifts,
    list_hand_overs,
    read_roster,
    withdraw_shift,
)
from callcenter.roster.schemas import (
    DutyNow,
    HandOverList,
    HandOverView,
    NewHandOver,
    NewShift,
    ShiftList,
    ShiftView,
)
from callcenter.storage.reading import reading, writing

router = APIRouter(tags=["roster"])

AHEAD = timedelta(days=31)
Instant = Annotated[str | None, Query(max_length=40, examples=["2026-11-24", "2026-11-24T17:00"])]
ShiftId = Annotated[int, Path(ge=1, le=2**62)]


@router.get(
    "/v1/roster/shifts", summary="List duty shifts", response_model=ShiftList, responses=problems(401, 422, 503)
)
async def list_shifts(
    request: Request, since: Annotated[Instant, Query(alias="from")] = None, until: Instant = None
) -> Response:
    """Shifts that touch [from, until): from now on for 31 days when left out."""
    begins = parse_instant(since, "query.from") if since is not None else clock.now()
    ends = parse_instant(until, "query.until") if until is not None else begins + AHEAD
    async with reading(request.app.state.engine) as connection:
        shifts = await find_shifts(connection, begins, ends)
    return json_answer({"items": [_shown(shift) for shift in shifts]})


@router.post(
    "/v1/roster/shifts", summary="Enter a duty shift", status_code=201, response_model=ShiftView,
    responses=problems(401, 403, 422, 503),
)  # fmt: skip
async def add_shift(request: Request, given: NewShift, by: Changer) -> Response:
    """Enter a shift; one that overlaps another is refused. It is in Asterisk within a second."""
    steps = tuple(Step(tuple(step.members), step.seconds) for step in given.steps)
    shift = Shift(0, given.starts_at.astimezone(UTC), given.until.astimezone(UTC), steps, given.note, by)
    async with writing(request.app.state.engine) as connection:
        (added,) = await add_shifts(connection, [shift], request.app.state.phones, clock.now())
    return json_answer(_shown(added), 201)


@router.delete(
    "/v1/roster/shifts/{shift_id}", summary="Withdraw a duty shift", response_model=ShiftView,
    responses=problems(401, 403, 404, 422, 503),
)  # fmt: skip
async def remove_shift(request: Request, shift_id: ShiftId, by: Changer) -> Response:
    """Take back a shift that is not over; it stays on record."""
    async with writing(request.app.state.engine) as connection:
        gone = await withdraw_shift(connection, shift_id, by, clock.now())
    return json_answer(_shown(gone))


@router.get("/v1/roster/now", summary="Who is on duty", response_model=DutyNow, responses=problems(401, 422, 503))
async def duty_now(request: Request, at: Instant = None) -> Response:
    """The chain that an emergency call rings now, or at an instant, and the next 24 hours' gaps."""
    moment = parse_instant(at, "query.at") if at is not None else clock.now()
    async with reading(request.app.state.engine) as connection:
        shifts = await read_roster(connection, moment)
    return json_answer(duty_at(shifts, moment, request.app.state.emergency_fallback))


@router.get(
    "/v1/roster/hand-overs", summary="Read the hand-over log", response_model=HandOverList,
    responses=problems(401, 422, 503),
)  # fmt: skip
async def hand_overs(request: Request) -> Response:
    """The latest hand-overs, newest first."""
    async with reading(request.app.state.engine) as connection:
        rows = await list_hand_overs(connection)
    return json_answer({"items": [{str(k): v for k, v in row.items()} for row in rows]})


@router.post(
    "/v1/roster/hand-overs", summary="Hand over", status_code=201, response_model=HandOverView,
    responses=problems(401, 403, 422, 503),
)  # fmt: skip
async def hand_over(request: Request, given: NewHandOver, by: Changer) -> Response:
    """Write one line of the log: who, to whom, what happened, what is open."""
    said = HandOver(given.from_member, given.to_member, given.note, given.open_matters)
    async with writing(request.app.state.engine) as connection:
        row = await add_hand_over(connection, said, by)
    return json_answer({str(k): v for k, v in row.items()}, 201)


def duty_at(shifts: Sequence[Shift], moment: datetime, rendered: Sequence[Step]) -> dict[str, Any]:
    """Who is rung at `moment`: the shift's chain, or the one rendered into the dialplan."""
    shift = shift_at(shifts, moment)
    found = gaps(shifts, moment, moment + LOOK_AHEAD) if shifts else ()
    return {
        "at": moment,
        "source": "roster" if shift else "fallback",
        "shift": _shown(shift) if shift else None,
        "steps": [asdict(step) for step in (shift.steps if shift else rendered)],
        "gaps": [asdict(gap) for gap in found],
    }


def _shown(shift: Shift) -> dict[str, Any]:
    facts = asdict(shift)
    del facts["withdrawn_at"]
    return facts
