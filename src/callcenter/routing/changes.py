"""What people change of routing: checked, then stored; the control loop hears of it at the commit."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.agents import repository
from callcenter.agents.desired import PLAIN_NUMBER
from callcenter.agents.model import QUEUES, Members
from callcenter.errors import InvalidInput, NotFound


async def block(
    connection: AsyncConnection, number: str, until: datetime | None, moment: datetime, *, reason: str, made_by: str
) -> RowMapping:
    """Refuse a number on the hotline. Raises `InvalidInput` for what is no number, or a term that is over."""
    if not PLAIN_NUMBER.fullmatch(number):
        raise InvalidInput(where=f"number {number[:40]!r}", what="is no number", mend="write 2 to 20 digits")
    if until is not None and (until.tzinfo is None or until <= moment):
        raise InvalidInput(where="until", what="lies in the past or has no zone", mend="2026-12-01T09:00:00+08:00")
    _one_line(reason)
    return await repository.block_number(connection, number, until, reason=reason, made_by=made_by)


async def change_members(
    connection: AsyncConnection,
    queue: str,
    members: Iterable[tuple[str, int]],
    phones: Collection[str],
    *,
    reason: str,
    made_by: str,
) -> None:
    """Give a queue its members. Raises `NotFound` for the queue, `InvalidInput` for an agent twice or without phone."""
    known_queue(queue)
    _one_line(reason)
    wanted: dict[str, int] = {}
    for agent, penalty in members:
        if agent in wanted or agent not in phones:
            what = "is named twice" if agent in wanted else "has no phone"
            raise InvalidInput(where=f"agent {agent[:20]!r}", what=what, mend=f"choose among {', '.join(phones)}")
        wanted[agent] = penalty
    await repository.set_members(connection, queue, wanted, made_by=made_by, reason=reason)


async def members_of(connection: AsyncConnection, queue: str, defaults: Members) -> dict[str, Any]:
    """A queue's members as wanted, and whether somebody set them. Raises `NotFound`."""
    known_queue(queue)
    own = (await repository.read_memberships(connection)).get(queue)
    members = own or defaults.get(queue, {})
    listed = [{"agent": agent, "penalty": penalty} for agent, penalty in members.items()]
    return {"queue": queue, "own": own is not None, "members": listed}


def known_queue(queue: str) -> None:
    """Raises `NotFound` for a queue that we don't have."""
    if queue not in QUEUES:
        raise NotFound(kind="queue", key=queue[:40])


def _one_line(reason: str) -> None:
    if len(reason) > 200 or not reason.isprintable():
        raise InvalidInput(where="reason", what="is not one short line", mend="write at most 200 characters")
