"""What `callcenter alerts` prints."""

from rich.console import Console
from rich.table import Table
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.alerts.repository import list_alerts
from callcenter.catalogue.labels import Labels, labels
from callcenter.clock import LOCAL_ZONE
from callcenter.storage.reading import reading


async def print_alerts(engine: AsyncEngine, *, everything: bool, language: str) -> None:
    """A line an alert: those that stand, or the latest of all. Raises `PartUnavailable`."""
    async with reading(engine) as connection:
        rows = await list_alerts(connection, standing=not everything)
    table = Table("#", "", "", "×", "", "", box=None)
    for row in rows:
        state = "✓" if row["cleared_at"] else "!!" if row["severity"] == "critical" else "!"
        raised = f"{row['raised_at'].astimezone(LOCAL_ZONE):%Y-%m-%d %H:%M:%S}"
        said = in_words(row, labels(language))
        table.add_row(str(row["id"]), state, raised, str(row["count"]), said, row["acknowledged_by"] or "")
    Console().print(table)


def in_words(row: RowMapping, texts: Labels) -> str:
    """The alert's text; kind and facts when the catalogue has none that fits."""
    try:
        return texts(f"alerts.{row['kind']}").format(**row["facts"])
    except (KeyError, IndexError):
        return f"{row['kind']} {row['key']} {row['facts']}"
