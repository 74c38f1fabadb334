"""Call records by the million, made inside Postgres: three years of a busy hotline.

    .venv/bin/python benchmarks/rig/cdr_generator.py DATABASE_URL --records 300000

Weekdays 09:00–17:00 carry nearly all calls, Mondays and the first days of a month more; agents come and go; callers
call again (one in twenty calls is from somebody who rings often); one answered call in sixteen is transferred; parts,
timeline and recordings have the sizes of real records. Each month is filled before it has indexes, two at once. The
database must be migrated, ours alone, and without calls.
"""

import argparse
import asyncio
import re
from datetime import date, datetime, timedelta

import asyncpg

from callcenter.clock import LOCAL_ZONE
from callcenter.storage.months import Month, month_of
from callcenter.storage.partitions import partition_name

YEARS = 3
HOURS = [9] * 16 + [10] * 18 + [11] * 13 + [12] * 5 + [13] * 8 + [14] * 14 + [15] * 13 + [16] * 9 + [8, 17, 20, 2]
WEEKDAY_WEIGHTS = (1.25, 1.05, 1.0, 0.95, 0.9, 0.06, 0.05)
MOBILE = [
    *("138", "139", "136", "137", "135", "150", "151", "152", "158", "159", "188", "187", "182", "183", "130", "131"),
    *("132", "155", "156", "185", "186", "133", "153", "177", "180", "181", "189", "199", "166", "191"),
]
ACTIVE_AGENTS = 60

DRAW = """
SELECT d.day, d.nth, gen_random_uuid() AS id, random() AS r1, random() AS r2, random() AS r3, random() AS r4,
    random() AS r5,
  random() AS r6, random() AS r7, random() AS r8, random() AS r9
FROM (SELECT day, nth, n FROM unnest($1::date[], $2::int[], $3::int[]) AS d (day, nth, n)) d, generate_series(1, d.n)
"""

