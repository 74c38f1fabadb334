"""Security events and blocked addresses in the database."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import RowMapping, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.calls.tables import calls
from callcenter.errors import NotFound
from callcenter.security.model import Block, SecurityEvent
from callcenter.security.tables import blocked_addresses, security_events

KEPT_FOR = timedelta(days=184)
"""Six months at least (Cybersecurity Law, article 21)."""
REFUSED_MARK = "outbound_refused"
SUSPECT_WITHIN = timedelta(minutes=10)
SUSPECT_REFUSALS = 5
"""So many refused calls of one phone within that time look like toll fraud."""


async def add_events(connection: AsyncConnection, pbx: str, events: Sequence[SecurityEvent]) -> None:
    """Store events; alike ones of a batch as one row with their count, so that a flood doesn't become one here."""
    alike = Counter((e.name, e.service, e.address, e.account) for e in events)
    last = {(e.name, e.service, e.address, e.account): e.at for e in events}
    names = ("name", "service", "address", "account")
    rows = [{**dict(zip(names, key, strict=True)), "pbx": pbx, "at": last[key], "count": n} for key, n in alike.items()]
    await connection.execute(insert(security_events), rows)


async def list_events(
    connection: AsyncConnection, *, address: str | None, before: int | None, limit: int
) -> Sequence[RowMapping]:
    """The latest events first; `before` is the id where the page before ended."""
    query = select(security_events).order_by(security_events.c.id.desc()).limit(limit)
    query = query if address is None else query.where(security_events.c.address == address)
    query = query if before is None else query.where(security_events.c.id < before)
    return (await connection.execute(query)).mappings().all()


async def forget_old_events(connection: AsyncConnection, moment: datetime) -> int:
    """Delete what has been kept for its term; returns how many."""
    gone = await connection.execute(delete(security_events).where(security_events.c.at < moment - KEPT_FOR))
    return gone.rowcount


async def add_block(connection: AsyncConnection, pbx: str, block: Block) -> None:
    """Store a block."""
    row = {"address": block.address, "since": block.since, "until": block.until}
    row |= {"failures": block.failures, "reason": block.reason, "pbx": pbx}
    await connection.execute(insert(blocked_addresses).values(row))


async def list_blocked(connection: AsyncConnection, moment: datetime, pbx: str | None = None) -> Sequence[RowMapping]:
    """Addresses blocked at `moment`, the latest first."""
    return (await connection.execute(_blocked(pbx), {"moment": moment})).mappings().all()


@cache
def _blocked(pbx: str | None) -> Any:
    """Built once: the guard asks each second."""
    c = blocked_addresses.c
    query = select(blocked_addresses).where(c.lifted_at.is_(None), c.until > bindparam("moment"))
    query = query if pbx is None else query.where(c.pbx == pbx)
    return query.order_by(c.id.desc())


async def lift_block(connection: AsyncConnection, address: str, by: str, moment: datetime) -> None:
    """Listen to an address again; its row stays with who lifted it. Raises `NotFound`."""
    c = blocked_addresses.c
    standing = (c.address == address) & c.lifted_at.is_(None) & (c.until > moment)
    done = await connection.execute(update(blocked_addresses).where(standing).values(lifted_at=moment, lifted_by=by))
    if not done.rowcount:
        raise NotFound(kind="blocked address", key=address)


async def suspect_phones(connection: AsyncConnection, pbx: str, moment: datetime) -> dict[str, int]:
    """Phones whose outbound calls were refused five times or more in ten minutes, with how often."""
    recent = (calls.c.pbx == pbx) & calls.c.marks.contains([REFUSED_MARK])
    recent &= calls.c.started_at > moment - SUSPECT_WITHIN
    query = select(calls.c.caller_number, func.count()).where(recent).group_by(calls.c.caller_number)
    rows = await connection.execute(query.having(func.count() >= SUSPECT_REFUSALS))
    return {number: count for number, count in rows.all()}


async def caps_reached(connection: AsyncConnection, pbx: str, since: datetime) -> dict[str, str]:
    """Whom a cap kept from dialling since then: `{"all": "daily_cap", "1001": "phone_cap"}`."""
    reached: dict[str, str] = {}
    for reason in ("daily_cap", "phone_cap"):
        told = calls.c.timeline.contains([{"kind": REFUSED_MARK, "detail": reason}])
        mine = (calls.c.pbx == pbx) & (calls.c.started_at > since) & calls.c.marks.contains([REFUSED_MARK])
        query = select(calls.c.caller_number).where(mine, told).distinct()
        for (number,) in (await connection.execute(query)).all():
            reached["all" if reason == "daily_cap" else number] = reason
    return reached
