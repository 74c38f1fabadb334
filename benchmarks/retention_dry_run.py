"""Retention on a large archive: the dry run by API and command against hand-written SQL, and a day's expiry.

    .venv/bin/python benchmarks/retention_dry_run.py [--records 1000000] [--rounds 7]

Starts a Postgres of its own with durable defaults and fills it with five years of calls (`rig/cdr_generator.py`) and as
many archived recordings: each with its key, its waveform and its entries in the hash chain, and those of the earliest
busy day with files in a store. Every kind of call has another term, 2,000 recordings are held. The dry run is asked in
turn by HTTP, by `callcenter retention dry-run`, and as one SQL statement that somebody writes who knows the tables; the
counts must be the same. Then the term is set so that the earliest busy day alone is due: it expires, it is destroyed
eight days later, and chain, rows and files are verified.
"""

import argparse
import asyncio
import base64
import hashlib
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.cdr_search import Api
from benchmarks.rig.cdr_generator import generate
from benchmarks.rig.proc import rss
from benchmarks.rig.server import running_server
from callcenter.access.keys import issue
from callcenter.clock import LOCAL_ZONE
from callcenter.recordings.archiving import store_key
from callcenter.recordings.chain import GENESIS, Signer
from callcenter.recordings.deviations import Deviation, Figures
from callcenter.recordings.findings import Finding, entry_of
from callcenter.recordings.model import State, Step
from callcenter.recordings.sealing import Sealed
from callcenter.recordings.store import StoreAddress, open_store
from callcenter.recordings.store_interface import Store
from callcenter.recordings.verifying import check_record
from callcenter.recordings.verifying_files import Files
from callcenter.retention.expiring import Expirer
from callcenter.retention.model import GRACE_DAYS, Kind, Policy
from callcenter.retention.repository import set_policy
from callcenter.storage.engine import make_engine
from callcenter.storage.reading import reading

PBX = "hotline"
YEARS = 5
OPTIONS = ("shared_buffers=2GB", "max_wal_size=8GB", "wal_level=minimal", "max_wal_senders=0")
HELD = 2000
BATCH = 20_000
TERMS = {Kind.HOTLINE: 1095, Kind.EMERGENCY: 1460, Kind.OUTBOUND: 365, Kind.COMPLAINT: 1825}
PEAKS, WRAPPED = bytes(64), bytes(80)
HEARD: dict[str, Any] = {"gaps": []}
LAID_ASIDE = "SELECT id, call_id, name, started_at, ended_at, seconds, bytes FROM plain ORDER BY started_at, id"

BY_HAND = """
SELECT kind, action, count(*), coalesce(sum(seconds), 0), coalesce(sum(bytes), 0)::bigint FROM (
  SELECT kind, seconds, bytes, CASE
    WHEN kind IS NULL OR keep_days IS NULL OR day + keep_days >= $1 OR held THEN 'keep'
    WHEN expired_on IS NULL THEN 'expire' WHEN expired_on + 7 <= $1 THEN 'destroy' ELSE 'keep' END AS action
  FROM (
    SELECT r.seconds, r.bytes, (r.started_at AT TIME ZONE 'Asia/Shanghai')::date AS day,
      CASE WHEN c.id IS NULL THEN NULL WHEN 'complaint' = ANY (c.marks) THEN 'complaint'
        WHEN c.line = 'emergency' THEN 'emergency' WHEN c.direction = 'outbound' THEN 'outbound'
        ELSE 'hotline' END AS kind,
      EXISTS (SELECT FROM recording_holds h WHERE h.recording_id = r.id AND h.ended_at IS NULL) AS held,
      CASE WHEN r.state = 'expired' THEN (
        (jsonb_path_query_array(r.life, '$[*] ? (@.state == "expired")') -> -1 ->> 'at')::timestamptz
        AT TIME ZONE 'Asia/Shanghai')::date END AS expired_on
    FROM recordings r LEFT JOIN calls c ON c.id = r.call_id AND c.started_at <= r.started_at
      AND c.started_at >= r.started_at - interval '2 days'
    WHERE r.state IN ('archived', 'expired')
  ) facts LEFT JOIN (SELECT kind, keep_days FROM retention_policies WHERE ended_at IS NULL) terms USING (kind)
) judged GROUP BY 1, 2
"""


