"""Makes the traffic report of a period."""

from datetime import date

from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.errors import InvalidInput
from callcenter.reports.figures import TrafficReport, make_report
from callcenter.reports.periods import Period, days_of, each_day
from callcenter.reports.repository import read_traffic

YEARS = range(1970, 3000)


async def traffic(engine: AsyncEngine, period: Period, day: date) -> TrafficReport:
    """The report of the period that holds a local day. Raises `InvalidInput`, `ReportUnbalanced`."""
    if day.year not in YEARS:
        raise InvalidInput(where="date", what=f"the year {day.year} is out of reach", mend="write 2026-11-23")
    since, until = days_of(period, day)
    tallies, received = await read_traffic(engine, since, until)
    return make_report(since, until, each_day(since, until), tallies, received)
