"""Memberships, block list, sessions and PINs in the database; who changes the first two is kept, and NOTIFY tells."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, Table, delete, func, insert, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.agents.model import Blocked, LastAgent, Session
from callcenter.agents.tables import agent_pins, agent_sessions, blocked_numbers, queue_memberships, routing_changes
from callcenter.calls.tables import calls
from callcenter.errors import NotFound
from callcenter.storage.changes import tell_change

CHANGES_SHOWN = 200
LAST_AGENTS = 2000
"""Numbers remembered for return-to-last-agent: the newest ones. Asterisk's whole tree is read at each look."""


async def read_memberships(connection: AsyncConnection) -> dict[str, dict[str, int]]:
    """The members that somebody set, by queue; a queue that is missing has those of the settings."""
    c = queue_memberships.c
    rows = await connection.execute(select(c.queue, c.agent, c.penalty).order_by(c.queue, c.agent))
    lists: dict[str, dict[str, int]] = {}
    for queue, agent, penalty in rows:
        lists.setdefault(queue, {})[agent] = penalty
    return lists


async def set_members(
    connection: AsyncConnection, queue: str, members: Mapping[str, int], *, made_by: str, reason: str
) -> None:
    """Let a queue have these members from now on; none: those of the settings again."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"members {queue}"))))
    before = (await read_memberships(connection)).get(queue)
    await connection.execute(delete(queue_memberships).where(queue_memberships.c.queue == queue))
    rows = [{"queue": queue, "agent": agent, "penalty": penalty} for agent, penalty in members.items()]
    if rows:
        await connection.execute(insert(queue_memberships), rows)
    await _note(connection, "members", queue, made_by, reason, before, dict(members) or None)
    await tell_change(connection, "agents")


async def block_number(
    connection: AsyncConnection, number: str, until: datetime | None, *, reason: str, made_by: str
) -> RowMapping:
    """Refuse a number on the hotline from now on; one that is blocked already gets the new term and reason."""
    before = await _blocked_row(connection, number)
    row = {"number": number, "until": until, "reason": reason, "blocked_by": made_by}
    statement = upsert(blocked_numbers).values(row)
    renewed = {**row, "blocked_at": func.now()}
    statement = statement.on_conflict_do_update(index_elements=["number"], set_=renewed)
    stored: RowMapping = (await connection.execute(statement.returning(blocked_numbers))).mappings().one()
    await _note(connection, "blocked", number, made_by, reason, _term(before), _term(stored))
    await tell_change(connection, "blocked")
    return stored


async def unblock_number(connection: AsyncConnection, number: str, *, reason: str, made_by: str) -> None:
    """Serve a number again. Raises `NotFound` when it is not blocked."""
    before = await find_blocked(connection, number)
    await connection.execute(delete(blocked_numbers).where(blocked_numbers.c.number == number))
    await _note(connection, "blocked", number, made_by, reason, _term(before), None)
    await tell_change(connection, "blocked")


async def find_blocked(connection: AsyncConnection, number: str) -> RowMapping:
    """One entry of the block list. Raises `NotFound`."""
    row = await _blocked_row(connection, number)
    if row is None:
        raise NotFound(kind="blocked number", key=number)
    return row


async def list_blocked(connection: AsyncConnection, moment: datetime) -> Sequence[RowMapping]:
    """The numbers that are blocked at `moment`, newest first."""
    until = blocked_numbers.c.until
    holds = until.is_(None) | (until > moment)
    newest = (blocked_numbers.c.blocked_at.desc(), blocked_numbers.c.number)
    return (await connection.execute(select(blocked_numbers).where(holds).order_by(*newest))).mappings().all()


async def read_blocked(connection: AsyncConnection, moment: datetime) -> tuple[Blocked, ...]:
    """The block list as values."""
    return tuple(Blocked(**row) for row in await list_blocked(connection, moment))


async def list_changes(connection: AsyncConnection, kind: str, key: str) -> Sequence[RowMapping]:
    """Who changed an entry when and why, newest first."""
    c = routing_changes.c
    mine = select(routing_changes).where(c.kind == kind, c.key == key)
    return (await connection.execute(mine.order_by(c.id.desc()).limit(CHANGES_SHOWN))).mappings().all()


async def read_last_agents(connection: AsyncConnection, moment: datetime, term: timedelta) -> tuple[LastAgent, ...]:
    """For each number that an agent of the hotline answered within `term`: who answered it last."""
    c = calls.c
    answered = (c.started_at > moment - term) & c.agent.is_not(None) & (c.line == "hotline") & (c.caller_number != "")
    newest = select(c.caller_number, c.agent, c.ended_at).ext(distinct_on(c.caller_number)).where(answered)
    each = newest.order_by(c.caller_number, c.started_at.desc()).subquery()
    rows = await connection.execute(select(each).order_by(each.c.ended_at.desc()).limit(LAST_AGENTS))
    return tuple(LastAgent(number, agent, ended_at + term) for number, agent, ended_at in rows)


async def read_sessions(connection: AsyncConnection, pbx: str) -> tuple[Session, ...]:
    """The last login or logout of each agent."""
    c = agent_sessions.c
    ours = (c.pbx == pbx) & c.event.in_(("login", "logout"))
    newest = (c.agent, c.at.desc(), c.id.desc())
    latest = select(c.agent, c.event, c.at).ext(distinct_on(c.agent)).where(ours).order_by(*newest)
    return tuple(Session(agent, event == "login", at) for agent, event, at in await connection.execute(latest))


async def read_pins(connection: AsyncConnection) -> dict[str, str]:
    """Each agent's PIN as its hash."""
    rows = await connection.execute(select(agent_pins.c.agent, agent_pins.c.pin_hash))
    return {agent: pin_hash for agent, pin_hash in rows}


async def _blocked_row(connection: AsyncConnection, number: str) -> RowMapping | None:
    mine = select(blocked_numbers).where(blocked_numbers.c.number == number)
    return (await connection.execute(mine)).mappings().first()


async def _note(
    connection: AsyncConnection, kind: str, key: str, made_by: str, reason: str, before: Any, after: Any
) -> None:
    row = {"kind": kind, "key": key, "made_by": made_by, "reason": reason, "before": before, "after": after}
    table: Table = routing_changes
    await connection.execute(insert(table).values(row))


def _term(row: RowMapping | None) -> dict[str, Any] | None:
    """What the audit keeps of a block."""
    if row is None:
        return None
    return {"until": row["until"] and row["until"].isoformat(), "reason": row["reason"]}