async def fill(url: str, records: int, root: Path, signer: Signer) -> date:
    """The archive; its earliest busy day, whose recordings have files."""
    began = time.perf_counter()
    await generate(url, round(records / 0.84), datetime.now(LOCAL_ZONE).date(), years=YEARS)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("CREATE UNLOGGED TABLE plain AS TABLE recordings", timeout=600)
        await connection.execute("TRUNCATE recordings")
        days = "SELECT (started_at AT TIME ZONE 'Asia/Shanghai')::date, count(*) FROM plain GROUP BY 1 ORDER BY 1"
        counts: dict[date, int] = dict(await connection.fetch(days))
        busy = next(day for day, count in counts.items() if count >= sum(counts.values()) / len(counts))
        seq, before = 0, GENESIS
        async with connection.transaction():
            some: list[Any] = []
            async for row in connection.cursor(LAID_ASIDE, prefetch=BATCH):
                some.append(row)
                if len(some) == BATCH:
                    seq, before = await _copy(connection, some, busy, root, signer, seq, before)
                    some = []
            await _copy(connection, some, busy, root, signer, seq, before)
        await connection.execute("DROP TABLE plain")
        held = "SELECT id, 'disclosure', 'bench', 'bench' FROM recordings ORDER BY sha256 LIMIT $1"
        await connection.execute(f"INSERT INTO recording_holds (recording_id, why, note, by) {held}", HELD, timeout=600)
        await connection.execute("VACUUM ANALYZE", timeout=1200)
        total = await connection.fetchval("SELECT count(*) FROM recordings", timeout=600)
    finally:
        await connection.close()
    print(f"made {total:,} recordings in {time.perf_counter() - began:,.0f} s", flush=True)
    return busy


async def _copy(
    connection: asyncpg.Connection, some: Sequence[Any], busy: date, root: Path, signer: Signer, seq: int, before: str
) -> tuple[int, str]:
    """Rows, keys, waveforms and entries of some recordings; where the chain stands then."""
    rows, entries = [], []
    for plain in some:
        row, sealed, archived = _sealed(plain, busy, root)
        rows.append(row)
        for facts in (sealed, archived):
            seq += 1
            link = signer.link(PBX, seq, before, facts)
            before = link.hash
            entries.append((PBX, seq, facts["kind"], plain["id"], link.entry, link.hash, link.signature))
    ids = [plain["id"] for plain in some]
    await connection.copy_records_to_table("recordings", records=rows, columns=COLUMNS)
    await connection.copy_records_to_table("recording_keys", records=[(each, "site", WRAPPED) for each in ids])
    await connection.copy_records_to_table("recording_peaks", records=[(each, PEAKS) for each in ids])
    columns = ("pbx", "seq", "kind", "recording_id", "entry", "hash", "signature")
    await connection.copy_records_to_table("recording_chain", records=entries, columns=columns)
    return seq, before


COLUMNS = (
    "id", "call_id", "pbx", "name", "started_at", "ended_at", "state", "life", "path", "media_type", "channels",
    "seconds", "bytes", "sha256", "sealed_bytes", "sealed_sha256", "heard", "store",
)  # fmt: skip


class _Row:
    """What `findings.entry_of` reads of a row."""

    def __init__(self, plain: Any) -> None:
        self.id, self.name, self.started_at = plain["id"], plain["name"], plain["started_at"]
        self.life: list[Any] = []