STATEMENT = """
INSERT INTO {table} (id, pbx, uniqueid, direction, line, caller_number, caller_name, did, started_at, answered_at,
    ended_at,
  wait_seconds, ring_seconds, talk_seconds, hold_seconds, agent, agents, queues, outcome, hung_up_by,
    notice_played, service,
  service_source, service_reason, menu_choice, marks, evidence, legs, queue_visits, timeline, anomalies, stored_at)
SELECT id, 'hotline', uid, direction, line, caller, caller_name, did, t0, CASE WHEN talked THEN t3 END, t4, wait,
    ring,
  talk, hold, CASE WHEN talked THEN agent END,
  CASE WHEN transferred THEN ARRAY[agent, second] WHEN talked THEN ARRAY[agent] ELSE '{{}}' END,
  CASE WHEN queue IS NULL THEN '{{}}' WHEN mark = 'overflow' THEN ARRAY[queue,
    'hotline-overflow'] ELSE ARRAY[queue] END,
  outcome, CASE WHEN r9 < 0.7 THEN 'caller' WHEN talked THEN 'agent' ELSE 'system' END, outcome <> 'invalid',
  CASE WHEN open THEN 'open' ELSE 'closed' END, 'pushed', 'hours', CASE WHEN queue IS NULL THEN '' ELSE '1' END,
  CASE WHEN mark IS NULL THEN '{{}}' ELSE ARRAY[mark] END, 'channel_ends',
  ('[' || caller_leg || CASE WHEN queue IS NULL THEN '' ELSE ',' || agent_leg END
    || CASE WHEN transferred THEN ',' || second_leg ELSE '' END || ']')::jsonb,
  CASE WHEN queue IS NULL THEN '[]' ELSE '[' || visit || ']' END::jsonb,
  ('[' || heard || CASE WHEN queue IS NULL THEN '' ELSE queued END || ended || ']')::jsonb, '[]',
    t4 + interval '0.3 s'
FROM (
SELECT *,
  format('{{"uniqueid":"%s","channel":"PJSIP/trunk-%s","role":"caller","number":"%s","name":"%s","agent":null,"started_at":"%s",'
    '"answered_at":"%s","ended_at":"%s","ring_seconds":0.0,"talk_seconds":0,"hold_seconds":0,"hangup_cause":16}}',
    uid, hex, caller, caller_name, s0, s1, s4) AS caller_leg,
  format('{{"uniqueid":"%s1","channel":"PJSIP/%s-%s","role":"agent","number":"%s","name":"%s","agent":"%s","started_at":"%s",'
    '"answered_at":%s,"ended_at":"%s","ring_seconds":%s,"talk_seconds":%s,"hold_seconds":%s,"hangup_cause":%s}}',
    uid, agent, hex, agent, agent, agent, s2, CASE WHEN talked THEN '"' || s3 || '"' ELSE 'null' END, s4, ring,
    talk, hold,
    CASE WHEN talked THEN 16 ELSE 26 END) AS agent_leg,
  format('{{"uniqueid":"%s2","channel":"PJSIP/%s-%s","role":"agent","number":"%s","name":"%s","agent":"%s","started_at":"%s",'
    '"answered_at":"%s","ended_at":"%s","ring_seconds":1.02,"talk_seconds":30.5,"hold_seconds":0,"hangup_cause":16}}',
    uid, second, hex, second, second, second, s3, s3, s4) AS second_leg,
  format('{{"queue":"%s","occurrence":1,"entered_at":"%s","left_at":"%s","position":%s,"result":"%s","agent":%s,'
    '"wait_seconds":%s,"ring_seconds":%s,"unanswered":[]}}', queue, s2, s3, 1 + floor(r9 * 5),
    CASE WHEN talked THEN 'connected' ELSE 'abandoned' END, CASE WHEN talked
    THEN '"' || agent || '"' ELSE 'null' END, wait,
    ring) AS visit,
  format('{{"at":"%s","kind":"started","detail":"%s"}},{{"at":"%s","kind":"service","detail":"open;pushed;hours"}},{{"at":"%s",'
    '"kind":"channel_answered","detail":""}},{{"at":"%s","kind":"recording_started","detail":"%s"}},{{"at":"%s",'
    '"kind":"notice_played","detail":"SUCCESS"}}', s0, did, s0, s1, s1, uid, s2) AS heard,
  format(',{{"at":"%s","kind":"queue_entered","detail":"%s"}},{{"at":"%s","kind":"ringing","detail":"%s"}},{{"at":"%s",'
    '"kind":"channel_answered","detail":"%s"}},{{"at":"%s","kind":"talking","detail":"%s"}},{{"at":"%s","kind":"queue_left",'
    '"detail":"%s"}}', s2, queue, s2, agent, s3, agent, s3, agent, s4, queue) AS queued,
  format(',{{"at":"%s","kind":"hung_up","detail":"PJSIP/trunk-%s"}}', s4, hex) AS ended
FROM (
SELECT *, to_char(t0 AT TIME ZONE 'UTC', {iso}) AS s0, to_char(t1 AT TIME ZONE 'UTC', {iso}) AS s1,
  to_char(t2 AT TIME ZONE 'UTC', {iso}) AS s2, to_char(t3 AT TIME ZONE 'UTC', {iso}) AS s3,
  to_char(t4 AT TIME ZONE 'UTC', {iso}) AS s4,
  'hotline-' || floor(extract(epoch FROM t0)) || '.' || floor(r2 * 100000) AS uid, lpad(to_hex((r2 * 1e8)::int), 8,
    '0') AS hex
FROM (
SELECT *, t0 + interval '1.7 ms' AS t1, t0 + make_interval(secs => prelude) AS t2,
  t0 + make_interval(secs => prelude + wait) AS t3, t0 + make_interval(secs => prelude + wait + talk + hold) AS t4
FROM (
SELECT *, outcome = 'answered' AS talked, outcome = 'answered' AND r8 < 0.06 AS transferred,
  CASE WHEN direction <> 'inbound' OR outcome IN ('closed', 'blocked', 'invalid', 'abandoned_in_menu',
    'queue_full', 'no_agent',
    'incomplete') THEN NULL ELSE line END AS queue,
  CASE WHEN outcome = 'closed' AND r8 < 0.3 THEN 'voicemail' WHEN direction <> 'inbound' THEN NULL
    WHEN outcome = 'abandoned_in_queue' AND r8 < 0.25 THEN 'callback' WHEN outcome <> 'answered' THEN NULL
    WHEN r8 BETWEEN 0.5 AND 0.503 THEN 'complaint' WHEN r8 BETWEEN 0.6 AND 0.65 THEN 'overflow'
    WHEN r8 BETWEEN 0.7 AND 0.701 THEN 'supervised' END AS mark,
  round((CASE WHEN outcome IN ('answered', 'abandoned_in_queue', 'abandoned_ringing') THEN 1 - ln(1 - r6) * 18
    WHEN outcome = 'timed_out' THEN 300 ELSE 0 END)::numeric, 3)::float AS wait,
  round((CASE WHEN outcome IN ('answered', 'abandoned_ringing') THEN 1 + r7 * 6 ELSE 0 END)::numeric, 3)::float
    AS ring,
  round((CASE WHEN outcome = 'answered' THEN 4 - ln(1 - r7) * CASE WHEN r8 > 0.97
    THEN 600 ELSE 150 END ELSE 0 END)::numeric,
    3)::float AS talk,
  round((CASE WHEN outcome = 'answered' AND r9 > 0.9 THEN r6 * 60 ELSE 0 END)::numeric, 3)::float AS hold,
  CASE WHEN outcome = 'invalid' THEN 2 + 2 * r6 ELSE 6.2 END AS prelude
FROM (
SELECT *, (day + make_interval(hours => hour, secs => r2 * 3600)) AT TIME ZONE 'Asia/Shanghai' AS t0,
  CASE WHEN line = 'emergency' OR direction <> 'inbound' THEN CASE WHEN r5 < 0.93
    THEN 'answered' ELSE 'abandoned_ringing' END
    WHEN NOT open THEN 'closed' WHEN r5 < 0.81 THEN 'answered' WHEN r5 < 0.88 THEN 'abandoned_in_queue'
    WHEN r5 < 0.91 THEN 'abandoned_ringing' WHEN r5 < 0.94 THEN 'abandoned_in_menu' WHEN r5 < 0.975 THEN 'invalid'
    WHEN r5 < 0.99 THEN 'timed_out' WHEN r5 < 0.994 THEN 'no_agent' WHEN r5 < 0.997 THEN 'queue_full'
    WHEN r5 < 0.9992 THEN 'blocked' WHEN r5 < 0.9996 THEN 'system_failure' ELSE 'incomplete' END AS outcome,
  CASE WHEN line = 'emergency' THEN '12334' WHEN direction = 'outbound'
    THEN caller WHEN direction = 'internal' THEN '1010'
    ELSE '12333' END AS did
FROM (
SELECT *, hour BETWEEN 9 AND 16 AND extract(isodow FROM day) < 6 AS open,
  CASE WHEN r4 < 0.94 THEN 'inbound' WHEN r4 < 0.99 THEN 'outbound' ELSE 'internal' END AS direction,
  CASE WHEN r4 >= 0.94 THEN NULL WHEN r3 < 0.02 THEN 'emergency' ELSE 'hotline' END AS line,
  (1001 + nth / 2 + floor(r6 * {agents}))::text AS agent, (1001 + nth / 2 + floor(r9 * {agents}))::text AS second,
  CASE WHEN who < 0 THEN '' WHEN who % 400 = 1 THEN '+8525' || lpad((hashint4(who) & 8388607)::text, 7, '0')
    WHEN who % 8 = 0 THEN '021' || lpad((abs(hashint4(who)::bigint) % 100000000)::text, 8, '0')
    ELSE ($6::text[])[1 + abs(hashint4(who + 7)::bigint) % cardinality($6::text[])]
      || lpad((abs(hashint4(who)::bigint) % 100000000)::text, 8, '0') END AS caller,
  CASE WHEN who % 20 = 3 THEN (ARRAY['王小明','李娜','张伟','刘洋','陈静'])[1 + who % 5] ELSE '' END AS caller_name
FROM (
SELECT *, ($4::int[])[1 + floor(r1 * cardinality($4::int[]))::int] AS hour,
  CASE WHEN r8 BETWEEN 0.80 AND 0.81 THEN -1 WHEN r7 < 0.05
    THEN floor(r3 * $5::int / 200) ELSE floor(r3 * r9 * $5::int) END::int
    AS who
FROM ({draw}) draw OFFSET 0) a OFFSET 0) b OFFSET 0) c OFFSET 0) d OFFSET 0) e OFFSET 0) f OFFSET 0) g
"""

