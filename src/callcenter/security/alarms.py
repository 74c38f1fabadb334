"""Alerts of attacks: raised while their cause lasts, cleared when it is over."""

import re
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter import clock
from callcenter.alerts.model import Alert, Severity
from callcenter.alerts.repository import clear_alert, raise_alert
from callcenter.alerts.tables import alerts
from callcenter.security.certificates import WARN_BEFORE
from callcenter.security.repository import caps_reached, list_blocked, suspect_phones

BRUTE_FORCE, TOLL_FRAUD, CERTIFICATE = "brute_force", "toll_fraud", "certificate_expiring"


def alert_key(text: str) -> str:
    """`203-0-113-7` of an address: what the key of an alert may hold."""
    return re.sub(r"[^a-z0-9_-]", "-", text.lower())


async def tell_blocks(connection: AsyncConnection, pbx: str, moment: datetime) -> None:
    """One alert for each address that is blocked."""
    rows = {alert_key(row["address"]): row for row in await list_blocked(connection, moment, pbx)}
    standing = await _standing(connection, pbx, BRUTE_FORCE)
    for key in rows.keys() - standing:
        row = rows[key]
        facts = {"address": row["address"], "failures": row["failures"], "until": row["until"].isoformat()}
        await raise_alert(connection, pbx, Alert(BRUTE_FORCE, key, Severity.CRITICAL, facts))
    await _clear(connection, pbx, BRUTE_FORCE, standing - rows.keys())


async def tell_toll_fraud(connection: AsyncConnection, pbx: str, moment: datetime) -> None:
    """One alert for each phone that tries and tries, and for each cap that was reached today (Asia/Shanghai)."""
    midnight = moment.astimezone(clock.LOCAL_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    tries = await suspect_phones(connection, pbx, moment)
    causes = {alert_key(phone): {"phone": phone, "why": f"{n} refused"} for phone, n in tries.items()}
    for who, why in (await caps_reached(connection, pbx, midnight)).items():
        causes[alert_key(f"{who}-{why}")] = {"phone": who, "why": why}
    standing = await _standing(connection, pbx, TOLL_FRAUD)
    for key in causes.keys() - standing:
        await raise_alert(connection, pbx, Alert(TOLL_FRAUD, key, Severity.CRITICAL, causes[key]))
    await _clear(connection, pbx, TOLL_FRAUD, standing - causes.keys())


async def tell_certificate(connection: AsyncConnection, pbx: str, ends_at: datetime | None, moment: datetime) -> None:
    """One alert while the certificate in use ends within 30 days; none without a certificate."""
    if ends_at is None or ends_at - moment > WARN_BEFORE:
        await clear_alert(connection, pbx, CERTIFICATE, "sip")
    else:
        facts = {"ends_at": ends_at.isoformat()}
        await raise_alert(connection, pbx, Alert(CERTIFICATE, "sip", Severity.WARNING, facts))


async def _standing(connection: AsyncConnection, pbx: str, kind: str) -> set[str]:
    c = alerts.c
    ours = (c.pbx == pbx) & (c.kind == kind) & c.cleared_at.is_(None)
    return set((await connection.execute(select(c.key).where(ours))).scalars())


async def _clear(connection: AsyncConnection, pbx: str, kind: str, over: set[str]) -> None:
    for key in over:
        await clear_alert(connection, pbx, kind, key)