def _sealed(plain: Any, busy: date, root: Path) -> tuple[tuple[Any, ...], dict[str, Any], dict[str, Any]]:
    """A recording as a row, with its two entries."""
    at, content = plain["started_at"] + timedelta(hours=1), plain["id"].bytes
    local, key = plain["started_at"].astimezone(LOCAL_ZONE).date(), store_key(plain["id"], plain["started_at"])
    if local <= busy:
        content *= 100
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        (root / key).write_bytes(content)
    seconds, digest = round(plain["seconds"], 1), hashlib.sha256(content).hexdigest()
    made = Sealed(
        str(plain["id"]), f"{plain['id']}.ccr", seconds, "audio/ogg", plain["bytes"], digest, len(content), digest,
        "site", base64.b64encode(WRAPPED).decode(), HEARD, base64.b64encode(PEAKS).decode(),
    )  # fmt: skip
    steps = [Step(State.SEALED, at, made.file), Step(State.ARCHIVED, at, "local")]
    life = [step.as_json() for step in steps]
    sealed = entry_of(_Row(plain), Finding(State.SEALED, (steps[0],), sealed=made), [], life[:1])
    archived = {"v": 1, "kind": "archived", "recording": str(plain["id"]), "at": at.isoformat(), "reason": "local"}
    row = (
        plain["id"], plain["call_id"], PBX, plain["name"], plain["started_at"], plain["ended_at"], "archived",
        orjson.dumps(life).decode(), key, "audio/ogg", 2, seconds, plain["bytes"], digest, len(content), digest,
        orjson.dumps(HEARD).decode(), "local",
    )  # fmt: skip
    return row, sealed, archived | {"sealed_sha256": digest}


async def terms(engine: AsyncEngine, wanted: dict[Kind, int]) -> None:
    """In force already."""
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE retention_policies SET ended_at = now() WHERE ended_at IS NULL"))
        for kind, days in wanted.items():
            await set_policy(connection, Policy(kind, days), "benchmark", "bench")
        await connection.execute(text("UPDATE retention_policies SET at = now() - interval '9 days'"))


async def compare(url: str, api: Api, rounds: int, today: date) -> None:
    """The three ways in turn; medians, ratios, memory."""
    by_hand = await asyncpg.connect(url, server_settings={"jit": "off"})
    environment = os.environ | {"CALLCENTER_DATABASE_URL": url}
    command = [Path(sys.executable).parent / "callcenter", "retention", "dry-run", "--lang", "en"]
    spent: dict[str, list[float]] = {"API": [], "SQL": [], "command": [], "API list": []}
    before = api.resident_mib()
    for nth in range(rounds + 1):
        took, body = api.seconds("/v1/retention/dry-run")
        began = time.perf_counter()
        rows = await by_hand.fetch(BY_HAND, today, timeout=600)
        sql = time.perf_counter() - began
        began = time.perf_counter()
        await asyncio.to_thread(subprocess.run, command, env=environment, check=True, stdout=subprocess.DEVNULL)
        cli = time.perf_counter() - began
        listed, _ = api.seconds("/v1/retention/dry-run/recordings?limit=100")
        if nth:  # the first one warms the caches for all
            for name, seconds in (("API", took), ("SQL", sql), ("command", cli), ("API list", listed)):
                spent[name].append(seconds)
        _same(json.loads(body)["lines"], rows)
    await by_hand.close()
    for name, seconds in spent.items():
        ratio = statistics.median(each / sql for each, sql in zip(seconds, spent["SQL"], strict=True))
        print(f"{name:10} median {statistics.median(seconds):7.3f} s, {ratio:5.2f} of SQL's", flush=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"API resident {before:.0f} MiB before, {api.resident_mib():.0f} after; command at most {peak:.0f} MiB")


