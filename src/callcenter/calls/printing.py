"""Call records for the terminal: local times, the reader's language, nothing hostile reaches the terminal."""

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from callcenter.catalogue.labels import Labels
from callcenter.clock import LOCAL_ZONE

COLUMNS = (
    "started_at", "caller", "caller_name", "did", "line", "outcome", "agent", "wait", "talk", "hung_up_by",
    "recordings",
)  # fmt: skip

WIDTH = 118
"""The table's least width: a narrower terminal folds lines rather than lose a number."""


def local_time(moment: datetime) -> str:
    """An instant on the hotline's wall clock."""
    return moment.astimezone(LOCAL_ZONE).strftime("%Y-%m-%d %H:%M:%S")


def duration(seconds: float) -> str:
    """Seconds as m:ss, or h:mm:ss from an hour on."""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def printable(text: str) -> Text:
    """Text of a caller without what moves a terminal's cursor or turns its direction; never markup."""
    return Text("".join("�" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in text))


def calls_table(items: Sequence[dict[str, Any]], labels: Labels) -> Table:
    """Records as a table, one row a call."""
    table = Table(title=labels("cdrs.title"), box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in COLUMNS:
        right = name in ("wait", "talk", "recordings")
        table.add_column(labels(f"fields.{name}"), justify="right" if right else "left", no_wrap=name != "caller_name")
    for item in items:
        table.add_row(*_cells(item, labels))
    return table


def _cells(item: dict[str, Any], labels: Labels) -> list[Text | str]:
    return [
        local_time(item["started_at"]),
        printable(item["caller_number"]),
        printable(item["caller_name"]),
        printable(item["did"]),
        labels(f"lines.{item['line']}") if item["line"] else "–",
        labels(f"outcomes.{item['outcome']}"),
        item["agent"] or "–",
        duration(item["wait_seconds"]),
        duration(item["talk_seconds"]),
        labels(f"sides.{item['hung_up_by']}") if item["hung_up_by"] else "–",
        str(len(item["recordings"])),
    ]
