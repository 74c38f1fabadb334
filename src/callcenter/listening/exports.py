"""Every query on exports: sets of recordings that a background job makes one ZIP of."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import CursorResult, RowMapping, and_, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.errors import NotFound
from callcenter.recordings.tables import recording_exports

LEASE = timedelta(seconds=60)
"""A job whose process is not heard of for so long is taken up by another."""
KEPT = timedelta(hours=24)
SHOWN = (
    "id", "by", "why", "filters", "state", "done", "total", "bytes", "reason", "created_at", "finished_at",
    "expires_at", "fetches",
)  # fmt: skip
MOST_SHOWN = 100
x = recording_exports.c
COLUMNS = tuple(x[name] for name in SHOWN)


def plain(row: RowMapping) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}


async def add(
    connection: AsyncConnection, by: str, why: str, address: str, filters: dict[str, Any], ids: Sequence[UUID]
) -> dict[str, Any]:
    row = {"id": uuid4(), "by": by, "why": why, "address": address, "filters": filters, "recordings": list(ids)}
    made = insert(recording_exports).values(**row, total=len(ids)).returning(*COLUMNS)
    return plain((await connection.execute(made)).mappings().one())


async def list_latest(connection: AsyncConnection) -> list[dict[str, Any]]:
    latest = select(*COLUMNS).order_by(x.created_at.desc(), x.id.desc()).limit(MOST_SHOWN)
    return [plain(row) for row in (await connection.execute(latest)).mappings()]


async def find(connection: AsyncConnection, export: UUID) -> dict[str, Any]:
    """Raises `NotFound`."""
    row = (await connection.execute(select(*COLUMNS).where(x.id == export))).mappings().one_or_none()
    if row is None:
        raise NotFound(kind="export", key=export)
    return plain(row)


async def cancel(connection: AsyncConnection, export: UUID) -> dict[str, Any]:
    """Whoever works on it finds its claim gone; one that is over stays what it is, but done ones lose their file.
    Raises `NotFound`."""
    standing = and_(x.id == export, x.state.in_(("queued", "running", "done")))
    changed = update(recording_exports).where(standing)
    await connection.execute(changed.values(state="cancelled", claim=None, finished_at=func.now(), expires_at=None))
    return await find(connection, export)


async def claim(connection: AsyncConnection, token: UUID) -> dict[str, Any] | None:
    """The oldest job that nobody works on, ours for `LEASE` from now; None when there is none."""
    left = and_(x.state == "running", x.claimed_until < func.now())
    free = select(x.id).where(or_(x.state == "queued", left)).order_by(x.created_at).limit(1)
    taken = update(recording_exports).where(x.id.in_(free.with_for_update(skip_locked=True)))
    taken = taken.values(state="running", claim=token, claimed_until=func.now() + LEASE, done=0, bytes=0)
    row = (await connection.execute(taken.returning(recording_exports))).mappings().one_or_none()
    return plain(row) if row is not None else None


async def keep(connection: AsyncConnection, job: dict[str, Any], **values: Any) -> bool:
    """Store progress or the end of a job that is ours still, and hold on to it; False when it is not ours any more."""
    mine = and_(x.id == job["id"], x.claim == job["claim"], x.state == "running")
    values = {"claimed_until": func.now() + LEASE, **values}
    kept: CursorResult[Any] = await connection.execute(update(recording_exports).where(mine).values(**values))
    return kept.rowcount == 1


async def fetch(connection: AsyncConnection, export: UUID) -> dict[str, Any]:
    """A job with its claim, which names its file; the asking is counted. Raises `NotFound`."""
    await expire(connection)
    asked = update(recording_exports).where(x.id == export).values(fetches=x.fetches + 1)
    row = (await connection.execute(asked.returning(*COLUMNS, x.claim))).mappings().one_or_none()
    if row is None:
        raise NotFound(kind="export", key=export)
    return plain(row)


async def expire(connection: AsyncConnection) -> None:
    """Files whose time is over are expired."""
    over = and_(x.state == "done", x.expires_at <= func.now())
    await connection.execute(update(recording_exports).where(over).values(state="expired"))


async def with_file(connection: AsyncConnection) -> set[str]:
    """`<id>.<claim>` of jobs whose files are still wanted."""
    wanted = select(x.id, x.claim).where(x.state.in_(("running", "done")))
    return {f"{row.id}.{row.claim}" for row in await connection.execute(wanted)}
