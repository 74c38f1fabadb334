"""Tells running listeners that what routes calls has changed: schedule, roster, memberships, block list."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

CHANNEL = "callcenter_facts"
"""NOTIFY channel; the payload is what changed: schedule, roster, agents, blocked …"""


async def tell_change(connection: AsyncConnection, what: str) -> None:
    """NOTIFY at the commit of the caller's transaction."""
    await connection.execute(select(func.pg_notify(CHANNEL, what)))
