"""Reads and writes what was observed: marks, blind intervals, completeness checks."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import RowMapping, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.coverage.model import Cause, Interval, Mark, Source, Verdict, Watched
from callcenter.coverage.tables import blind_intervals, completeness_checks, watched_pbxs
from callcenter.journal.tables import journal_chunks

CHECKS_SHOWN = 24
INTERVAL_COLUMNS = ("source", "since", "until", "cause", "detail", "filled_at", "filled_by")


async def read_mark(connection: AsyncConnection, pbx: str) -> Mark | None:
    """The last word of the run before this one; None when this PBX was never watched."""
    c = watched_pbxs.c
    columns = (c.watched_since, c.seen_at, c.read_up_at, c.stopped)
    row = (await connection.execute(select(*columns).where(c.pbx == pbx))).first()
    return None if row is None else Mark(*row)


async def first_stored_at(connection: AsyncConnection, pbx: str) -> datetime | None:
    """When the first raw lines of a PBX were stored: it was watched before marks were kept."""
    c = journal_chunks.c
    query = select(c.stored_at).where(c.pbx == pbx).order_by(c.id).limit(1)
    found: datetime | None = (await connection.execute(query)).scalar()
    return found


async def store_mark(connection: AsyncConnection, pbx: str, mark: Mark, *, journal: bool) -> datetime | None:
    """Say that we live; returns when a completeness check was asked for last. The beginning is kept."""
    row = {"pbx": pbx, **asdict(mark), "journal": journal}
    asked: datetime | None = (await connection.execute(_mark_statement(), row)).scalar()
    return asked


@cache
def _mark_statement() -> Any:
    """Built once: it is sent every two seconds."""
    statement = upsert(watched_pbxs)
    changed = {name: statement.excluded[name] for name in ("seen_at", "read_up_at", "stopped", "journal")}
    statement = statement.on_conflict_do_update(index_elements=["pbx"], set_=changed)
    return statement.returning(watched_pbxs.c.check_asked_at)


async def store_intervals(connection: AsyncConnection, pbx: str, intervals: Sequence[Interval]) -> None:
    """Insert or change; one that was stored already is the same row."""
    if not intervals:
        return
    statement = upsert(blind_intervals).values([{"pbx": pbx, **_row(each)} for each in intervals])
    names = ("until", "cause", "detail", "filled_at", "filled_by")
    changed = {name: statement.excluded[name] for name in names}
    await connection.execute(statement.on_conflict_do_update(index_elements=["pbx", "source", "since"], set_=changed))


def _row(interval: Interval) -> dict[str, Any]:
    return {name: getattr(interval, name) for name in INTERVAL_COLUMNS}


async def open_intervals(connection: AsyncConnection, pbx: str) -> list[Interval]:
    """Those that last or are not filled."""
    c = blind_intervals.c
    return await _intervals(connection, (c.pbx == pbx) & (c.until.is_(None) | c.filled_at.is_(None)))


async def _intervals(connection: AsyncConnection, which: Any) -> list[Interval]:
    c = blind_intervals.c
    query = select(*(c[name] for name in INTERVAL_COLUMNS)).where(which).order_by(c.since, c.source)
    return [_interval(row) for row in (await connection.execute(query)).mappings()]


def _interval(row: RowMapping) -> Interval:
    by = row["filled_by"]
    typed = {"source": Source(row["source"]), "cause": Cause(row["cause"]), "filled_by": Source(by) if by else None}
    return Interval(**{**row, **typed})


async def read_watched(
    connection: AsyncConnection, since: datetime, until: datetime, pbx: str | None = None
) -> list[Watched]:
    """Each PBX with its intervals that touch [since, until)."""
    w, b = watched_pbxs.c, blind_intervals.c
    query = select(w.pbx, w.journal, w.watched_since, w.seen_at, w.read_up_at, w.stopped).order_by(w.pbx)
    rows = (await connection.execute(query if pbx is None else query.where(w.pbx == pbx))).all()
    touching = (b.since < until) & (b.until.is_(None) | (b.until > since))
    return [
        Watched(name, journal, Mark(*mark), tuple(await _intervals(connection, touching & (b.pbx == name))))
        for name, journal, *mark in rows
    ]


async def store_check(connection: AsyncConnection, pbx: str, row: Mapping[str, Any], keep_since: datetime) -> None:
    """Add a check to the history and let go of what is older than `keep_since`."""
    await connection.execute(completeness_checks.insert().values(pbx=pbx, **row))
    c = completeness_checks.c
    await connection.execute(completeness_checks.delete().where(c.pbx == pbx, c.at < keep_since))


async def latest_checks(connection: AsyncConnection, pbx: str, limit: int = CHECKS_SHOWN) -> Sequence[RowMapping]:
    """The newest first."""
    c = completeness_checks.c
    query = select(completeness_checks).where(c.pbx == pbx).order_by(c.at.desc(), c.id.desc()).limit(limit)
    return (await connection.execute(query)).mappings().all()


async def failed_checks(connection: AsyncConnection, since: datetime, until: datetime) -> Sequence[RowMapping]:
    """Those that did not add up over a span that touches [since, until), of every PBX."""
    c = completeness_checks.c
    touching = (c.at > since) & (func.coalesce(c.since, c.at) < until)
    query = select(completeness_checks).where(c.verdict == Verdict.INCOMPLETE.value, touching).order_by(c.at, c.id)
    return (await connection.execute(query)).mappings().all()


async def ask_for_check(connection: AsyncConnection, pbx: str) -> datetime | None:
    """Let the listener of this PBX check now; returns the instant from which its answer counts, None without one."""
    statement = update(watched_pbxs).where(watched_pbxs.c.pbx == pbx).values(check_asked_at=func.now())
    asked: datetime | None = (await connection.execute(statement.returning(watched_pbxs.c.check_asked_at))).scalar()
    return asked
