"""Each part says how it is; `/v1/health` repeats it and calls an old word no word."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

STALE_AFTER_SECONDS = 10
"""A part that said nothing for so long counts as down; parts speak every 2 s."""
REPORT = text(
    "INSERT INTO heartbeats (pbx, part, ok, detail) SELECT CAST(:pbx AS text), * FROM"
    " unnest(CAST(:parts AS text[]), CAST(:oks AS boolean[]), CAST(:details AS text[]))"
    " ON CONFLICT (pbx, part) DO UPDATE SET ok = excluded.ok, detail = excluded.detail, at = now()"
)
"""One text for any number of parts: a list of VALUES would be compiled anew each time."""


async def report_health(engine: AsyncEngine, pbx: str, parts: dict[str, tuple[bool, str]]) -> None:
    """Store `{part: (ok, detail)}`; the detail says why not, or what is up."""
    oks, details = [ok for ok, _ in parts.values()], [detail for _, detail in parts.values()]
    async with engine.begin() as connection:
        await connection.execute(REPORT, {"pbx": pbx, "parts": list(parts), "oks": oks, "details": details})
