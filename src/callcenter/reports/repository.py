"""Tallies of calls a local day and what was observed, from one snapshot of the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Date, Select, cast, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.calls.model import Direction
from callcenter.calls.tables import calls
from callcenter.clock import LOCAL_ZONE
from callcenter.coverage.model import Watched
from callcenter.coverage.period import FailedCheck
from callcenter.coverage.reading import read_period
from callcenter.http.instants import local_midnight
from callcenter.reports.figures import SHORT_SECONDS, WITHIN_SECONDS, Tally
from callcenter.reports.recordings import Completeness, read_completeness
from callcenter.storage.reading import reading

DAY = cast(func.timezone(literal_column(f"'{LOCAL_ZONE.key}'"), calls.c.started_at), Date).label("day")
"""The zone is a literal: a parameter would be another expression to GROUP BY."""


def _inbound(since: date, until: date) -> list[ColumnElement[bool]]:
    began = calls.c.started_at
    direction = calls.c.direction == Direction.INBOUND.value
    return [began >= local_midnight(since), began < local_midnight(until), direction]


def tally_statement(since: date, until: date) -> Select[Any]:
    """Calls by local day, line, service and outcome, with what the figures need of their waits."""
    wait = calls.c.wait_seconds
    measures = (
        func.count().label("calls"),
        func.coalesce(func.sum(wait), 0.0).label("wait_seconds"),
        *(func.count().filter(wait <= seconds) for seconds in WITHIN_SECONDS),
        func.count().filter(wait < SHORT_SECONDS),
    )
    alike = (DAY, calls.c.line, calls.c.service, calls.c.outcome)
    return select(*alike, *measures).where(*_inbound(since, until)).group_by(*alike)


@dataclass(frozen=True, slots=True)
class TrafficRead:
    """What a report is made of, from one snapshot."""

    tallies: list[Tally]
    received: Mapping[date, int]
    """Calls of each day, counted on their own"""
    watched: list[Watched]
    failed: list[FailedCheck]
    recordings: Mapping[date, Completeness]


async def read_traffic(engine: AsyncEngine, since: date, until: date) -> TrafficRead:
    """Tallies of the local days [since, until), and what was observed in them."""
    received = select(DAY, func.count()).where(*_inbound(since, until)).group_by(DAY)
    async with reading(engine, snapshot=True) as connection:
        tallies = [Tally(*row) for row in await connection.execute(tally_statement(since, until))]
        counted = {row[0]: row[1] for row in await connection.execute(received)}
        watched, failed = await read_period(connection, local_midnight(since), local_midnight(until))
        kept = await read_completeness(connection, since, until)
    return TrafficRead(tallies, counted, watched, failed, kept)