def _same(lines: Sequence[dict[str, Any]], rows: Sequence[Any]) -> None:
    """Both count the same; ours does not tell the kinds of what is younger than every term."""
    theirs: Counter[Any] = Counter()
    for kind, action, count, seconds, size in rows:
        key = (kind, action) if action != "keep" else action
        theirs.update({(key, "n"): count, (key, "s"): round(seconds), (key, "b"): size})
    ours: Counter[Any] = Counter()
    for each in lines:
        key = (each["kind"], each["action"]) if each["action"] != "keep" else "keep"
        ours.update({(key, "n"): each["recordings"], (key, "s"): round(each["seconds"]), (key, "b"): each["bytes"]})
    seconds_apart = [key for key in ours if key[1] == "s" and abs(ours[key] - theirs[key]) > len(lines) + len(rows)]
    if seconds_apart or {k: v for k, v in ours.items() if k[1] != "s"} != {
        k: v for k, v in theirs.items() if k[1] != "s"
    }:
        raise SystemExit(f"not the same: {ours} {theirs}")


async def a_night(engine: AsyncEngine, root: Path, store: Store, signer: Signer, busy: date) -> None:
    """The earliest busy day expires, and is destroyed later."""
    today = datetime.now(LOCAL_ZONE).date()
    await terms(engine, {kind: (today - busy).days - 1 for kind in Kind})
    expirer = Expirer(engine, PBX, root / "sealed", store, signer)
    for name, day in (("nothing due", busy), ("expiry", today), ("destruction", today + timedelta(days=GRACE_DAYS))):
        began = time.perf_counter()
        counts = await expirer.carry_out(day)
        print(f"{name}: {counts} in {time.perf_counter() - began:.2f} s, {rss(os.getpid()):.0f} MiB", flush=True)


async def verify(engine: AsyncEngine, root: Path, store: Store, signer: Signer, busy: date) -> None:
    """Chain, rows, keys, waveforms of all; files of the day that went."""

    @asynccontextmanager
    async def connect() -> AsyncIterator[AsyncConnection]:
        async with reading(engine, snapshot=True) as connection:
            yield connection

    figures, began, found = Figures(), time.perf_counter(), Counter[str]()
    async with connect() as connection:
        async for each in check_record(connection, signer.public, (), figures, every=False):
            found.update([each.kind] if isinstance(each, Deviation) else [])
    until = datetime.combine(busy + timedelta(days=1), datetime.min.time(), LOCAL_ZONE).astimezone(UTC)
    async for each in Files(connect, root / "sealed", store, figures, until=until).check():
        found.update([each.kind] if isinstance(each, Deviation) else [])
    left = sum(1 for _ in _files(root))
    print(
        f"verified {figures.entries:,} entries, {figures.recordings:,} recordings, {figures.files} files"
        f" in {time.perf_counter() - began:,.0f} s: {sum(found.values())} deviations {dict(found) or ''};"
        f" {left} files left"
    )


def _files(root: Path) -> Iterator[Path]:
    return root.rglob("*.ccr")


async def main(records: int, rounds: int) -> None:
    signer = Signer(Ed25519PrivateKey.generate())
    async with running_server(*OPTIONS) as server:
        url, root = await server.database("bench"), server.folder / "store"
        root.mkdir()
        store = open_store(StoreAddress(str(root)))
        busy = await fill(url, records, root, signer)
        engine = make_engine(url, command_timeout=None)
        try:
            await terms(engine, TERMS)
            api = Api(server.folder, url, await issue(engine, "bench", may_change=False))
            try:
                api.wait()
                print("terms as usual: what is due of five years")
                await compare(url, api, rounds, datetime.now(LOCAL_ZONE).date())
                await a_night(engine, root, store, signer, busy)
                print("the morning after: nothing is due")
                await compare(url, api, rounds, datetime.now(LOCAL_ZONE).date())
            finally:
                api.end()
            await verify(engine, root, store, signer, busy)
        finally:
            await engine.dispose()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    asyncio.run(main(asked.records, asked.rounds))
