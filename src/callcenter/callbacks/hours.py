"""The hotline's schedule as one question, for whom the answers are needed here."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.callbacks.due import StateAt
from callcenter.calls.model import Line
from callcenter.schedule.hours import service_at
from callcenter.schedule.repository import read_facts


async def hotline_state(connection: AsyncConnection, moment: datetime) -> StateAt:
    """What the schedule, as it is known at `moment`, says of the hotline at any instant."""
    facts = await read_facts(connection, moment)
    return lambda at: service_at(Line.HOTLINE, at, facts)
