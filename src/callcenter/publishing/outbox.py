"""The outbox: announcements are stored in the transaction that makes them true, then leave at least once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

ADD_ROWS = text(
    "WITH added AS ("
    " INSERT INTO outbox (event_id, pbx, topic, kind, key, payload, retain)"
    " SELECT event_id, pbx, topic, kind, key, payload, retain"
    " FROM json_populate_recordset(NULL::outbox, CAST(:rows AS json))"
    " ON CONFLICT (event_id) DO NOTHING RETURNING id"
    ") SELECT pg_notify(:channel, min(id) || '-' || max(id)) FROM added HAVING count(*) > 0"
)
"""One round trip for any number of rows; every value travels in the one bound parameter."""

NEXT_ID = text("SELECT nextval(pg_get_serial_sequence('outbox', 'id'))")
NOTIFY_SINCE = text("SELECT pg_notify(:channel, :first || '-' || currval(pg_get_serial_sequence('outbox', 'id')))")

COLUMNS = ("event_id", "pbx", "topic", "kind", "key", "payload", "retain")
MANY = 50
"""From so many rows on COPY is worth its round trips."""

REMEMBER_STATES = text(
    "INSERT INTO live_states (pbx, kind, key, payload) SELECT pbx, kind, key, payload"
    " FROM json_populate_recordset(NULL::live_states, CAST(:rows AS json))"
    " ON CONFLICT (pbx, kind, key) DO UPDATE SET payload = excluded.payload, updated_at = now()"
)
FORGET_STATES = text(
    "DELETE FROM live_states WHERE (pbx, kind, key) IN"
    " (SELECT pbx, kind, key FROM json_populate_recordset(NULL::live_states, CAST(:rows AS json)))"
)

CHANNEL = "callcenter_outbox"
"""NOTIFY channel; the payload is `<first id>-<last id>` of the rows that this transaction added."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """One thing that others are told. Retained ones also are the current state of their (kind, key).

    `topic` is relative to `callcenter/<pbx>/`; a retained announcement without payload clears its state.
    """

    topic: str
    kind: str
    key: str
    payload: dict[str, Any] | None
    retain: bool = False
    event_id: UUID = field(default_factory=uuid4)


def topic_level(value: str) -> str:
    """One level of a topic from outside data: MQTT's `/ + #`, NUL and controls become `_`."""
    return "".join("_" if c in "/+#" or ord(c) < 0x20 else c for c in value)[:128] or "_"


async def announce(connection: AsyncConnection, pbx: str, announcements: Sequence[Announcement]) -> None:
    """Add announcements to the outbox within the caller's transaction; an event_id known already is left alone."""
    if not announcements:
        return
    rows = [_row(pbx, a) for a in announcements]
    if len(rows) >= MANY:
        await _copy(connection, rows)
    else:
        await connection.execute(ADD_ROWS, {"rows": orjson.dumps(rows).decode(), "channel": CHANNEL})
    await _remember_states(connection, pbx, [a for a in announcements if a.retain])


async def _copy(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Add rows in binary: the announcements of calls that we catch up with. None of them may be there."""
    first = (await connection.execute(NEXT_ID)).scalar_one()
    driver: Any = (await connection.get_raw_connection()).driver_connection
    payload = COLUMNS.index("payload")
    records = [tuple(row[c] for c in COLUMNS) for row in rows]
    as_text = [(*r[:payload], orjson.dumps(r[payload]).decode(), *r[payload + 1 :]) for r in records]
    await driver.copy_records_to_table("outbox", records=as_text, columns=COLUMNS)
    await connection.execute(NOTIFY_SINCE, {"channel": CHANNEL, "first": str(first)})


def _row(pbx: str, announcement: Announcement) -> dict[str, Any]:
    return {
        "event_id": announcement.event_id,
        "pbx": pbx,
        "topic": f"callcenter/{pbx}/{announcement.topic}",
        "kind": announcement.kind,
        "key": announcement.key,
        "payload": announcement.payload,
        "retain": announcement.retain,
    }


async def _remember_states(connection: AsyncConnection, pbx: str, retained: Sequence[Announcement]) -> None:
    """The last announcement of each (kind, key) is its state, or the state's end: a statement each for any number."""
    latest = {(a.kind, a.key): a.payload for a in retained}
    named = [({"pbx": pbx, "kind": kind, "key": key}, payload) for (kind, key), payload in latest.items()]
    stand = [{**name, "payload": payload} for name, payload in named if payload is not None]
    gone = [name for name, payload in named if payload is None]
    for statement, rows in ((REMEMBER_STATES, stand), (FORGET_STATES, gone)):
        if rows:
            await connection.execute(statement, {"rows": orjson.dumps(rows).decode()})
