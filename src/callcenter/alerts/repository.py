"""Raise, clear, acknowledge and list alerts; each change is announced in the same transaction."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping, case, cast, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.alerts.model import Alert
from callcenter.alerts.tables import alerts
from callcenter.errors import NotFound
from callcenter.publishing.outbox import Announcement, announce, topic_level

PAST_SHOWN = 200
OVER = {"over": True}
"""Among the facts of an alert whose cause is gone"""


async def raise_alert(connection: AsyncConnection, pbx: str, alert: Alert) -> bool:
    """Let an alert stand; True when it did not stand before. One that stands is counted and gets these facts."""
    weight = await _standing_severity(connection, pbx, alert)
    row = {"pbx": pbx, "kind": alert.kind, "key": alert.key, "severity": alert.severity.value, "facts": alert.facts}
    statement = upsert(alerts).values(row)
    again: dict[str, Any] = {name: statement.excluded[name] for name in ("facts", "severity")}
    again |= {"seen_at": func.now(), "count": alerts.c.count + 1}
    standing = alerts.c.cleared_at.is_(None)
    statement = statement.on_conflict_do_update(index_elements=["pbx", "kind", "key"], index_where=standing, set_=again)
    raised = await connection.execute(statement.returning(alerts, literal_column("(xmax = 0)").label("fresh")))
    row_now = raised.mappings().one()
    if row_now["fresh"] or weight != alert.severity.value:
        await announce(connection, pbx, [_announcement(row_now, "raised")])
    return bool(row_now["fresh"])


async def _standing_severity(connection: AsyncConnection, pbx: str, alert: Alert) -> str | None:
    c = alerts.c
    ours = (c.pbx == pbx) & (c.kind == alert.kind) & (c.key == alert.key) & c.cleared_at.is_(None)
    found: str | None = (await connection.execute(select(c.severity).where(ours))).scalar()
    return found


async def clear_alert(connection: AsyncConnection, pbx: str, kind: str, key: str) -> bool:
    """It is over; True when it stood."""
    c = alerts.c
    ours = (c.pbx == pbx) & (c.kind == kind) & (c.key == key) & c.cleared_at.is_(None)
    gone = await connection.execute(update(alerts).where(ours).values(cleared_at=func.now()).returning(alerts))
    row = gone.mappings().first()
    if row is not None:
        await announce(connection, pbx, [_announcement(row, "cleared")])
    return row is not None


async def cause_is_gone(connection: AsyncConnection, pbx: str, kind: str, key: str) -> None:
    """What it warned of is past and was not put right: it stands until somebody has acknowledged it."""
    c = alerts.c
    ours = (c.pbx == pbx) & (c.kind == kind) & (c.key == key) & c.cleared_at.is_(None)
    noticed = case((c.acknowledged_at.is_not(None), func.now()))
    values = {"facts": c.facts + cast(OVER, JSONB), "cleared_at": noticed}
    row = (await connection.execute(update(alerts).where(ours).values(values).returning(alerts))).mappings().first()
    if row is not None:
        await announce(connection, pbx, [_announcement(row, "over")])


async def acknowledge(connection: AsyncConnection, alert_id: int, by: str) -> RowMapping:
    """Somebody has taken it up; it stands until it is over. Raises `NotFound`."""
    mine = alerts.c.id == alert_id
    when = func.coalesce(alerts.c.acknowledged_at, func.now())
    values: dict[str, Any] = {"acknowledged_at": when, "acknowledged_by": func.coalesce(alerts.c.acknowledged_by, by)}
    over = alerts.c.facts.contains(OVER)
    values["cleared_at"] = case((over, func.coalesce(alerts.c.cleared_at, func.now())), else_=alerts.c.cleared_at)
    changed = await connection.execute(update(alerts).where(mine).values(values).returning(alerts))
    row: RowMapping | None = changed.mappings().first()
    if row is None:
        raise NotFound(kind="alert", key=alert_id)
    await announce(connection, row["pbx"], [_announcement(row, "acknowledged")])
    return row


async def list_alerts(connection: AsyncConnection, *, standing: bool) -> Sequence[RowMapping]:
    """Those that stand, or the latest of all; newest first."""
    query = select(alerts).order_by(alerts.c.raised_at.desc(), alerts.c.id.desc()).limit(PAST_SHOWN)
    query = query.where(alerts.c.cleared_at.is_(None)) if standing else query
    return (await connection.execute(query)).mappings().all()


def _announcement(row: RowMapping, event: str) -> Announcement:
    """Retained while it stands: who connects later must learn of it."""
    topic, key = f"alerts/{topic_level(row['kind'])}/{topic_level(row['key'])}", f"{row['kind']}/{row['key']}"
    if row["cleared_at"] is not None:
        return Announcement(topic, "alert", key, None, retain=True)
    payload: dict[str, Any] = {name: row[name] for name in ("id", "kind", "key", "severity", "facts", "count")}
    payload |= {"event": event, "raised_at": row["raised_at"].isoformat(), "acknowledged_by": row["acknowledged_by"]}
    return Announcement(topic, "alert", key, payload, retain=True)
