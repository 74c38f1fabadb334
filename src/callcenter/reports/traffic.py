"""Makes the traffic report of a period."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter import clock
from callcenter.coverage.period import PeriodCoverage, cover
from callcenter.errors import InvalidInput
from callcenter.http.instants import local_midnight
from callcenter.reports.figures import TrafficReport, make_report
from callcenter.reports.periods import Period, days_of, each_day
from callcenter.reports.recordings import Completeness, as_object, list_remarkable, read_completeness, total
from callcenter.reports.repository import read_traffic
from callcenter.storage.reading import reading

YEARS = range(1970, 3000)


@dataclass(frozen=True, slots=True)
class Issued:
    """A report and what its figures rest on: the whole period, and each of its days."""

    report: TrafficReport
    coverage: PeriodCoverage
    days: tuple[PeriodCoverage, ...]
    recordings: Mapping[date, Completeness]
    """By day; days without calls are left out"""


async def traffic(engine: AsyncEngine, period: Period, day: date) -> Issued:
    """The report of the period that holds a local day. Raises `InvalidInput`, `ReportUnbalanced`."""
    _within_reach(day)
    since, until = days_of(period, day)
    moment, days = clock.now(), each_day(since, until)
    read = await read_traffic(engine, since, until)
    report = make_report(since, until, days, read.tallies, read.received)
    whole, *parts = (
        cover(read.watched, read.failed, local_midnight(first), local_midnight(last), moment)
        for first, last in ((since, until), *((each, each + timedelta(days=1)) for each in days))
    )
    return Issued(report, whole, tuple(parts), read.recordings)


async def recordings_day(engine: AsyncEngine, day: date, most: int) -> dict[str, Any]:
    """A local day's recordings: the count and what is not verified. Raises `InvalidInput`."""
    _within_reach(day)
    until = day + timedelta(days=1)
    async with reading(engine, snapshot=True) as connection:
        kept = total((await read_completeness(connection, day, until)).values())
        items = await list_remarkable(connection, day, until, most)
    listed = len(items) == kept.expected - kept.verified
    return {"date": day, "completeness": as_object(kept), "items": [asdict(each) for each in items], "listed": listed}


def _within_reach(day: date) -> None:
    if day.year not in YEARS:
        raise InvalidInput(where="date", what=f"the year {day.year} is out of reach", mend="write 2026-11-23")
