"""Reads a period's coverage, for the API, the command and every report."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.coverage.model import Check, Interval, Span, Verdict, Watched
from callcenter.coverage.period import FailedCheck, PeriodCoverage, cover
from callcenter.coverage.repository import failed_checks, latest_checks, read_watched

CHECK_NAMES = tuple(f.name for f in fields(Check))
SHOWN_OF_CHECK = (
    "at", "since", "verdict", "processed", "journalled", "missing_calls", "missing_starts", "missing_ends",
    "missing_linkedid_ends", "why",
)  # fmt: skip


async def read_period(
    connection: AsyncConnection, since: datetime, until: datetime, pbx: str | None = None
) -> tuple[list[Watched], list[FailedCheck]]:
    """What a period's coverage is made of: `cover` does it, for the whole and for its parts."""
    watched = await read_watched(connection, since, until, pbx)
    failed = [_failed(row) for row in await failed_checks(connection, since, until)]
    return watched, [each for each in failed if pbx in (None, each.pbx)]


def _failed(row: RowMapping) -> FailedCheck:
    known = {name: row[name] for name in CHECK_NAMES}
    return FailedCheck(row["pbx"], Check(**{**known, "verdict": Verdict(row["verdict"])}))


async def coverage_object(
    connection: AsyncConnection, since: datetime, until: datetime, moment: datetime, pbx: str | None = None
) -> dict[str, Any]:
    """The answer of GET /v1/coverage."""
    watched, failed = await read_period(connection, since, until, pbx)
    whole = cover(watched, failed, since, until, moment)
    checks = {each.pbx: await latest_checks(connection, each.pbx) for each in whole.pbxs}
    return {
        "from": since,
        "until": until,
        "complete": whole.complete,
        "pbxs": [_pbx_object(whole, place, checks[each.pbx]) for place, each in enumerate(whole.pbxs)],
    }


def _pbx_object(whole: PeriodCoverage, place: int, checks: Sequence[RowMapping]) -> dict[str, Any]:
    each = whole.pbxs[place]
    return {
        "pbx": each.pbx,
        "journal": each.journal,
        "watched_since": each.watched_since,
        "observed_seconds": each.coverage.observed_seconds,
        "filled_seconds": each.coverage.filled_seconds,
        "unobserved_seconds": each.coverage.unobserved_seconds,
        "share": each.coverage.share,
        "spans": [span_object(span) for span in each.coverage.spans],
        "checks": [{name: row[name] for name in SHOWN_OF_CHECK} for row in checks],
    }


def span_object(span: Span) -> dict[str, Any]:
    """A span with the intervals that make it."""
    return {
        "from": span.since,
        "until": span.until,
        "seconds": round(span.seconds, 3),
        "state": span.state,
        "causes": span.causes,
        "intervals": [_interval_object(each) for each in span.intervals],
    }


def _interval_object(interval: Interval) -> dict[str, Any]:
    shown = {name: getattr(interval, name) for name in ("source", "cause", "until", "detail", "filled_at", "filled_by")}
    return {"from": interval.since, **shown}
