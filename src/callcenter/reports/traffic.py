"""Makes the traffic report of a period."""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter import clock
from callcenter.coverage.period import PeriodCoverage, cover
from callcenter.errors import InvalidInput
from callcenter.http.instants import local_midnight
from callcenter.reports.figures import TrafficReport, make_report
from callcenter.reports.periods import Period, days_of, each_day
from callcenter.reports.repository import read_traffic

YEARS = range(1970, 3000)


@dataclass(frozen=True, slots=True)
class Issued:
    """A report and what its figures rest on: the whole period, and each of its days."""

    report: TrafficReport
    coverage: PeriodCoverage
    days: tuple[PeriodCoverage, ...]


async def traffic(engine: AsyncEngine, period: Period, day: date) -> Issued:
    """The report of the period that holds a local day. Raises `InvalidInput`, `ReportUnbalanced`."""
    if day.year not in YEARS:
        raise InvalidInput(where="date", what=f"the year {day.year} is out of reach", mend="write 2026-11-23")
    since, until = days_of(period, day)
    moment, days = clock.now(), each_day(since, until)
    read = await read_traffic(engine, since, until)
    report = make_report(since, until, days, read.tallies, read.received)
    whole, *parts = (
        cover(read.watched, read.failed, local_midnight(first), local_midnight(last), moment)
        for first, last in ((since, until), *((each, each + timedelta(days=1)) for each in days))
    )
    return Issued(report, whole, tuple(parts))
