"""GET /v1/alerts, and taking one up."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from callcenter.alerts import repository
from callcenter.alerts.schemas import AlertList, AlertView
from callcenter.http.auth import Changer
from callcenter.http.openapi import problems
from callcenter.storage.reading import reading, writing

router = APIRouter(tags=["alerts"])


@router.get("/v1/alerts", summary="List alerts", response_model=AlertList, responses=problems(401, 422, 503))
async def list_alerts(
    request: Request,
    standing: Annotated[bool, Query(description="only those that are not over; false: the latest 200 of all")] = True,
) -> dict[str, Any]:
    """What somebody must know of, the latest first."""
    async with reading(request.app.state.engine) as connection:
        return {"items": await repository.list_alerts(connection, standing=standing)}


@router.post(
    "/v1/alerts/{alert_id}/acknowledge", summary="Take up an alert", response_model=AlertView,
    responses=problems(401, 403, 404, 422, 503),
)  # fmt: skip
async def acknowledge(request: Request, alert_id: Annotated[int, Path(ge=1, le=2**63 - 1)], by: Changer) -> Any:
    """Say that somebody looks after it; it stands until it is over. The first to say so is kept."""
    async with writing(request.app.state.engine) as connection:
        return await repository.acknowledge(connection, alert_id, by)
