# ruff: noqa: E501, S608
"""CDR search over HTTP against hand-written SQL in psql: p50 and p99 of each documented query, on the same records.

    .venv/bin/python benchmarks/cdr_search.py [--records 10000000] [--rounds 100] [--database URL]

Starts a Postgres of its own with durable defaults, fills it (`cdr_generator.py`), and serves the API as `callcenter api`
does. Each query is asked with other values every time; the same values go to psql (one session, `\\timing`, the same page
of columns, recordings included), each pair in turn, so that both meet the same machine and equally warm data. The
client is a bare HTTP/1.1 connection. Then CSV against `COPY TO` of the same columns, with the API's resident memory.
`--database` takes a filled database instead (as `cdr_generator.py` leaves it).
"""

import argparse
import asyncio
import http.client
import json
import os
import random
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import asyncpg

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.rig.cdr_generator import YEARS, generate
from callcenter.access.keys import issue
from callcenter.clock import LOCAL_ZONE
from callcenter.local import postgres
from callcenter.local.ports import passing_port
from callcenter.storage.engine import make_engine
from callcenter.storage.migrate import migrate
from callcenter.storage.months import month_of

COLUMNS = """id, pbx, direction, line, caller_number, caller_name, did, started_at, answered_at, ended_at, wait_seconds,
 ring_seconds, talk_seconds, hold_seconds, agent, outcome, hung_up_by, notice_played"""
RECORDINGS = """(SELECT json_agg(json_build_object('id', r.id, 'state', r.state, 'reason', r.reason, 'started_at', r.started_at,
 'seconds', r.seconds, 'channels', r.channels, 'media_type', r.media_type, 'bytes', r.bytes, 'sha256', r.sha256)
 ORDER BY r.started_at, r.id) FROM recordings r WHERE r.call_id = c.id)"""
DETAIL = "uniqueid, service, service_source, service_reason, menu_choice, marks, evidence, legs, queue_visits, timeline, anomalies"
NEWEST = "started_at DESC, id DESC"


@dataclass(frozen=True)
class Query:
    """One question: as a client asks it, and as somebody who knows SQL and the tables does."""

    path: str
    sql: str


def page(parameters: dict[str, object], where: str, order: str = NEWEST, limit: int = 100) -> Query:
    asked = urlencode({"limit": limit, **parameters})
    sql = f"SELECT {COLUMNS}, {RECORDINGS} FROM calls c WHERE {where or 'true'} ORDER BY {order} LIMIT {limit + 1};"
    return Query(f"/v1/cdrs?{asked}", sql.replace("\n", ""))


def by_months(asked: Query, since: date, until: date) -> Query:
    """The same question with each month asked apart: for all at once Postgres walks months without such a call from end to end."""
    months = [month_of(datetime(until.year, until.month, 15, tzinfo=LOCAL_ZONE))]
    while months[-1].starts_at.date() > since:
        months.append(months[-1].plus(-1))
    body, _, tail = asked.sql.removesuffix(";").rpartition(" ORDER BY ")
    parts = [
        f"({body} AND started_at >= '{m.starts_at}' AND started_at < '{m.ends_at}' ORDER BY {tail})" for m in months
    ]
    return Query(asked.path, f"SELECT * FROM ({' UNION ALL '.join(parts)}) months LIMIT 101;")


class Values:
    """Random values as they are in the data."""

    def __init__(self, records: list[asyncpg.Record], until: date, seed: int) -> None:
        self.records, self.until, self.random = records, until, random.Random(seed)  # noqa: S311

    def by_months(self, asked: Query) -> Query:
        return by_months(asked, self.until - timedelta(days=round(365.25 * YEARS)), self.until)

    def day(self, length: int = 1) -> tuple[dict[str, object], str]:
        first = self.until - timedelta(days=self.random.randrange(length, round(365 * YEARS)))
        return self._between(first, first + timedelta(days=length))

    def month(self) -> tuple[dict[str, object], str]:
        first = (self.until - timedelta(days=self.random.randrange(40, round(365 * YEARS)))).replace(day=1)
        return self._between(first, (first + timedelta(days=32)).replace(day=1))

    def _between(self, since: date, until: date) -> tuple[dict[str, object], str]:
        where = f"started_at >= '{since} 00:00+08' AND started_at < '{until} 00:00+08'"
        return {"from": since, "until": until}, where

    def call(self) -> asyncpg.Record:
        return self.random.choice(self.records)

    def number(self) -> str:
        while True:
            number: str = self.call()["caller_number"]
            if len(number) > 6 and number.isdigit():
                return number

    def agent(self) -> str:
        """Somebody who is here or has left."""
        while True:
            agent: str | None = self.call()["agent"]
            if agent:
                return agent

    def of(self, *choices: str) -> str:
        return self.random.choice(choices)


