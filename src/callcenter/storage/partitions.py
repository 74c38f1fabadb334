"""Monthly partitions: made ahead, filled from the default partition, detached by retention, brought back.

Theory of operation. Rows of a month that has no partition go to the default partition, so nothing is ever refused for
want of one. Whoever makes a month takes an advisory lock (several listeners, migrations), then locks the table against
writers: a row that was on its way to the default partition would else be refused there once the month exists. All locks
are waited for half a second at most (`LOCK_TIMEOUT`), since new queries queue up behind whoever waits; then the
attempt is given up and made again. Readers, inserts and upserts lock the parent before its parts, as all this does: no
deadlock. `DETACH … CONCURRENTLY` can't be had: Postgres refuses it where there is a default partition.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from callcenter.storage.months import Month, parse_month

PARTITIONS_LOCK = 0x63616C70
"""Advisory lock: one maker at a time."""
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '500ms'"
DETACHED = "_detached"
KEPT = "attached by hand: retention leaves it"
"""Comment on a partition that somebody brought back."""


@dataclass(frozen=True, slots=True)
class Partition:
    """A month's table, attached or not; `month` is None for the default partition."""

    name: str
    month: Month | None
    attached: bool
    kept: bool
    rows: int
    """As the planner estimates; the default partition's are counted."""
    bytes: int
    """With indexes and long values."""


LIST = text(
    "SELECT c.relname AS name, i.inhrelid IS NOT NULL AS attached, obj_description(c.oid, 'pg_class') = :kept AS kept,"
    " greatest(c.reltuples, 0)::bigint AS rows, pg_total_relation_size(c.oid) AS bytes"
    " FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND i.inhparent = to_regclass(:table)"
    " WHERE c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass(:table)) AND c.relkind = 'r'"
    " AND c.relname ~ ('^' || :table || '_(default|[0-9]{4}_[0-9]{2}(_detached)?)$') ORDER BY c.relname"
)


def partition_name(table: str, month: Month) -> str:
    return f"{table}_{month.year:04}_{month.number:02}"


def list_partitions(connection: Connection, table: str) -> list[Partition]:
    """Every month's table, oldest first, the default partition last."""
    rows = connection.execute(LIST, {"table": table, "kept": KEPT}).all()
    found = [
        Partition(r.name, _month(r.name, table), r.attached, bool(r.kept), _rows(connection, r), r.bytes) for r in rows
    ]
    return sorted(found, key=lambda p: (p.month is None, p.month or Month(1, 1), p.name))


def _month(name: str, table: str) -> Month | None:
    rest = name.removeprefix(f"{table}_").removesuffix(DETACHED)
    return None if rest == "default" else parse_month(rest.replace("_", "-"))


def _rows(connection: Connection, row: "object") -> int:
    name, estimate = row.name, row.rows  # type: ignore[attr-defined]
    if name.endswith("_default"):
        return int(connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one())  # noqa: S608
    return int(estimate)


def take_turn(connection: Connection) -> None:
    """Be the only maker until this transaction ends; short waits from here on. Raises when another has it for long."""
    connection.execute(text(LOCK_TIMEOUT))
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": PARTITIONS_LOCK})


def stray_months(connection: Connection, table: str) -> list[Month]:
    """Months that rows of the default partition belong to."""
    zone = "date_trunc('month', timezone('Asia/Shanghai', started_at))"
    found = connection.execute(text(f"SELECT DISTINCT to_char({zone}, 'YYYY-MM') FROM \"{table}_default\""))  # noqa: S608
    return sorted(parse_month(each) for each in found.scalars() if each[:2] in ("19", "20") and len(each) == 7)


def make_month(connection: Connection, table: str, month: Month) -> bool:
    """Make a month's partition and move its rows there from the default partition; False when it was there.

    One transaction of the caller's, after `take_turn`.
    """
    name = partition_name(table, month)
    if _exists(connection, name) or _exists(connection, name + DETACHED):
        return False
    connection.execute(text(f'CREATE TABLE "{name}" (LIKE "{table}" INCLUDING ALL)'))
    _attach(connection, table, name, month)
    return True


def detach_month(connection: Connection, table: str, month: Month) -> str | None:
    """Take a month out and keep it as a table of its own.

    Returns that table's name; None when the month isn't attached or the name is taken.
    """
    name = partition_name(table, month)
    if not _exists(connection, name) or _exists(connection, name + DETACHED):
        return None
    connection.execute(text(f'ALTER TABLE "{table}" DETACH PARTITION "{name}"'))
    connection.execute(text(f'COMMENT ON TABLE "{name}" IS NULL'))
    connection.execute(text(f'ALTER TABLE "{name}" RENAME TO "{name}{DETACHED}"'))
    return name + DETACHED


def attach_month(connection: Connection, table: str, month: Month) -> bool:
    """Bring a detached month back, for as long as nobody detaches it by hand; False when there is none."""
    name = partition_name(table, month)
    if not _exists(connection, name + DETACHED) or _exists(connection, name):
        return False
    connection.execute(text(f'ALTER TABLE "{name}{DETACHED}" RENAME TO "{name}"'))
    connection.execute(text(f"COMMENT ON TABLE \"{name}\" IS '{KEPT}'"))
    _attach(connection, table, name, month)
    return True


def _exists(connection: Connection, name: str) -> bool:
    return bool(connection.execute(text("SELECT to_regclass(:name) IS NOT NULL"), {"name": f'"{name}"'}).scalar())


def _attach(connection: Connection, table: str, name: str, month: Month) -> None:
    """Checked before the lock: ATTACH then reads neither the new table nor, once it is swept, the default one."""
    since, until = month.starts_at.isoformat(), month.ends_at.isoformat()
    inside = f"started_at >= '{since}' AND started_at < '{until}'"
    connection.execute(text(f'ALTER TABLE "{name}" ADD CONSTRAINT month CHECK ({inside})'))
    connection.execute(text(f'LOCK TABLE ONLY "{table}" IN SHARE ROW EXCLUSIVE MODE'))
    connection.execute(text(f'LOCK TABLE "{table}_default" IN ACCESS EXCLUSIVE MODE'))
    _sweep(connection, f"{table}_default", name, inside)
    connection.execute(
        text(f"ALTER TABLE \"{table}\" ATTACH PARTITION \"{name}\" FOR VALUES FROM ('{since}') TO ('{until}')")
    )
    connection.execute(text(f'ALTER TABLE "{name}" DROP CONSTRAINT month'))


def _sweep(connection: Connection, default: str, name: str, inside: str) -> None:
    """Rows of the default partition are newer than what a table that comes back holds of the same calls."""
    newer = f'SELECT id FROM "{default}" WHERE {inside}'  # noqa: S608
    connection.execute(text(f'DELETE FROM "{name}" WHERE id IN ({newer})'))  # noqa: S608
    moved = f'WITH moved AS (DELETE FROM "{default}" WHERE {inside} RETURNING *)'  # noqa: S608
    connection.execute(text(f'{moved} INSERT INTO "{name}" SELECT * FROM moved'))  # noqa: S608
