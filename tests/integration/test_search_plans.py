"""How Postgres answers each documented search: by an index, and in the months alone that matter.

On 120,000 generated calls of a year, enough for the planner to choose as it does with millions. The statements are
those that the API sends; values are rare ones, which only their own index finds quickly.
"""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from benchmarks.rig.cdr_generator import generate
from sqlalchemy.dialects.postgresql.asyncpg import dialect

from callcenter.callbacks.follow_up_repository import _lost_statement
from callcenter.calls.model import Direction, Line, Outcome
from callcenter.calls.repository import RECENT, one_statement, page_statement, values_of
from callcenter.calls.search import CallSearch, Order, parse_number
from callcenter.calls.spans import Span, far, near, suffices
from callcenter.clock import now
from callcenter.http.paging import Position
from callcenter.reports.repository import tally_statement
from callcenter.storage.engine import SEARCHING
from callcenter.storage.months import Month, month_of
from callcenter.storage.prepared import Prepared

RECORDS = 120_000
THIS = month_of(now())
FIRST, FULL = THIS.plus(-12), THIS.plus(-6)
"""There are calls in the twelve months that are over: one of a few days is rightly read from end to end."""
DAY = CallSearch(since=now() - timedelta(days=100), until=now() - timedelta(days=99))
MONTH = CallSearch(since=FULL.starts_at, until=FULL.ends_at)
ID = UUID("806af6ac-d225-5feb-97aa-494d0c9a0fa4")


@dataclass(frozen=True)
class Asked:
    """A search, the index that must serve it (its name without the month), and how many months may be looked at."""

    search: CallSearch
    index: str
    months: int = 99
    after: Position | None = None


