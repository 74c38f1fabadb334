"""PINs in the database: hashes alone."""

import secrets
from collections.abc import Mapping

from sqlalchemy import RowMapping, func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.agents.pins import checked, hashed
from callcenter.agents.tables import agent_pins
from callcenter.storage.changes import tell_change

SALT_BYTES = 8


async def set_pin(connection: AsyncConnection, agent: str, pin: str, *, set_by: str) -> None:
    """Let this be the agent's PIN from now on; Asterisk has it within seconds. Raises `InvalidInput`."""
    row = {"agent": agent, "pin_hash": _hash(checked(pin)), "set_by": set_by}
    renewed = {**row, "set_at": func.now()}
    statement = upsert(agent_pins).values(row)
    await connection.execute(statement.on_conflict_do_update(index_elements=["agent"], set_=renewed))
    await tell_change(connection, "agents")


async def set_missing(connection: AsyncConnection, pins: Mapping[str, str]) -> None:
    """Give those a PIN who have none: the ones made at the first start."""
    rows = [{"agent": agent, "pin_hash": _hash(pin), "set_by": "first start"} for agent, pin in pins.items()]
    if rows:
        await connection.execute(upsert(agent_pins).values(rows).on_conflict_do_nothing())
        await tell_change(connection, "agents")


async def list_pins(connection: AsyncConnection) -> list[RowMapping]:
    """Who has a PIN, since when and by whom; never the PIN or its hash."""
    c = agent_pins.c
    rows = await connection.execute(select(c.agent, c.set_at, c.set_by).order_by(c.agent))
    return list(rows.mappings())


def _hash(pin: str) -> str:
    return hashed(pin, secrets.token_hex(SALT_BYTES))
