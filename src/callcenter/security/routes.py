"""GET /v1/security/events and /v1/security/blocked; DELETE lifts a block."""

from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from callcenter import clock
from callcenter.http.auth import Changer
from callcenter.http.openapi import problems
from callcenter.security.repository import lift_block, list_blocked, list_events
from callcenter.security.schemas import BlockedListView, EventsView
from callcenter.storage.reading import reading, writing

router = APIRouter(tags=["security"])

IpAddress = IPv4Address | IPv6Address
LARGEST_ID = 2**63 - 1


@router.get(
    "/v1/security/events", summary="List security events", response_model=EventsView, responses=problems(401, 422, 503)
)
async def get_events(
    request: Request,
    address: Annotated[IpAddress | None, Query(description="from this address only")] = None,
    before: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """Failed and successful authentications that Asterisk reported, the latest first; kept for six months."""
    async with reading(request.app.state.engine) as connection:
        wanted = None if address is None else str(address)
        rows = await list_events(connection, address=wanted, before=before, limit=limit)
    return {"items": rows, "next": rows[-1]["id"] if len(rows) == limit else None}


@router.get(
    "/v1/security/blocked", summary="List blocked addresses", response_model=BlockedListView,
    responses=problems(401, 422, 503),
)  # fmt: skip
async def get_blocked(request: Request) -> dict[str, Any]:
    """Addresses that guessed passwords and are not listened to for an hour."""
    async with reading(request.app.state.engine) as connection:
        return {"items": await list_blocked(connection, clock.now())}


@router.delete(
    "/v1/security/blocked/{address}", summary="Lift a block", status_code=204,
    responses=problems(401, 403, 404, 422, 503),
)  # fmt: skip
async def delete_blocked(request: Request, address: IpAddress, by: Changer) -> None:
    """Listen to an address again, within seconds; who lifted it is kept."""
    async with writing(request.app.state.engine) as connection:
        await lift_block(connection, str(address), by, clock.now())