LAST = Position(now() - timedelta(days=200), ID)
SEARCHES = {
    "newest": Asked(CallSearch(), "started_at_id"),
    "oldest": Asked(CallSearch(order=Order.OLDEST), "started_at_id"),
    "a day": Asked(DAY, "started_at_id", 2),
    "a month": Asked(MONTH, "started_at_id", 1),
    "number": Asked(CallSearch(number=parse_number("13800138000")), "caller_number"),
    "first digits": Asked(CallSearch(number=parse_number("13800138*")), "caller_number"),
    "last digits": Asked(CallSearch(number=parse_number("*138000")), "caller_number_reversed"),
    "last digits of a month": Asked(replace(MONTH, number=parse_number("*138000")), "caller_number_reversed", 1),
    "agent": Asked(CallSearch(agent="2999"), "agents"),
    "agent in a month": Asked(replace(MONTH, agent="2999"), "agents", 1),
    "queue": Asked(CallSearch(queue="nights"), "queues"),
    "outcome": Asked(CallSearch(outcome=Outcome.BLOCKED), "outcome"),
    "outcome in a month": Asked(replace(MONTH, outcome=Outcome.BLOCKED), "outcome", 1),
    "mark": Asked(CallSearch(mark="supervised"), "marked|marks"),
    "no such mark": Asked(CallSearch(mark="recording_paused"), "marks"),
    "line": Asked(CallSearch(line=Line.EMERGENCY), "line"),
    "direction": Asked(CallSearch(direction=Direction.INTERNAL), "direction"),
    "min_talk": Asked(CallSearch(min_talk=4000), "talk_seconds"),
    "longest talks": Asked(CallSearch(order=Order.LONGEST_TALK), "talk_seconds"),
    "longest waits of a month": Asked(replace(MONTH, order=Order.LONGEST_WAIT), "wait_seconds", 1),
    "shortest waits": Asked(CallSearch(order=Order.SHORTEST_WAIT), "wait_seconds"),
    "a page far back": Asked(CallSearch(), "started_at_id", 99, LAST),
    "a page far on": Asked(CallSearch(order=Order.OLDEST), "started_at_id", 99, LAST),
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def filled(postgres_server: Any) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a database with a year of calls."""
    admin = await asyncpg.connect(postgres_server.url("postgres"))
    await admin.execute("CREATE DATABASE plans TEMPLATE template_migrated")
    begin, end = (date(month.year, month.number, 1) for month in (FIRST, THIS))
    await generate(postgres_server.url("plans"), RECORDS, end, years=(end - begin).days / 365.25)
    connection = await asyncpg.connect(postgres_server.url("plans"), server_settings=SEARCHING)
    yield connection
    await connection.close()
    await admin.execute("DROP DATABASE plans WITH (FORCE)")
    await admin.close()


async def explain(connection: asyncpg.Connection, statement: Prepared, values: dict[str, Any]) -> list[dict[str, Any]]:
    """The plan's nodes."""
    said = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {statement.text}", *statement.values(values))
    return list(_nodes(json.loads(said)[0]["Plan"]))


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _nodes(below)


async def plans_of(connection: asyncpg.Connection, asked: Asked) -> list[list[dict[str, Any]]]:
    """One plan for each span that the list looks at."""
    moment = now()
    looked = near(asked.search, asked.after, moment)
    rest = () if suffices(asked.search, looked) else far(asked.search, looked, moment, FIRST)
    stages = [s for s in (looked, rest) if s]
    statements = [(s, page_statement(asked.search, asked.after, s, 101)) for s in stages]
    return [await explain(connection, p, values_of(asked.search, asked.after, s, 101)) for s, p in statements]


def months_of(nodes: list[dict[str, Any]]) -> set[str]:
    """The tables of calls that a plan reads, those without rows left out."""
    names = {n["Relation Name"] for n in nodes if n.get("Relation Name", "").startswith("calls")}
    return {name for name in names if _table(FIRST) <= name < _table(THIS)}


def _table(month: Month) -> str:
    return f"calls_{month.year:04}_{month.number:02}"


def faults(nodes: list[dict[str, Any]], asked: Asked) -> list[str]:
    """What is wrong with a plan: months read from end to end, months without the wanted index, too many of them."""
    read = months_of(nodes)
    used = {n["Index Name"] for n in nodes if "Index Name" in n}
    scanned = [n["Relation Name"] for n in nodes if n["Node Type"] == "Seq Scan" and n["Relation Name"] in read]
    wanted = {month: [f"{month}_{index}" for index in asked.index.split("|")] for month in read}
    bare = [month for month, names in wanted.items() if not used & set(names)]
    many = [f"{len(read)} months"] if len(read) > asked.months else []
    return [*(f"seq scan {name}" for name in scanned), *(f"not by {asked.index}: {m}" for m in bare), *many]


@pytest.mark.parametrize("name", SEARCHES)
async def test_each_search_is_served_by_its_index(filled: asyncpg.Connection, name: str) -> None:
    for plan in await plans_of(filled, SEARCHES[name]):
        assert not faults(plan, SEARCHES[name])


@pytest.mark.parametrize(
    ("index", "name"),
    [
        ("started_at_id", "a day"),
        ("caller_number", "first digits"),
        ("caller_number_reversed", "last digits"),
        ("agents", "agent"),
        ("queues", "queue"),
        ("outcome", "outcome"),
        ("marks", "no such mark"),
        ("line", "line"),
        ("direction", "direction"),
        ("talk_seconds", "longest talks"),
        ("wait_seconds", "longest waits of a month"),
    ],
)
async def test_a_missing_index_would_be_noticed(filled: asyncpg.Connection, index: str, name: str) -> None:
    dropping = filled.transaction()
    await dropping.start()
    await filled.execute(f"DROP INDEX ix_calls_{index}")
    found = [fault for plan in await plans_of(filled, SEARCHES[name]) for fault in faults(plan, SEARCHES[name])]
    await dropping.rollback()
    assert found


async def test_a_page_looks_at_the_near_months_first(filled: asyncpg.Connection) -> None:
    for name in ("newest", "number", "a page far back", "a page far on"):
        first, *_ = await plans_of(filled, SEARCHES[name])
        assert len(months_of(first)) <= 3, name


async def test_one_call_is_found_by_its_key(filled: asyncpg.Connection) -> None:
    for span in (Span(now() - RECENT), Span(None, now() - RECENT)):
        nodes = await explain(filled, one_statement(span), {"id": ID, "first_0": span.first, "last_0": span.last})
        assert not faults(nodes, Asked(CallSearch(), "pk"))


async def test_recordings_are_found_by_their_call(filled: asyncpg.Connection) -> None:
    (nodes,) = await plans_of(filled, SEARCHES["a day"])
    assert "ix_recordings_call_id" in {n.get("Index Name") for n in nodes}


async def test_a_report_reads_its_months_alone(filled: asyncpg.Connection) -> None:
    statement = tally_statement(*(date(month.year, month.number, 1) for month in (FULL, FULL.plus(1))))
    nodes = await explain(filled, _prepared(statement), {})
    assert months_of(nodes) == {_table(FULL)}


async def test_the_worklist_looks_back_a_month(filled: asyncpg.Connection) -> None:
    """`now()` is known when a statement starts: months it excludes are not even opened."""
    statement = _prepared(_lost_statement("hotline"))
    said = await filled.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement.text}", *statement.values({}))
    ran = [n for n in _nodes(json.loads(said)[0]["Plan"]) if n.get("Actual Loops")]
    assert len(months_of(ran)) <= 2


def _prepared(statement: Any) -> Prepared:
    compiled = statement.compile(dialect=dialect(), compile_kwargs={"render_postcompile": True})
    return Prepared(str(compiled), tuple(compiled.positiontup or ()), dict(compiled.params))
