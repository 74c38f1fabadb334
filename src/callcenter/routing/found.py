"""What Asterisk holds now, read by two actions; and the actions that change it."""

from collections.abc import Mapping
from dataclasses import dataclass

from callcenter.ami import actions
from callcenter.ami.actions import Action
from callcenter.ami.connection import AmiClient
from callcenter.ami.messages import Event
from callcenter.routing.desired import FAMILY, MEMBERS, Difference


@dataclass(frozen=True, slots=True)
class Waiting:
    """A caller in a queue."""

    queue: str
    channel: str
    wait_seconds: int


@dataclass(frozen=True, slots=True)
class Found:
    """Asterisk's routing state at one look."""

    keys: Mapping[str, str]
    """AstDB below the family `callcenter`"""
    queues: tuple[str, ...]
    members: Mapping[str, str]
    """`members/<queue>/<interface>` → `<name>;<penalty>`"""
    fixed: frozenset[str]
    """Members of queues.conf: Asterisk refuses to remove those"""
    paused: Mapping[str, str]
    """Interface → reason, of those that are paused in some queue"""
    waiting: tuple[Waiting, ...]


async def read_found(client: AmiClient) -> Found:
    """Ask Asterisk. Raises `AmiFault`."""
    tree = await client.collect(actions.db_get_tree(FAMILY))
    queues = await client.collect(actions.QUEUE_STATUS)
    members = [event for event in queues if event.name == "QueueMember"]
    return Found(
        keys={event.get("Key").removeprefix(f"/{FAMILY}/"): event.get("Val") for event in tree},
        queues=tuple(event.get("Queue") for event in queues if event.name == "QueueParams"),
        members={_member_key(event): f"{event.get('Name')};{event.get('Penalty')}" for event in members},
        fixed=frozenset(_member_key(event) for event in members if event.get("Membership") == "static"),
        paused={e.get("Location"): e.get("PausedReason") for e in members if e.get("Paused") == "1"},
        waiting=tuple(_waiting(event) for event in queues if event.name == "QueueEntry"),
    )


def steps(difference: Difference, found: Found) -> tuple[Action, ...]:
    """The actions that mend a difference; none where Asterisk would refuse."""
    if not difference.key.startswith(MEMBERS):
        return (_key_step(difference),)
    _, queue, interface = difference.key.split("/", 2)
    if difference.wanted is None:
        return () if difference.key in found.fixed else (actions.queue_remove(queue, interface),)
    name, _, penalty = difference.wanted.partition(";")
    if difference.found is not None and difference.found.partition(";")[0] == name:
        return (actions.queue_penalty(queue, interface, int(penalty)),)
    add = actions.queue_add(queue, interface, name, int(penalty), found.paused.get(interface))
    return (add,) if difference.found is None else (actions.queue_remove(queue, interface), add)


def _key_step(difference: Difference) -> Action:
    if difference.wanted is None:
        return actions.db_del(FAMILY, difference.key)
    return actions.db_put(FAMILY, difference.key, difference.wanted)


def _member_key(event: Event) -> str:
    return f"{MEMBERS}{event.get('Queue')}/{event.get('Location')}"


def _waiting(event: Event) -> Waiting:
    wait = event.get("Wait")
    return Waiting(event.get("Queue"), event.get("Channel"), int(wait) if wait.isascii() and wait.isdigit() else 0)