RECORDINGS = """
INSERT INTO recordings
  (id, call_id, pbx, name, started_at, ended_at, state, path, media_type, channels, seconds, bytes, sha256)
SELECT gen_random_uuid(), id, pbx, uniqueid, started_at + interval '1.9 ms', ended_at, 'archived',
  to_char(started_at AT TIME ZONE 'Asia/Shanghai', 'YYYY/MM/DD/') || uniqueid || '.ccr', 'audio/ogg', 2,
  round(extract(epoch FROM ended_at - started_at)::numeric, 1)::float, 500 + (talk_seconds * 2600)::bigint,
  encode(sha256(id::text::bytea), 'hex')
FROM {table} WHERE outcome = 'answered' OR marks = '{{voicemail}}'
"""

ISO = """'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'"""


def days(until: date, years: float) -> list[tuple[date, float]]:
    """Each day with its share of the calls."""
    first = until - timedelta(days=round(365.25 * years))
    every = [first + timedelta(days=n) for n in range((until - first).days)]
    weights = [WEEKDAY_WEIGHTS[d.weekday()] * (1.2 if d.day <= 5 else 1.0) for d in every]
    return [(d, w / sum(weights)) for d, w in zip(every, weights, strict=True)]


def months(until: date, years: float, records: int) -> dict[Month, list[tuple[date, int]]]:
    """Calls a day by month; they add up to `records`."""
    found: dict[Month, list[tuple[date, int]]] = {}
    share = due = 0.0
    for day, weight in days(until, years):
        share += weight
        count = round(share * records) - round(due)
        due = round(share * records)
        month = month_of(datetime(day.year, day.month, day.day, tzinfo=LOCAL_ZONE))
        found.setdefault(month, []).append((day, count))
    return found


