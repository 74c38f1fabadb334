"""Every query on terms and protocols."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.clock import LOCAL_ZONE
from callcenter.errors import NotFound
from callcenter.recordings.tables import recording_chain, recordings
from callcenter.retention.model import NOTICE_DAYS, Kind, Policy
from callcenter.retention.tables import expiry_protocols, retention_policies

REPLACED = "replaced"
"""Why a term was ended by the next one."""

p, e, chain, r = retention_policies.c, expiry_protocols.c, recording_chain.c, recordings.c


@dataclass(frozen=True, slots=True)
class ProtocolSearch:
    """Filters that all must hold; `since` is inclusive, `until` exclusive, of when it was done; `day` is the calls'."""

    since: datetime | None = None
    until: datetime | None = None
    day: date | None = None
    action: str | None = None


def as_dict(row: RowMapping) -> dict[str, Any]:
    """A row with names that are plain texts."""
    return {str(name): value for name, value in row.items()}


def acts_on(set_at: datetime) -> date:
    """The first local day on which a term that was set then is carried out."""
    return set_at.astimezone(LOCAL_ZONE).date() + timedelta(days=NOTICE_DAYS)


async def read_policies(connection: AsyncConnection) -> dict[Kind, Policy]:
    """Those that were not ended."""
    rows = await connection.execute(select(p.kind, p.keep_days, p.at).where(p.ended_at.is_(None)))
    return {Kind(kind): Policy(Kind(kind), days, acts_on(at)) for kind, days, at in rows}


async def list_policies(connection: AsyncConnection) -> list[dict[str, Any]]:
    """All that ever were, those in force first, the latest before others."""
    query = select(retention_policies).order_by(p.ended_at.is_not(None), p.id.desc())
    return [_with_day(row) for row in (await connection.execute(query)).mappings()]


def _with_day(row: RowMapping) -> dict[str, Any]:
    return {**as_dict(row), "acts_on": acts_on(row["at"])}


async def set_policy(connection: AsyncConnection, policy: Policy, reference: str, by: str) -> dict[str, Any]:
    """The one before is ended at once, this one acts from `acts_on` on; between them nothing of that kind goes."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("retention_policies"))))
    await _end(connection, policy.kind, by, REPLACED)
    row = {"kind": policy.kind.value, "keep_days": policy.keep_days, "reference": reference, "by": by}
    added = await connection.execute(insert(retention_policies).values(row).returning(retention_policies))
    return _with_day(added.mappings().one())


async def end_policy(connection: AsyncConnection, kind: Kind, by: str, why: str) -> dict[str, Any]:
    """Nothing of that kind goes by age any more. Raises `NotFound`."""
    row = await _end(connection, kind, by, why)
    if row is None:
        raise NotFound(kind="policy for", key=kind.value)
    return _with_day(row)


async def _end(connection: AsyncConnection, kind: Kind, by: str, why: str) -> RowMapping | None:
    mine = update(retention_policies).where(p.kind == kind.value, p.ended_at.is_(None))
    ended = mine.values(ended_at=func.now(), ended_by=by, ended_why=why).returning(retention_policies)
    row: RowMapping | None = (await connection.execute(ended)).mappings().one_or_none()
    return row


async def note_protocol(
    connection: AsyncConnection, pbx: str, day: date, action: str, reasons: Mapping[str, int], last_seq: int
) -> int:
    """Its number."""
    row = {"pbx": pbx, "day": day, "action": action, "reasons": dict(reasons), "last_seq": last_seq}
    row["recordings"] = sum(reasons.values())
    number: int = (await connection.execute(insert(expiry_protocols).values(row).returning(e.id))).scalar_one()
    return number


async def list_protocols(
    connection: AsyncConnection, most: int, search: ProtocolSearch | None = None, before: int | None = None
) -> list[dict[str, Any]]:
    """The latest first; with `before` those of lower numbers."""
    asked = search or ProtocolSearch()
    conditions: list[tuple[Any, Any]] = [
        (asked.since, lambda v: e.at >= v),
        (asked.until, lambda v: e.at < v),
        (asked.day, lambda v: e.day == v),
        (asked.action, lambda v: e.action == v),
        (before, lambda v: e.id < v),
    ]
    wanted = select(expiry_protocols).where(*(make(value) for value, make in conditions if value is not None))
    rows = await connection.execute(wanted.order_by(e.id.desc()).limit(most))
    return [as_dict(row) for row in rows.mappings()]


async def find_protocol(connection: AsyncConnection, number: int) -> dict[str, Any]:
    """With the recordings it is about, as the chain names them. Raises `NotFound`."""
    row = (await connection.execute(select(expiry_protocols).where(e.id == number))).mappings().one_or_none()
    if row is None:
        raise NotFound(kind="protocol", key=number)
    first = row["last_seq"] - row["recordings"]
    mine = (chain.pbx == row["pbx"]) & (chain.seq > first) & (chain.seq <= row["last_seq"])
    columns = (chain.seq, chain.recording_id, chain.entry, chain.hash, r.call_id, r.started_at, r.seconds, r.bytes)
    wanted = select(*columns).outerjoin_from(recording_chain, recordings, r.id == chain.recording_id)
    items = (await connection.execute(wanted.where(mine).order_by(chain.seq))).mappings().all()
    return {**as_dict(row), "items": [as_dict(item) for item in items]}
