"""What `callcenter coverage` prints."""

import asyncio
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter import clock
from callcenter.catalogue.labels import Labels, labels
from callcenter.clock import LOCAL_ZONE
from callcenter.coverage.asking import parse_period
from callcenter.coverage.reading import coverage_object
from callcenter.coverage.repository import ask_for_check, latest_checks
from callcenter.errors import NotFound, PartUnavailable
from callcenter.http.encoding import to_json
from callcenter.storage.reading import reading, writing

TABLE_WIDTH = 150
"""When the output is no terminal: wide enough for every column."""
CHECK_SECONDS = 150.0
"""Four looks, each of which may wait for the journal"""


async def print_coverage(
    engine: AsyncEngine, since: str | None, until: str | None, *, as_json: bool, language: str
) -> None:
    """A period's coverage. Raises `InvalidInput`, `PartUnavailable`."""
    moment = clock.now()
    begin, end = parse_period(since, until, moment)
    async with reading(engine, snapshot=True) as connection:
        found = await coverage_object(connection, begin, end, moment)
    if as_json:
        print(to_json(found, orjson.OPT_INDENT_2).decode())
        return
    console, texts = _console(), labels(language)
    if not found["pbxs"]:
        console.print(texts("coverage.unknown"))
    for pbx in found["pbxs"]:
        for table in _tables(pbx, texts):
            console.print(table)


def _tables(pbx: Mapping[str, Any], texts: Labels) -> Iterable[Table]:
    seconds = " · ".join(
        f"{texts(f'coverage.{name}')} {pbx[f'{name}_seconds']:.0f} s" for name in ("observed", "filled", "unobserved")
    )
    share = "–" if pbx["share"] is None else f"{pbx['share']:.4%}"
    spans = Table(title=f"{texts('coverage.title')} · {pbx['pbx']} · {share}", caption=seconds)
    for name in ("from", "until", "seconds", "state", "cause"):
        spans.add_column(texts(f"coverage.{name}"))
    for span in pbx["spans"]:
        causes = " ".join(texts(f"causes.{cause}") for cause in span["causes"])
        state = texts(f"coverage.{span['state']}")
        spans.add_row(at(span["from"]), at(span["until"]), f"{span['seconds']:.1f}", state, causes)
    yield spans
    yield _checks(pbx["checks"], texts)


def _checks(checks: Iterable[Mapping[str, Any]], texts: Labels) -> Table:
    table = Table(title=texts("coverage.checks"))
    for name in ("at", "verdict", "processed", "journalled", "missing_calls", "missing_starts", "missing_ends"):
        table.add_column(texts(f"coverage.{name}"))
    for row in checks:
        ends = len(row["missing_ends"]) + len(row["missing_linkedid_ends"])
        counts = ("–" if row[name] is None else str(row[name]) for name in ("processed", "journalled", "missing_calls"))
        said = texts(f"verdicts.{row['verdict']}") + (f": {row['why']}" if row["why"] else "")
        table.add_row(at(row["at"]), said, *counts, str(len(row["missing_starts"])), str(ends))
    return table


async def print_check(engine: AsyncEngine, pbx: str, *, language: str) -> bool:
    """Let the listener check now and print what it found; whether it adds up.

    Raises `NotFound` when this PBX was never watched, `PartUnavailable` when no listener answers.
    """
    async with writing(engine) as connection:
        asked = await ask_for_check(connection, pbx)
    if asked is None:
        raise NotFound(kind="watched PBX", key=pbx)
    row = await _answer(engine, pbx, asked)
    _console().print(_checks([dict(row)], labels(language)))
    return row["verdict"] in ("begun", "complete", "undecided")


async def _answer(engine: AsyncEngine, pbx: str, asked: datetime) -> RowMapping:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            while True:
                async with reading(engine) as connection:
                    newest = await latest_checks(connection, pbx, 1)
                if newest and newest[0]["at"] >= asked:
                    return newest[0]
                await asyncio.sleep(0.5)
    except TimeoutError:
        raise PartUnavailable(
            part="the listener", why="it made no check in time", mend="see that callcenter listen runs"
        ) from None


def _console() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=TABLE_WIDTH)


def at(moment: datetime | None) -> str:
    """As people read it: the hotline's wall clock."""
    return "–" if moment is None else f"{moment.astimezone(LOCAL_ZONE):%Y-%m-%d %H:%M:%S}"
