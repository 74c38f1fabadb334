"""All that decides who reaches whom, as one value, read in one go."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.agents import repository as agents
from callcenter.agents.model import Blocked, LastAgent, Members, Session
from callcenter.roster.model import Shift
from callcenter.roster.repository import read_roster
from callcenter.schedule.model import ScheduleFacts
from callcenter.schedule.repository import read_facts


@dataclass(frozen=True, slots=True)
class RoutingFacts:
    """As Postgres has it. Two that are equal push the same."""

    schedule: ScheduleFacts = field(default_factory=ScheduleFacts)
    members: Members = field(default_factory=dict)
    blocked: tuple[Blocked, ...] = ()
    last_agents: tuple[LastAgent, ...] = ()
    sessions: tuple[Session, ...] = ()
    pins: Mapping[str, str] = field(default_factory=dict)
    shifts: tuple[Shift, ...] = ()


async def read_routing_facts(
    connection: AsyncConnection, moment: datetime, *, pbx: str, return_within: timedelta | None
) -> RoutingFacts:
    """All facts for `moment` and later. `return_within`: how long a caller's last agent is remembered; None: never."""
    return RoutingFacts(
        schedule=await read_facts(connection, moment),
        members=await agents.read_memberships(connection),
        blocked=await agents.read_blocked(connection, moment),
        last_agents=await agents.read_last_agents(connection, moment, return_within) if return_within else (),
        sessions=await agents.read_sessions(connection, pbx),
        pins=await agents.read_pins(connection),
        shifts=await read_roster(connection, moment),
    )
