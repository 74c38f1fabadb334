"""`callcenter retention`: terms, holds, what would go, what went."""

import getpass
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter import clock
from callcenter.calls.printing import printable
from callcenter.catalogue.labels import Labels, labels
from callcenter.clock import LOCAL_ZONE
from callcenter.errors import InvalidInput
from callcenter.retention import hold_repository, repository
from callcenter.retention.dry_run import DryRun, summary
from callcenter.retention.hold_repository import HoldSearch, NewHold
from callcenter.retention.model import LEAST_DAYS, MOST_DAYS, Kind, Policy, Why
from callcenter.retention.verdicts import checked_day, local_day
from callcenter.storage.reading import reading, writing

LONGEST_NOTE = 300
PROTOCOLS_SHOWN = 100
WIDTH = 150
"""The least width of a table: a narrower terminal folds lines rather than lose a date."""


def parse_kind(text: str) -> Kind:
    """Raises `InvalidInput`."""
    try:
        return Kind(text)
    except ValueError:
        raise InvalidInput(where="kind", what=f"{text[:40]!r} is none", mend=f"choose of {', '.join(Kind)}") from None


def parse_why(text: str) -> Why:
    """Raises `InvalidInput`."""
    try:
        return Why(text)
    except ValueError:
        raise InvalidInput(where="--why", what=f"{text[:40]!r} is none", mend=f"choose of {', '.join(Why)}") from None


def parse_policy(kind: str, days: int) -> Policy:
    """Raises `InvalidInput`."""
    if not LEAST_DAYS <= days <= MOST_DAYS:
        raise InvalidInput(where="days", what=f"{days} is out of reach", mend=f"use {LEAST_DAYS} to {MOST_DAYS}")
    return Policy(parse_kind(kind), days)


def parse_note(text: str, where: str) -> str:
    """Raises `InvalidInput`."""
    if not text.strip() or len(text) > LONGEST_NOTE or not text.isprintable():
        raise InvalidInput(where=where, what="it says nothing, or too much", mend=f"use 1 to {LONGEST_NOTE} characters")
    return text.strip()


def parse_day(text: str | None) -> date:
    """A local day; today without one. Raises `InvalidInput`."""
    today = local_day(clock.now())
    if text is None:
        return today
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(where="day", what=f"{text[:40]!r} is no day", mend="write 2026-12-31") from None
    return checked_day(day, today, "day")


async def set_policy(engine: AsyncEngine, policy: Policy, reference: str) -> None:
    async with writing(engine) as connection:
        row = await repository.set_policy(connection, policy, reference, getpass.getuser())
    print(row["acts_on"])


async def end_policy(engine: AsyncEngine, kind: Kind, why: str) -> None:
    async with writing(engine) as connection:
        await repository.end_policy(connection, kind, getpass.getuser(), why)


async def hold(engine: AsyncEngine, recording: UUID, new: NewHold) -> None:
    async with writing(engine) as connection:
        print(await hold_repository.hold(connection, recording, new, getpass.getuser()))


async def release(engine: AsyncEngine, number: int, why: str) -> None:
    async with writing(engine) as connection:
        await hold_repository.release(connection, number, getpass.getuser(), why)


async def print_policies(engine: AsyncEngine, language: str) -> None:
    """All that ever were; those in force first."""
    async with reading(engine) as connection:
        rows = await repository.list_policies(connection)
    columns = ("kind", "keep_days", "reference", "by", "at", "acts_on", "ended_at", "ended_by", "ended_why")
    _print("policies", columns, rows, labels(language))


async def print_holds(engine: AsyncEngine, language: str, *, everything: bool) -> None:
    async with reading(engine) as connection:
        rows = await hold_repository.list_holds(connection, HoldSearch(None if everything else True))
    columns = ("id", "recording_id", "why", "note", "reference", "by", "at", "ended_at", "ended_by", "ended_why")
    _print("holds", columns, rows, labels(language))


async def print_protocols(engine: AsyncEngine, language: str) -> None:
    async with reading(engine) as connection:
        rows = await repository.list_protocols(connection, PROTOCOLS_SHOWN)
    _print("protocols", ("id", "pbx", "at", "day", "action", "recordings", "last_seq"), rows, labels(language))


async def print_dry_run(engine: AsyncEngine, language: str, day: date, trial: Policy | None, *, by_day: bool) -> None:
    """What would expire and be destroyed on a day, and why the rest stays. Changes nothing."""
    async with reading(engine, snapshot=True) as connection:
        lines = await summary(connection, DryRun(day, trial), by_day=by_day)
    days = ("day",) if by_day else ("first_day", "last_day")
    columns = ("pbx", "kind", "action", *days, "reason", "recordings", "seconds", "bytes")
    shown = [{name: getattr(line, name) for name in columns} for line in lines]
    _print("dry_run", columns, [row | {"seconds": round(row["seconds"])} for row in shown], labels(language))


def _print(title: str, columns: Sequence[str], rows: Sequence[Any], texts: Labels) -> None:
    table = Table(title=texts(f"retention.{title}"))
    for name in columns:
        table.add_column(texts(f"retention.{name}"), overflow="fold")
    for row in rows:
        table.add_row(*(printable(_shown(row[name], name, texts)) for name in columns))
    Console(width=max(Console().width, WIDTH)).print(table)


def _shown(value: Any, name: str, texts: Labels) -> str:
    if value is None:
        return ""
    if name in {"at", "ended_at"}:
        return f"{value.astimezone(LOCAL_ZONE):%Y-%m-%d %H:%M:%S}"
    return texts(f"retention.{value}") if name in {"kind", "why", "action", "reason"} else str(value)
