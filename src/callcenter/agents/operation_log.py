"""The agents' operation log (座席员操作日志): what they did with their phones, as the journal says it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import RowMapping, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.agents.tables import agent_sessions
from callcenter.alerts.model import Alert, Severity
from callcenter.alerts.repository import clear_alert, raise_alert
from callcenter.calls.events import AgentActed
from callcenter.storage.changes import tell_change

PIN_GUESSING = "pin_guessing"
SHOWN = 500


async def keep_acts(connection: AsyncConnection, pbx: str, acts: Sequence[AgentActed]) -> None:
    """Add entries, once each; a locked PIN raises the alert `pin_guessing`, which the agent's next log-in clears."""
    rows = [
        {"pbx": pbx, "agent": a.agent, "event": a.event, "reason": a.detail, "at": a.at, "source": a.uniqueid}
        for a in acts
    ]
    await connection.execute(upsert(agent_sessions).on_conflict_do_nothing(), rows)
    for act in acts:
        await _follow_up(connection, pbx, act)


async def _follow_up(connection: AsyncConnection, pbx: str, act: AgentActed) -> None:
    if act.event == "pin_locked":
        facts = {"agent": act.agent, "at": act.at.isoformat()}
        await raise_alert(connection, pbx, Alert(PIN_GUESSING, act.agent, Severity.WARNING, facts))
    elif act.event in ("login", "logout"):
        await clear_alert(connection, pbx, PIN_GUESSING, act.agent)
        await tell_change(connection, "agents")


async def list_acts(
    connection: AsyncConnection, *, agent: str | None, since: datetime, until: datetime, limit: int = SHOWN
) -> Sequence[RowMapping]:
    """Entries in [since, until), of one agent or all, newest first."""
    c = agent_sessions.c
    query = select(c.at, c.agent, c.event, c.reason, c.source, c.pbx).where(c.at >= since, c.at < until)
    query = query.where(c.agent == agent) if agent else query
    newest = query.order_by(c.at.desc(), c.id.desc()).limit(limit)
    return (await connection.execute(newest)).mappings().all()
