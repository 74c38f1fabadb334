"""Which members each queue should have, and the AstDB keys about agents and callers. Pure: no I/O, no clock."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from callcenter.agents.model import EMERGENCY, HOTLINE, OVERFLOW, Blocked, LastAgent, Members, Session

OUT, IN = "out", "in"
SECOND_LINE = 10
"""Their penalty in the queue `hotline`: a queue rule lets callers reach them after a wait (`queuerules.conf`)"""
PLAIN_NUMBER = re.compile(r"\+?[0-9]{2,20}")
"""A caller's number that may become an AstDB key"""


def default_members(agents: Sequence[str], overflow: Sequence[str]) -> dict[str, dict[str, int]]:
    """What the settings say: the first line takes the hotline, the second behind it, everybody the emergency line.

    When every agent is of the second line there is no first one, and they take the hotline themselves.
    """
    behind = SECOND_LINE if set(agents) - set(overflow) else 0
    hotline = {agent: behind if agent in overflow else 0 for agent in agents}
    return {HOTLINE: hotline, OVERFLOW: dict.fromkeys(overflow, 0), EMERGENCY: dict.fromkeys(agents, 0)}


def logged_out(keys: Mapping[str, str]) -> frozenset[str]:
    """The agents whose key `agent/<number>` says so; no key is: logged in."""
    said = {key.removeprefix("agent/"): value for key, value in keys.items() if key.startswith("agent/")}
    return frozenset(agent for agent, value in said.items() if value.partition(";")[0] == OUT)


def wanted_members(own: Members, defaults: Members, *, staff: Sequence[str], out: Iterable[str]) -> Members:
    """Each queue's members now.

    `own` are the lists that somebody set; a queue without one has its default. `staff` are those of a duty period with
    a list of its own (none: everybody): they alone take the hotline's calls, all at once. Who logged out (`out`) is in
    no queue, but the emergency queue is never left empty by that: somebody must be rung.
    """
    wanted = {**defaults, **{queue: members for queue, members in own.items() if members}}
    if staff:
        wanted[HOTLINE] = dict.fromkeys(staff, 0)
        wanted[OVERFLOW] = {agent: penalty for agent, penalty in wanted[OVERFLOW].items() if agent in staff}
    gone = frozenset(out)
    return {queue: _present(queue, members, gone) for queue, members in wanted.items()}


def _present(queue: str, members: Mapping[str, int], out: frozenset[str]) -> Mapping[str, int]:
    present = {agent: penalty for agent, penalty in members.items() if agent not in out}
    return members if queue == EMERGENCY and not present else present


def blocked_keys(blocked: Iterable[Blocked], moment: datetime) -> dict[str, str]:
    """`blocked/<number>` = until when, Unix seconds; 0: for ever."""
    return {f"blocked/{each.number}": _epoch(each.until) for each in blocked if each.holds_at(moment)}


def last_agent_keys(last: Iterable[LastAgent], moment: datetime) -> dict[str, str]:
    """`last/<number>` = `<agent>;<until, Unix seconds>`; only for what is a number."""
    known = (each for each in last if moment < each.until and PLAIN_NUMBER.fullmatch(each.number))
    return {f"last/{each.number}": f"{each.agent};{_epoch(each.until)}" for each in known}


def session_keys(sessions: Iterable[Session]) -> dict[str, str]:
    """`agent/<number>` = `in|out;<since>`: what to write where Asterisk no longer knows it."""
    return {f"agent/{each.agent}": f"{IN if each.logged_in else OUT};{_epoch(each.at)}" for each in sessions}


def is_session(value: str) -> bool:
    """Whether AstDB's value says that an agent is in or out."""
    return value.partition(";")[0] in (IN, OUT)


def pin_keys(pins: Mapping[str, str]) -> dict[str, str]:
    """`pin/<number>` = the PIN's salted hash, as the feature codes compare it."""
    return {f"pin/{agent}": pin_hash for agent, pin_hash in pins.items()}


def _epoch(instant: datetime | None) -> str:
    return str(int(instant.timestamp())) if instant else "0"
