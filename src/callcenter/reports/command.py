"""`callcenter report`: the traffic report in the terminal or for a file."""

import sys
from datetime import date
from enum import StrEnum
from typing import TypeVar

import orjson
from rich.console import Console
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter import clock
from callcenter.catalogue.labels import labels
from callcenter.errors import InvalidInput
from callcenter.http import spreadsheet
from callcenter.http.encoding import to_json
from callcenter.reports.periods import Period
from callcenter.reports.rendering import as_object, csv_rows, tables
from callcenter.reports.traffic import traffic

TABLE_WIDTH = 150
"""When the output is no terminal: wide enough for every column."""


Choice = TypeVar("Choice", bound=StrEnum)


class Format(StrEnum):
    """How the report is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def parse_day(text: str | None) -> date:
    """A local day; today when nothing is given. Raises `InvalidInput`."""
    if text is None:
        return clock.now().astimezone(clock.LOCAL_ZONE).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(where="--date", what=f"{text!r} is not a day", mend="write 2026-11-23") from None


def parse_period(text: str) -> Period:
    """A period by name. Raises `InvalidInput`."""
    return _one_of(Period, text, "--period")


def parse_format(text: str) -> Format:
    """A format by name. Raises `InvalidInput`."""
    return _one_of(Format, text, "--format")


def _one_of(kind: type[Choice], text: str, where: str) -> Choice:
    try:
        return kind(text)
    except ValueError:
        choices = ", ".join(kind)
        raise InvalidInput(where=where, what=f"{text!r} is not known", mend=f"choose of {choices}") from None


async def print_traffic(engine: AsyncEngine, period: Period, day: date, *, form: Format, language: str) -> None:
    """Print the report. Raises `ReportUnbalanced` rather than print one that doesn't balance."""
    issued, texts = await traffic(engine, period, day), labels(language)
    if form is Format.JSON:
        shown = to_json(as_object(issued, period, texts), orjson.OPT_INDENT_2)
        print(shown.decode())
    elif form is Format.CSV:
        sys.stdout.buffer.write(spreadsheet.BOM.encode() + spreadsheet.lines(csv_rows(issued)))
    else:
        console = Console() if sys.stdout.isatty() else Console(width=TABLE_WIDTH)
        for table in tables(issued, period, texts):
            console.print(table)
