"""The same calls recorded by us and by Asterisk's own cdr_pgsql with cel_pgsql, into one Postgres server.

    .venv/bin/python benchmarks/against_cdr_pgsql.py [--rates 10 20 40 80] [--seconds 6]

Two hotlines with the same configuration, dialplan and recordings, side by side. *Ours* runs as it is: journal,
listener, API, broker. *Theirs* has lost all of it; instead its Asterisk writes call detail records and the same
channel events into tables made as Asterisk's documentation says (docs.asterisk.org, CDR and CEL PostgreSQL back ends).

The rates are tried by turns, who begins alternates, each side up to the rate at which a call fails or 5 % wait more
than a second for the answer. Then both take calls together while Postgres is stopped for ten seconds.
Postgres's CPU is that of the side's own backends and of the server's background processes during its turn.
"""

import argparse
import asyncio
import secrets
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import asyncpg
from tests.acceptance.hotline import RunningHotline

from benchmarks.cpu_per_call import console, strip
from benchmarks.rig.calls import ring_hard
from benchmarks.rig.proc import cpu, title, tree_cpu
from benchmarks.rig.server import Server, running_server
from callcenter.local import postgres

CALL_SECONDS = 1.5
SLOW_SECONDS = 1.0
SETTLE_SECONDS = 4.0
OUTAGE_SECONDS = 10.0
OUTAGE_RATE = 5.0
OURS, THEIRS = "ours", "theirs"
TABLES = """
CREATE TABLE cdr (
    calldate timestamp NOT NULL, clid varchar(80) NOT NULL, src varchar(80) NOT NULL, dst varchar(80) NOT NULL,
    dcontext varchar(80) NOT NULL, channel varchar(80) NOT NULL, dstchannel varchar(80) NOT NULL,
    lastapp varchar(80) NOT NULL, lastdata varchar(80) NOT NULL, duration int NOT NULL, billsec int NOT NULL,
    disposition varchar(45) NOT NULL, amaflags int NOT NULL, accountcode varchar(20) NOT NULL,
    uniqueid varchar(150) NOT NULL, userfield varchar(255) NOT NULL, peeraccount varchar(20) NOT NULL,
    linkedid varchar(150) NOT NULL, sequence int NOT NULL
);
CREATE TABLE cel (
    id serial, eventtype varchar(30) NOT NULL, eventtime timestamp NOT NULL, userdeftype varchar(255) NOT NULL,
    cid_name varchar(80) NOT NULL, cid_num varchar(80) NOT NULL, cid_ani varchar(80) NOT NULL,
    cid_rdnis varchar(80) NOT NULL, cid_dnid varchar(80) NOT NULL, exten varchar(80) NOT NULL,
    context varchar(80) NOT NULL, channame varchar(80) NOT NULL, appname varchar(80) NOT NULL,
    appdata varchar(80) NOT NULL, amaflags int NOT NULL, accountcode varchar(20) NOT NULL,
    peeraccount varchar(20) NOT NULL, uniqueid varchar(150) NOT NULL, linkedid varchar(150) NOT NULL,
    userfield varchar(255) NOT NULL, peer varchar(80) NOT NULL, extra varchar(512) NOT NULL
);
"""
CONNECTION = "[global]\nhostname={address}\nport=5432\ndbname={name}\nuser={user}\npassword={password}\ntable={table}\n"
RECORDS = {
    OURS: "SELECT count(DISTINCT caller_number) FROM calls WHERE caller_number BETWEEN $1 AND $2",
    THEIRS: "SELECT count(DISTINCT src) FROM cdr WHERE src BETWEEN $1 AND $2",
}
EVENTS = {
    OURS: "SELECT sum(lines) FROM journal_chunks WHERE source = 'cel'",
    THEIRS: "SELECT count(*) FROM cel",
}


@dataclass
class Side:
    """One of the two, with what it showed."""

    name: str
    hotline: RunningHotline
    url: str
    best: float = 0.0
    """The highest rate it bore"""
    over: bool = False
    shown: list[str] = field(default_factory=list)

    @property
    def parts(self) -> dict[str, int]:
        """What takes CPU on this side beside Postgres → process id."""
        names = ("asterisk", "listen", "api", "mosquitto") if self.name == OURS else ("asterisk",)
        return {name: self.hotline.process(name).pid for name in names}

    async def ask(self, query: str, *values: str) -> int:
        connection = await asyncpg.connect(self.url)
        try:
            return await connection.fetchval(query, *values) or 0
        finally:
            await connection.close()

    async def records(self, first: int, count: int) -> int:
        """How many of these callers have a record, after what it takes to store them."""
        await asyncio.sleep(SETTLE_SECONDS)
        return await self.ask(RECORDS[self.name], str(13000000000 + first), str(13000000000 + first + count - 1))