def begins(column: str, text: str) -> str:
    after = text[:-1] + chr(ord(text[-1]) + 1)
    return f"{column} ~>=~ '{text}' AND {column} ~<~ '{after}'"


OUTCOMES = (
    "answered",
    "abandoned_in_queue",
    "abandoned_ringing",
    "timed_out",
    "closed",
    "invalid",
    "no_agent",
    "blocked",
)
MARKS = ("voicemail", "callback", "complaint", "overflow", "supervised")


def questions(v: Values) -> dict[str, Query]:
    """One of each kind, with values of its own."""
    day, in_day = v.day()
    month, in_month = v.month()
    number, agent, outcome, mark = v.number(), v.agent(), v.of(*OUTCOMES), v.of(*MARKS)
    queue = v.of("hotline", "emergency", "hotline-overflow")
    prefix, suffix, call = number[: v.random.randint(3, 7)], number[-v.random.randint(4, 6) :], v.call()
    talk = v.random.choice((300, 600, 1200))
    direction, line = v.of("inbound:hotline", "inbound:emergency").split(":")
    one = f"SELECT {COLUMNS}, {DETAIL}, {RECORDINGS} FROM calls c WHERE id = '{call['id']}';"
    tail = begins("reverse(caller_number)", suffix[::-1])
    return {
        "newest": page({}, ""),
        "a day": page(day, in_day),
        "a month": page(month, in_month),
        "a month, 1000 a page": page(month, in_month, limit=1000),
        "number": page({"number": number}, f"caller_number = '{number}'"),
        "number begins 138* to 1380013*": page({"number": f"{prefix}*"}, begins("caller_number", prefix)),
        "number ends *8000 to *138000": page({"number": f"*{suffix}"}, tail),
        "number begins, in a month": page({**month, "number": f"{prefix}*"}, f"{in_month} AND {begins('caller_number', prefix)}"),
        "agent": v.by_months(page({"agent": agent}, f"agents @> ARRAY['{agent}']")),
        "agent, in a month": page({**month, "agent": agent}, f"{in_month} AND agents @> ARRAY['{agent}']"),
        "queue": v.by_months(page({"queue": queue}, f"queues @> ARRAY['{queue}']")),
        "outcome": page({"outcome": outcome}, f"outcome = '{outcome}'"),
        "outcome, in a day": page({**day, "outcome": outcome}, f"{in_day} AND outcome = '{outcome}'"),
        "mark": v.by_months(page({"mark": mark}, f"marks @> ARRAY['{mark}']")),
        "mark, in a month": page({**month, "mark": mark}, f"{in_month} AND marks @> ARRAY['{mark}']"),
        "line and direction": page({"line": line, "direction": direction}, f"line = '{line}' AND direction = '{direction}'"),
        "outbound": page({"direction": "outbound"}, "direction = 'outbound'"),
        "min_talk": page({"min_talk": talk}, f"talk_seconds >= {talk}"),
        "agent, outcome, min_talk, in a month": page(
            {**month, "agent": agent, "outcome": "answered", "min_talk": talk},
            f"{in_month} AND agents @> ARRAY['{agent}'] AND outcome = 'answered' AND talk_seconds >= {talk}",
        ),
        "longest waits of a day": page({**day, "order": "-wait_seconds"}, in_day, "wait_seconds DESC, id DESC"),
        "longest talks of a month": page({**month, "order": "-talk_seconds"}, in_month, "talk_seconds DESC, id DESC"),
        "longest talks of all": page({"order": "-talk_seconds"}, "", "talk_seconds DESC, id DESC"),
        "one call by id": Query(f"/v1/cdrs/{call['id']}", one.replace("\n", "")),
    }  # fmt: skip


