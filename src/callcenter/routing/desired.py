"""Asterisk's state as it should be, against the state as it is found. Pure: no I/O, no clock.

Everything is keys and values. AstDB's keys are those below the family `callcenter`; a queue's member is the key
`members/<queue>/<interface>` with the value `<name>;<penalty>`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import eq

from callcenter.agents import desired as agents
from callcenter.agents.model import Members
from callcenter.calls.model import Line
from callcenter.roster import desired as roster
from callcenter.routing.facts import RoutingFacts
from callcenter.routing.service import read_pushed, service_key, wanted, will_do
from callcenter.schedule.model import ServiceState

FAMILY = "callcenter"
MEMBERS = "members/"
Keys = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Provider:
    """The keys below one prefix: what they should be."""

    prefix: str
    keys: Callable[[datetime], Keys]
    accepts: Callable[[str, str, datetime], bool] = lambda want, found, moment: eq(want, found)
    """Whether a found value may stay where another is wanted"""
    alone: bool = True
    """Nobody else writes below this prefix: a key that is not wanted is removed"""


@dataclass(frozen=True, slots=True)
class Difference:
    """What is to be changed: `None` found is to be added, `None` wanted to be removed."""

    key: str
    found: str | None
    wanted: str | None


def providers(facts: RoutingFacts, states: Mapping[Line, ServiceState]) -> tuple[Provider, ...]:
    """Who says what AstDB should hold. Keys below other prefixes are not ours and stay."""
    return (
        Provider("service/", lambda moment: service_keys(states, moment), _service_accepted),
        Provider("blocked/", lambda moment: agents.blocked_keys(facts.blocked, moment)),
        Provider("last/", lambda moment: agents.last_agent_keys(facts.last_agents, moment)),
        Provider("pin/", lambda moment: agents.pin_keys(facts.pins)),
        Provider(roster.PREFIX, lambda moment: roster.emergency_keys(facts.shifts, moment)),
        # Feature codes write these; only what Asterisk has lost is written back.
        Provider("agent/", lambda moment: agents.session_keys(facts.sessions), _session_accepted, alone=False),
    )


def service_keys(states: Mapping[Line, ServiceState], moment: datetime) -> dict[str, str]:
    """Each line's mode with its term."""
    return {service_key(line): str(wanted(state, moment)) for line, state in states.items()}


def key_differences(given: Iterable[Provider], found: Keys, moment: datetime) -> Iterator[Difference]:
    """What of AstDB is to be changed."""
    for provider in given:
        want = provider.keys(moment)
        for key, value in want.items():
            now = found.get(key)
            if now is None or not provider.accepts(value, now, moment):
                yield Difference(key, now, value)
        for key in found:
            if provider.alone and key.startswith(provider.prefix) and key not in want:
                yield Difference(key, found[key], None)


def member_keys(members: Members, interfaces: Mapping[str, str], queues: Iterable[str]) -> dict[str, str]:
    """Members as keys; without those who have no phone, and without queues that Asterisk doesn't have."""
    return {
        f"{MEMBERS}{queue}/{interfaces[agent]}": f"{agent};{penalty}"
        for queue in queues
        for agent, penalty in members.get(queue, {}).items()
        if agent in interfaces
    }


def member_differences(want: Keys, found: Keys, managed: Iterable[str]) -> Iterator[Difference]:
    """What of the queues' members is to be changed: additions first, so that no queue is empty in between."""
    for key, value in want.items():
        if found.get(key) != value:
            yield Difference(key, found.get(key), value)
    ours = tuple(f"{MEMBERS}{queue}/" for queue in managed)
    for key in found:
        if key not in want and key.startswith(ours):
            yield Difference(key, found[key], None)


def drifted(difference: Difference, known: Keys | None) -> bool:
    """Whether somebody else made this difference: what is found is not what we left there."""
    return known is not None and known.get(difference.key) != difference.found


def _service_accepted(want: str, found: str, moment: datetime) -> bool:
    pushed = read_pushed(want)
    return pushed is not None and will_do(pushed, read_pushed(found), moment)


def _session_accepted(want: str, found: str, moment: datetime) -> bool:
    return agents.is_session(found)
