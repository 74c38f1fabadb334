# ruff: noqa: S608
"""Call records in monthly partitions."""

from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

FIRST_YEAR, LAST_YEAR = 2000, 2100
"""Months beyond are of clocks that were not set; their rows go to the default partition."""

INDEXES = (
    "CREATE INDEX ix_calls_started_at_id ON calls (started_at, id)",
    "CREATE INDEX ix_calls_caller_number ON calls (caller_number text_pattern_ops, started_at)",
    "CREATE INDEX ix_calls_caller_number_reversed ON calls (reverse(caller_number) text_pattern_ops, started_at)",
    "CREATE INDEX ix_calls_agents ON calls USING gin (agents) WITH (fastupdate = off)",
    "CREATE INDEX ix_calls_queues ON calls USING gin (queues) WITH (fastupdate = off)",
    "CREATE INDEX ix_calls_marks ON calls USING gin (marks) WITH (fastupdate = off)",
    "CREATE INDEX ix_calls_marked ON calls (started_at, id) WHERE marks <> '{}'",
    "CREATE INDEX ix_calls_outcome ON calls (outcome, started_at)",
    "CREATE INDEX ix_calls_line ON calls (line, started_at)",
    "CREATE INDEX ix_calls_direction ON calls (direction, started_at)",
    "CREATE INDEX ix_calls_outbound_did ON calls (did, started_at) WHERE direction = 'outbound'",
    "CREATE INDEX ix_calls_wait_seconds ON calls (wait_seconds, id)",
    "CREATE INDEX ix_calls_talk_seconds ON calls (talk_seconds, id)",
)
FORMER_INDEXES = (
    "CREATE INDEX ix_calls_started_at_id ON calls (started_at, id)",
    "CREATE INDEX ix_calls_caller_number ON calls (caller_number text_pattern_ops, started_at)",
    "CREATE INDEX ix_calls_caller_number_reversed ON calls (reverse(caller_number) text_pattern_ops, started_at)",
    "CREATE INDEX ix_calls_agents ON calls USING gin (agents)",
    "CREATE INDEX ix_calls_marks ON calls USING gin (marks)",
    "CREATE INDEX ix_calls_outcome ON calls (outcome, started_at)",
    "CREATE INDEX ix_calls_outbound_did ON calls (did, started_at) WHERE direction = 'outbound'",
)


def upgrade() -> None:
    op.drop_constraint("fk_recordings_call_id", "recordings", type_="foreignkey")
    _set_aside("calls_whole")
    op.execute("CREATE TABLE calls (LIKE calls_whole INCLUDING DEFAULTS) PARTITION BY RANGE (started_at)")
    op.execute("ALTER TABLE calls ADD CONSTRAINT pk_calls PRIMARY KEY (id, started_at)")
    for index in INDEXES:
        op.execute(index)
    op.execute("CREATE TABLE calls_default PARTITION OF calls DEFAULT")
    for year, month in _months():
        _move_month(year, month)
    op.execute(f"INSERT INTO calls SELECT * FROM calls_whole WHERE {_outside()}")
    _drop_when_moved("calls_whole")


def _set_aside(name: str) -> None:
    """Rename the table out of the way; of its indexes keep the one that months are read by."""
    op.execute(f"ALTER TABLE calls RENAME TO {name}")
    op.execute(f"ALTER TABLE {name} DROP CONSTRAINT pk_calls")
    for index in ("agents", "marks", "outcome", "outbound_did", "caller_number", "caller_number_reversed"):
        op.execute(f"DROP INDEX ix_calls_{index}")
    op.execute(f"ALTER INDEX ix_calls_started_at_id RENAME TO ix_{name}_started_at")


def _months() -> list[tuple[int, int]]:
    """Months between the first and the last call."""
    years = (datetime(FIRST_YEAR, 1, 1, tzinfo=_zone()), datetime(LAST_YEAR, 1, 1, tzinfo=_zone()))
    ends = sa.text(
        "SELECT min(started_at), max(started_at) FROM calls_whole WHERE started_at >= :a AND started_at < :b"
    )
    first, last = op.get_bind().execute(ends, {"a": years[0], "b": years[1]}).one()
    if first is None:
        return []
    first, last = first.astimezone(_zone()), last.astimezone(_zone())
    counts = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [(count // 12, count % 12 + 1) for count in counts]


def _move_month(year: int, month: int) -> None:
    """Rows first, then indexes (ATTACH makes them), then the next: no statement is longer than a month's."""
    since, until = _midnight(year, month), _midnight(year + month // 12, month % 12 + 1)
    inside, name = f"started_at >= '{since}' AND started_at < '{until}'", f"calls_{year:04}_{month:02}"
    if not op.get_bind().execute(sa.text(f"SELECT EXISTS (SELECT 1 FROM calls_whole WHERE {inside})")).scalar():
        return
    op.execute(f"CREATE TABLE {name} (LIKE calls INCLUDING DEFAULTS)")
    op.execute(f"INSERT INTO {name} SELECT * FROM calls_whole WHERE {inside}")
    op.execute(f"ALTER TABLE {name} ADD CONSTRAINT month CHECK ({inside})")
    op.execute(f"ALTER TABLE calls ATTACH PARTITION {name} FOR VALUES FROM ('{since}') TO ('{until}')")
    op.execute(f"ALTER TABLE {name} DROP CONSTRAINT month")


def _midnight(year: int, month: int) -> str:
    return datetime(year, month, 1, tzinfo=_zone()).isoformat()


def _zone() -> ZoneInfo:
    return ZoneInfo("Asia/Shanghai")


def _outside() -> str:
    return f"started_at < '{_midnight(FIRST_YEAR, 1)}' OR started_at >= '{_midnight(LAST_YEAR, 1)}'"


def _drop_when_moved(name: str) -> None:
    counted = sa.text(f"SELECT (SELECT count(*) FROM calls), (SELECT count(*) FROM {name})")
    now, before = op.get_bind().execute(counted).one()
    if now != before:
        raise RuntimeError(f"{before} calls were there, {now} were moved: nothing is changed")
    op.execute(f"DROP TABLE {name}")


def downgrade() -> None:
    """Into one table again; where a call's start moved, its newest version. Detached months stay as they are."""
    op.execute("CREATE TABLE calls_whole (LIKE calls INCLUDING DEFAULTS)")
    op.execute("INSERT INTO calls_whole SELECT DISTINCT ON (id) * FROM calls ORDER BY id, stored_at DESC")
    op.execute("DROP TABLE calls")
    op.execute("ALTER TABLE calls_whole RENAME TO calls")
    op.execute("ALTER TABLE calls ADD CONSTRAINT pk_calls PRIMARY KEY (id)")
    for index in FORMER_INDEXES:
        op.execute(index)
    # not validated: recordings of detached months have no call here
    op.execute("ALTER TABLE recordings ADD CONSTRAINT fk_recordings_call_id"
               " FOREIGN KEY (call_id) REFERENCES calls (id) NOT VALID")  # fmt: skip
