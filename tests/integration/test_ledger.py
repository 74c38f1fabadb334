"""Postgres counts like the ledger's pure laws do (tests/scenarios/test_ledger.py), for random days and periods."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.scenarios.mixes import DAYS, FIRST_DAY, OF_ONE_BOOT, Told, journal, recorded, tallied

from callcenter.calls.model import CallRecord
from callcenter.calls.rows import store_records
from callcenter.reports.figures import Tally, make_report
from callcenter.reports.periods import each_day
from callcenter.reports.repository import read_traffic

CALLS, CRASHES, PERIODS = 60, 2, 12


def _mix(chooser: random.Random) -> list[CallRecord]:
    """Several days of calls, many of them around midnight, some with lost lines, and crashes of Asterisk."""
    calls = []
    for _ in range(CALLS):
        midnight = chooser.randrange(1, DAYS) * 86400.0 + chooser.uniform(-20, 1)
        second = chooser.choice([midnight, chooser.uniform(10, DAYS * 86400 - 200)])
        lost = frozenset(chooser.sample(range(40), chooser.choice([0, 0, 3])))
        calls.append(Told(chooser.choice(OF_ONE_BOOT), second, lost))
    return recorded(journal(calls, [chooser.uniform(1000, DAYS * 86400) for _ in range(CRASHES)]))


def _in_order(tallies: list[Tally]) -> list[Tally]:
    """Sums of seconds differ in their last bits with the order of adding."""
    rounded = [replace(tally, wait_seconds=round(tally.wait_seconds, 6)) for tally in tallies]
    return sorted(rounded, key=lambda t: (t.day, t.line or "", t.service or "", t.outcome))


@pytest.mark.parametrize("seed", range(3))
async def test_postgres_counts_alike(engine: AsyncEngine, seed: int) -> None:
    chooser = random.Random(seed)  # noqa: S311 - a mix of calls, not a secret
    records = _mix(chooser)
    async with engine.begin() as connection:
        await store_records(connection, records)
    for _ in range(PERIODS):
        first, last = sorted(chooser.choices(range(-1, DAYS + 3), k=2))
        since, until = FIRST_DAY + timedelta(days=first), FIRST_DAY + timedelta(days=last)
        read = await read_traffic(engine, since, until)
        tallies, received = tallied(records, since, until)
        assert _in_order(read.tallies) == _in_order(tallies)
        assert dict(read.received) == dict(received)
        report = make_report(since, until, each_day(since, until), read.tallies, read.received)
        assert report.total.received == sum(received.values())
