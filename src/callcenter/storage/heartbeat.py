"""Each part says how it is; `/v1/health` repeats it and calls an old word no word."""

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.storage.tables import heartbeats

STALE_AFTER_SECONDS = 10
"""A part that said nothing for so long counts as down; parts speak every 2 s."""


async def report_health(engine: AsyncEngine, pbx: str, parts: dict[str, tuple[bool, str]]) -> None:
    """Store `{part: (ok, detail)}`; the detail says why not, or what is up."""
    rows = [{"pbx": pbx, "part": part, "ok": ok, "detail": detail} for part, (ok, detail) in parts.items()]
    statement = insert(heartbeats).values(rows)
    changed = {"ok": statement.excluded.ok, "detail": statement.excluded.detail, "at": func.now()}
    async with engine.begin() as connection:
        await connection.execute(statement.on_conflict_do_update(index_elements=["pbx", "part"], set_=changed))