async def generate(url: str, records: int, until: date, *, years: float = YEARS, at_once: int = 2) -> None:
    """Fill `calls` and `recordings` with `records` calls before `until`, indexes and statistics included."""
    plan = months(until, years, records)
    waiting = list(enumerate(plan.items()))
    connection = await asyncpg.connect(url)
    kept = await _set_aside(connection, "recordings")
    indexes = [r[0] for r in await connection.fetch(INDEXES, "calls")]
    await asyncio.gather(*(_work(url, waiting, indexes, records) for _ in range(at_once)))
    for statement in kept:
        await connection.execute(statement, timeout=3600)
    await connection.execute("VACUUM ANALYZE recordings", timeout=3600)
    await connection.close()


INDEXES = "SELECT indexdef FROM pg_indexes WHERE tablename = $1"


async def _set_aside(connection: asyncpg.Connection, table: str) -> list[str]:
    """Drop a table's indexes; returns what makes them again."""
    made = [r[0] for r in await connection.fetch(INDEXES, table)]
    await connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT pk_{table}")
    for statement in made:
        name = re.match(r"CREATE (?:UNIQUE )?INDEX (\w+)", statement)[1]  # type: ignore[index]
        await connection.execute(f"DROP INDEX IF EXISTS {name}")
    return [*made, f"ALTER TABLE {table} ADD CONSTRAINT pk_{table} PRIMARY KEY USING INDEX pk_{table}"]


async def _work(url: str, waiting: list, indexes: list[str], records: int) -> None:  # type: ignore[type-arg]
    connection = await asyncpg.connect(url)
    await connection.execute("SET synchronous_commit = off; SET maintenance_work_mem = '512MB'; SET jit = off")
    while waiting:
        nth, (month, plan) = waiting.pop(0)
        await _fill_month(connection, nth, month, plan, indexes, records)
    await connection.close()


async def _fill_month(
    connection: asyncpg.Connection,
    nth: int,
    month: Month,
    plan: list[tuple[date, int]],
    indexes: list[str],
    records: int,
) -> None:
    """Rows, then indexes, then into the partitioned table: with wal_level=minimal none of it is logged."""
    name = partition_name("calls", month)
    statement = STATEMENT.format(table=name, iso=ISO, agents=ACTIVE_AGENTS, draw=DRAW)
    values = ([d for d, _ in plan], [nth] * len(plan), [n for _, n in plan], HOURS, max(records // 4, 1000), MOBILE)
    async with connection.transaction():
        await connection.execute(f"DROP TABLE IF EXISTS {name}")
        await connection.execute(f"CREATE TABLE {name} (LIKE calls INCLUDING DEFAULTS)")
        await connection.execute(statement, *values, timeout=3600)
        await connection.execute(RECORDINGS.format(table=name), timeout=3600)
        for index in indexes:
            moved = index.replace(" ON ONLY public.calls ", f" ON {name} ").replace(
                "INDEX pk_calls", "INDEX ix_calls_pk"
            )
            await connection.execute(re.sub(r"INDEX ix_calls_(\w+)", rf"INDEX {name}_\1", moved, count=1), timeout=3600)
        await connection.execute(f"ALTER TABLE {name} ADD PRIMARY KEY USING INDEX {name}_pk")
        since, until = month.starts_at, month.ends_at
        await connection.execute(
            f"ALTER TABLE {name} ADD CONSTRAINT month CHECK (started_at >= '{since}' AND started_at < '{until}')"
        )
        await connection.execute(
            f"ALTER TABLE calls ATTACH PARTITION {name} FOR VALUES FROM ('{since}') TO ('{until}')"
        )
        await connection.execute(f"ALTER TABLE {name} DROP CONSTRAINT month")
    await connection.execute(f"VACUUM ANALYZE {name}", timeout=3600)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--records", type=int, default=10_000_000)
    parser.add_argument("--until", type=date.fromisoformat, default=datetime.now(LOCAL_ZONE).date())
    arguments = parser.parse_args()
    asyncio.run(generate(arguments.url, arguments.records, arguments.until))