class Psql:
    """One session; how long a statement took by its own `\\timing`."""

    def __init__(self, binaries: Path, url: str, output: Path) -> None:
        self._process = subprocess.Popen(
            [binaries / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", url],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self._output = output
        self._say("SET jit = off; SET max_parallel_workers_per_gather = 0;\n\\timing on")

    def _say(self, text: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()

    def seconds(self, sql: str) -> float:
        self._say(f"\\o {self._output}\n{sql}\n\\o")
        assert self._process.stdout
        while not (line := self._process.stdout.readline()).startswith("Time:"):
            if not line or "ERROR" in line:
                raise RuntimeError(f"{line} in {sql}")
        return float(line.split()[1]) / 1000

    def end(self) -> None:
        self._say("\\q")
        self._process.wait(10)


class Api:
    """`callcenter api` in a process of its own, and a bare connection to it."""

    def __init__(self, home: Path, url: str, key: str) -> None:
        port = passing_port()
        self._headers = {"X-API-Key": key}
        settings = {"HOME": str(home), "HTTP_PORT": str(port), "DATABASE_URL": url}
        environment = os.environ | {f"CALLCENTER_{name}": value for name, value in settings.items()}
        self.process = subprocess.Popen([Path(sys.prefix) / "bin" / "callcenter", "api"], env=environment)
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)

    def wait(self) -> None:
        for _ in range(300):
            try:
                self._connection.request("GET", "/v1/cdrs?limit=1", headers=self._headers)
                self._connection.getresponse().read()
            except OSError:
                self._connection.close()
                time.sleep(0.2)
            else:
                return
        raise RuntimeError("the API does not answer")

    def seconds(self, path: str) -> tuple[float, bytes]:
        self._connection.request("GET", "/v1/cdrs?limit=1", headers=self._headers)  # the API closes idle connections
        try:
            self._connection.getresponse().read()
        except http.client.RemoteDisconnected:
            self._connection.close()
        began = time.perf_counter()
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        spent = time.perf_counter() - began
        if answer.status != 200:
            raise RuntimeError(f"{answer.status} {body[:300]!r} for {path}")
        return spent, body

    def stream(self, path: str) -> Iterator[bytes]:
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        while piece := answer.read(1 << 16):
            yield piece

    def resident_mib(self) -> float:
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(20)


def compare(api: Api, psql: Psql, values: Values, rounds: int) -> None:
    """Every question `rounds` times with other values, over HTTP and in psql in turn."""
    for query in questions(values).values():  # connections, plans, catalogue: warm on both sides
        api.seconds(query.path)
        psql.seconds(query.sql)
    ours: dict[str, list[float]] = {}
    theirs: dict[str, list[float]] = {}
    for nth in range(rounds):
        for name, query in questions(values).items():
            sides = [lambda q=query: api.seconds(q.path)[0], lambda q=query: psql.seconds(q.sql)]
            spent = [side() for side in (sides if nth % 2 else sides[::-1])]
            spent = spent if nth % 2 else spent[::-1]
            ours.setdefault(name, []).append(spent[0])
            theirs.setdefault(name, []).append(spent[1])
    print(f"{'query':38} {'HTTP p50':>9} {'p99':>8} {'psql p50':>9} {'p99':>8}   p50   p99 (ratios)")
    for name, spent in ours.items():
        (a, b), (c, d) = ranks(spent), ranks(theirs[name])
        print(f"{name:38} {a:9.1f} {b:8.1f} {c:9.1f} {d:8.1f} {a / c:5.2f} {b / d:5.2f}", flush=True)


def ranks(seconds: list[float]) -> tuple[float, float]:
    cut = statistics.quantiles(seconds, n=100, method="inclusive")
    return cut[49] * 1000, cut[98] * 1000


def deep(api: Api, rounds: int) -> None:
    """Page 10,000 of the whole list beside page 1, in turn."""
    cursor, pages = "", 0
    for _ in range(1000):  # ten pages of 100 in one
        body = json.loads(api.seconds(f"/v1/cdrs?limit=1000{cursor}")[1])
        pages += 10
        if body["next"] is None:
            break
        cursor = f"&cursor={body['next']}"
    times: dict[str, list[float]] = {"page 1": [], f"page {pages:,}": []}
    for _ in range(rounds):
        for name, path in zip(times, ("/v1/cdrs?limit=100", f"/v1/cdrs?limit=100{cursor}"), strict=True):
            times[name].append(api.seconds(path)[0])
    for name, spent in times.items():
        print(f"{name:38} {ranks(spent)[0]:9.1f} {ranks(spent)[1]:8.1f}")


def csv_against_copy(api: Api, binaries: Path, url: str, span: tuple[dict[str, object], str], folder: Path) -> None:
    """Rows/s of our CSV and of COPY TO of the same columns, in turn; our process's memory meanwhile."""
    asked, where = span
    listed = COLUMNS.replace("\n", "")
    ids = "(SELECT string_agg(r.id::text, ' ' ORDER BY r.started_at, r.id) FROM recordings r WHERE r.call_id = c.id)"
    copy = f"COPY (SELECT {listed}, {ids} FROM calls c WHERE {where} ORDER BY {NEWEST}) TO STDOUT (FORMAT csv)"
    rates: list[tuple[float, float]] = []
    with sampled(api) as memory:
        for _ in range(3):
            began, lines = time.perf_counter(), 0
            for piece in api.stream(f"/v1/cdrs?{urlencode({'format': 'csv', **asked})}"):
                lines += piece.count(b"\r\n")
            ours = (lines - 1) / (time.perf_counter() - began)
            began = time.perf_counter()
            subprocess.run([binaries / "psql", "-XqAt", url, "-c", copy, "-o", folder / "copy.csv"], check=True)
            theirs = (folder / "copy.csv").read_bytes().count(b"\n") / (time.perf_counter() - began)
            rates.append((ours, theirs))
    ours, theirs = (statistics.median(column) for column in zip(*rates, strict=True))
    print(f"CSV of {lines - 1:,} calls: {ours:,.0f} rows/s, COPY TO {theirs:,.0f}, ratio {ours / theirs:.2f}; "
          f"resident {memory[0]:.0f} MiB before, at most {max(memory):.0f}")  # fmt: skip


@contextmanager
def sampled(api: Api) -> Iterator[list[float]]:
    """The API's resident memory, every 50 ms."""
    memory, done = [api.resident_mib()], threading.Event()

    def sample() -> None:
        while not done.wait(0.05):
            memory.append(api.resident_mib())

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield memory
    finally:
        done.set()
        thread.join()


COUNT = "SELECT sum(c.reltuples)::bigint FROM pg_inherits i JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = 'calls'::regclass AND reltuples > 0"


async def prepare(url: str) -> tuple[list[asyncpg.Record], str, date]:
    """Calls to take values from, a key for the API, the day after the last call."""
    connection = await asyncpg.connect(url)
    some = await connection.fetch(
        "SELECT id, caller_number, agent, started_at FROM calls TABLESAMPLE SYSTEM (0.5) LIMIT 200000"
    )
    last: datetime = await connection.fetchval("SELECT max(started_at) FROM calls")
    total = await connection.fetchval(COUNT)
    await connection.close()
    engine = make_engine(url)
    key = await issue(engine, f"bench-{secrets.token_hex(4)}", may_change=False)
    await engine.dispose()
    print(f"{total:,} calls", flush=True)
    return some, key, last.astimezone(LOCAL_ZONE).date()


async def fill(cluster: postgres.Cluster, records: int) -> None:
    await postgres.ensure_database(cluster)
    engine = make_engine(cluster.url())
    await migrate(engine)
    await engine.dispose()
    began = time.perf_counter()
    await generate(cluster.url(), records, datetime.now(LOCAL_ZONE).date())
    print(f"made {records:,} calls in {time.perf_counter() - began:,.0f} s", flush=True)


def measure(url: str, binaries: Path, folder: Path, rounds: int) -> None:
    some, key, until = asyncio.run(prepare(url))
    values = Values(some, until, seed=1)
    api, psql = Api(folder, url, key), Psql(binaries, url, folder / "answer")
    try:
        api.wait()
        compare(api, psql, values, rounds)
        deep(api, rounds)
        csv_against_copy(api, binaries, url, values.month(), folder)
    finally:
        psql.end()
        api.end()


def main(records: int, rounds: int, database: str | None) -> None:
    folder = Path(tempfile.mkdtemp(prefix="cc-bench-"))
    folder.chmod(0o711)
    binaries = next(iter(postgres.installed_binaries()))
    options = ("shared_buffers=2GB", "max_wal_size=8GB", "wal_level=minimal", "max_wal_senders=0")
    cluster = postgres.Cluster(folder / "pg", folder / "s", folder / "log", secrets.token_hex(8), options)
    server = None
    try:
        if database is None:
            server = asyncio.run(postgres.start(cluster))
            asyncio.run(fill(cluster, records))
        measure(database or cluster.url(), binaries, folder, rounds)
    finally:
        if server:
            asyncio.run(postgres.halt(server))
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--database")
    arguments = parser.parse_args()
    main(arguments.records, arguments.rounds, arguments.database)
