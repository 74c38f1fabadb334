"""Ids of calls also hold when the call began; what Asterisk's death cut is called `pbx_crash`."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

CALL_NAMESPACE = UUID("5f0a7c3e-7d0b-5c43-9d0a-6f6b6c3f0c11")
NAMED_BY_US = "callback-"
BATCH = 5000
REFERENCES = (
    ("recordings", "call_id"), ("callbacks", "call_id"), ("callback_attempts", "call_id"), ("follow_ups", "call_id"),
    ("follow_ups", "reached_call_id"), ("follow_up_calls", "call_id"),
)  # fmt: skip

Naming = Callable[[str, str, datetime], UUID]


def _with_start(pbx: str, uniqueid: str, started_at: datetime) -> UUID:
    if uniqueid.startswith(NAMED_BY_US):
        return _without_start(pbx, uniqueid, started_at)
    return uuid5(CALL_NAMESPACE, f"{pbx}/{uniqueid}/{started_at.timestamp():.6f}")


def _without_start(pbx: str, uniqueid: str, started_at: datetime) -> UUID:
    return uuid5(CALL_NAMESPACE, f"{pbx}/{uniqueid}")


def _by_name(recording: sa.Row[Any]) -> UUID:
    text = f"recording/{recording.pbx}/{recording.name}/{recording.started_at.timestamp():.6f}"
    return uuid5(CALL_NAMESPACE, text)


def _by_call(recording: sa.Row[Any]) -> UUID:
    return uuid5(recording.call_id, recording.name)


def upgrade() -> None:
    _rename(_with_start, _by_name)
    op.execute("UPDATE calls SET evidence = 'pbx_crash' WHERE evidence = 'pbx_restart'")


def downgrade() -> None:
    op.execute("UPDATE calls SET evidence = 'pbx_restart' WHERE evidence = 'pbx_crash'")
    _rename(_without_start, _by_call)


def _rename(naming: Naming, naming_recordings: Callable[[sa.Row[Any]], UUID]) -> None:
    """New ids for all calls and their recordings, wherever they are named."""
    connection = op.get_bind()
    op.execute("CREATE TEMPORARY TABLE renamed (old uuid PRIMARY KEY, new uuid NOT NULL)")
    for rows in _batches(connection, "SELECT id, pbx, uniqueid, started_at FROM calls"):
        _note(connection, [(r.id, naming(r.pbx, r.uniqueid, r.started_at)) for r in rows])
    op.execute("ANALYZE renamed")
    op.execute("UPDATE calls SET id = new FROM renamed WHERE id = old")
    for table, column in REFERENCES:
        op.execute(f"UPDATE {table} SET {column} = new FROM renamed WHERE {column} = old")  # noqa: S608
    op.execute("UPDATE alerts SET key = new::text FROM renamed WHERE key = old::text")
    op.execute("TRUNCATE renamed")
    for rows in _batches(connection, "SELECT id, call_id, pbx, name, started_at FROM recordings"):
        _note(connection, [(r.id, naming_recordings(r)) for r in rows])  # its file has the name alone
    op.execute("UPDATE recordings SET id = new FROM renamed WHERE id = old")
    op.execute("DROP TABLE renamed")


def _batches(connection: sa.Connection, query: str) -> Iterator[Sequence[sa.Row[Any]]]:
    """All rows of a query by their id, some thousand at a time."""
    last = UUID(int=0)
    page = sa.text(f"SELECT * FROM ({query}) AS found WHERE id > :last ORDER BY id LIMIT {BATCH}")  # noqa: S608
    while rows := connection.execute(page, {"last": last}).all():
        yield rows
        last = rows[-1].id


def _note(connection: sa.Connection, pairs: Sequence[tuple[UUID, UUID]]) -> None:
    rows = [{"old": old, "new": new} for old, new in pairs]
    connection.execute(sa.text("INSERT INTO renamed VALUES (:old, :new)"), rows)