async def give_theirs(hotline: RunningHotline, server: Server, address: str) -> None:
    """Take all that is ours away and load Asterisk's own back ends instead."""
    connection = await asyncpg.connect(server.cluster.url(THEIRS))
    await connection.execute(TABLES)
    await connection.close()
    etc = hotline.settings.asterisk_dir / "etc"
    events = (etc / "cel.conf").read_text()
    await strip(hotline)
    facts = {"address": address, "name": THEIRS, "user": postgres.USER, "password": server.cluster.password}
    (etc / "cel.conf").write_text(events)
    (etc / "cdr.conf").write_text("[general]\nenable = yes\nunanswered = yes\n")
    for table in ("cdr", "cel"):
        (etc / f"{table}_pgsql.conf").write_text(CONNECTION.format(**facts, table=table))
    (etc / "cel_pgsql.conf").open("a").write("show_user_defined=yes\n")
    for command in ("unload cel_custom.so", "load cdr_pgsql.so", "load cel_pgsql.so", "reload cdr", "reload cel"):
        await console(hotline, f"module {command}")


def database_cpu(server: Server, other: str) -> dict[int, float]:
    """CPU seconds by process of the server, without the backends that serve the other side."""
    return {pid: used for pid, used in tree_cpu(server.process.pid).items() if f" {other} " not in title(pid)}


async def turn(side: Side, server: Server, rate: float, count: int, first: int) -> None:
    """One rate on one side."""
    other = THEIRS if side.name == OURS else OURS
    parts = side.parts
    before, database = {part: cpu(pid) for part, pid in parts.items()}, database_cpu(server, other)
    well, failed = await ring_hard(side.hotline.settings.sip_port, rate, count, CALL_SECONDS, first)
    records = await side.records(first, count)
    used = {part: (cpu(pid) - before[part]) / count * 1000 for part, pid in parts.items()}
    after = database_cpu(server, other)
    asterisk, ours = used.pop("asterisk"), sum(used.values())
    stored = sum(max(0.0, seconds - database.get(pid, 0.0)) for pid, seconds in after.items()) / count * 1000
    waits = sorted(caller.answered_after for caller in well) or [99.0]
    slow = waits[int(len(waits) * 0.95)]
    side.over = bool(failed) or slow > SLOW_SECONDS
    side.best = side.best if side.over else rate
    print(f"{rate:>5g}/s {side.name:>6}: Asterisk {asterisk:5.1f} ms a call, ours {ours:5.1f}, Postgres {stored:5.1f}; "
          f"answered after {statistics.median(waits) * 1000:.0f} ms, p95 {slow * 1000:.0f}; "
          f"{len(failed)} failed; records {records} of {count}", flush=True)  # fmt: skip


async def outage(sides: list[Side], server: Server, first: int) -> None:
    """Postgres is stopped for ten seconds while both take calls."""
    count = round((OUTAGE_SECONDS + 14) * OUTAGE_RATE)
    events = {side.name: await side.ask(EVENTS[side.name]) for side in sides}
    ringing = [
        asyncio.create_task(ring_hard(side.hotline.settings.sip_port, OUTAGE_RATE, count, CALL_SECONDS, first))
        for side in sides
    ]
    await asyncio.sleep(5)
    await postgres.halt(server.process)
    await asyncio.sleep(OUTAGE_SECONDS)
    server.process = await postgres.start(server.cluster)
    await asyncio.gather(*ringing)
    await asyncio.sleep(10)
    for side in sides:
        records = await side.records(first, count)
        kept = await side.ask(EVENTS[side.name]) - events[side.name]
        print(f"Postgres away {OUTAGE_SECONDS:g} s, {side.name:>6}: records {records} of {count} calls, "
              f"{count - records} lost; {kept} channel events stored", flush=True)  # fmt: skip


async def main(rates: list[float], seconds: float) -> None:
    address = f"127.{'.'.join(str(byte) for byte in secrets.token_bytes(2))}.2"  # all of 127/8 is this machine
    async with running_server(f"listen_addresses={address}") as server:
        urls = {name: f"postgresql://{postgres.USER}:{server.cluster.password}@{address}/{name}"
                for name in (OURS, THEIRS)}  # fmt: skip
        for name in urls:
            await server.database(name)
        given = {"trunk_call_limit": 1000}
        async with (
            RunningHotline(pbx=OURS, database_url=urls[OURS], **given) as ours,
            RunningHotline(pbx=THEIRS, **given) as theirs,
        ):
            await give_theirs(theirs, server, address)
            sides = [Side(OURS, ours, urls[OURS]), Side(THEIRS, theirs, urls[THEIRS])]
            first = 1_000_000
            for side in sides:
                await ring_hard(side.hotline.settings.sip_port, 10, 20, CALL_SECONDS, 800_000)
            for number, rate in enumerate(rates):
                for side in sides if number % 2 == 0 else sides[::-1]:
                    if not side.over:
                        await turn(side, server, rate, round(rate * seconds), first)
                first += 10_000
            print("; ".join(f"{side.name} bore {side.best:g} calls/s" for side in sides), flush=True)
            await outage(sides, server, first)
            await theirs.start()  # so that it can be stopped as it should be


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rates", type=float, nargs="+", default=[10, 20, 40, 80])
    parser.add_argument("--seconds", type=float, default=6)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.rates, arguments.seconds))
