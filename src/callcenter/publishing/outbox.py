"""The outbox: announcements are stored in the transaction that makes them true, then leave at least once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.publishing.tables import live_states, outbox

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
    rows = [
        {
            "event_id": a.event_id,
            "pbx": pbx,
            "topic": f"callcenter/{pbx}/{a.topic}",
            "kind": a.kind,
            "key": a.key,
            "payload": a.payload,
            "retain": a.retain,
        }
        for a in announcements
    ]
    added = upsert(outbox).values(rows).on_conflict_do_nothing(index_elements=["event_id"]).returning(outbox.c.id)
    ids = (await connection.execute(added)).scalars().all()
    await _remember_states(connection, pbx, [a for a in announcements if a.retain])
    if ids:
        await connection.execute(select(func.pg_notify(CHANNEL, f"{min(ids)}-{max(ids)}")))


async def _remember_states(connection: AsyncConnection, pbx: str, retained: Sequence[Announcement]) -> None:
    latest = {(a.kind, a.key): a for a in retained}
    for (kind, key), announcement in latest.items():
        if announcement.payload is None:
            gone = (live_states.c.pbx == pbx) & (live_states.c.kind == kind) & (live_states.c.key == key)
            await connection.execute(delete(live_states).where(gone))
            continue
        row = _state_row(pbx, kind, key, announcement.payload)
        await connection.execute(row)


def _state_row(pbx: str, kind: str, key: str, payload: dict[str, Any]) -> Any:
    """The statement that makes `payload` the current state of (kind, key)."""
    values = {"pbx": pbx, "kind": kind, "key": key, "payload": payload}
    statement = upsert(live_states).values(values)
    changed = {"payload": statement.excluded.payload, "updated_at": func.now()}
    return statement.on_conflict_do_update(index_elements=["pbx", "kind", "key"], set_=changed)
