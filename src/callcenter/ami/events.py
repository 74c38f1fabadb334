"""The events we act on, as values. Anything else stays a plain `Event`.

A field that Asterisk left out or that is no number reads as empty or 0: an observed fact never raises.
"""

from collections.abc import Callable
from dataclasses import dataclass

from callcenter.ami.messages import Event

EMERGENCY_CONTEXT = "emergency-chain"
"""Where a caller of the emergency line is while the people on duty are rung (dialplans/emergency.conf.j2)"""

NOBODY = ("", "<unknown>", "s")


@dataclass(frozen=True, slots=True)
class QueueListed:
    queue: str


@dataclass(frozen=True, slots=True)
class WaitingListed:
    """A caller in a snapshot's queue, who has waited for `wait_seconds`."""

    queue: str
    uniqueid: str
    caller_number: str
    position: int
    wait_seconds: int


@dataclass(frozen=True, slots=True)
class CallerJoined:
    queue: str
    uniqueid: str
    caller_number: str
    position: int


@dataclass(frozen=True, slots=True)
class CallerLeft:
    """Left the queue: to an agent, by hanging up, or by the queue's own rules."""

    queue: str
    uniqueid: str


@dataclass(frozen=True, slots=True)
class MemberSeen:
    """A member as a queue sees it. `device` is Asterisk's device state."""

    queue: str
    member: str
    interface: str
    device: str
    paused: bool
    pause_reason: str
    in_call: bool
    listed: bool
    """Came from a list we asked for"""


@dataclass(frozen=True, slots=True)
class MemberRemoved:
    queue: str
    member: str


@dataclass(frozen=True, slots=True)
class AgentRings:
    queue: str
    member: str
    uniqueid: str
    caller_number: str


@dataclass(frozen=True, slots=True)
class AgentTalks:
    queue: str
    member: str
    uniqueid: str
    caller_number: str


@dataclass(frozen=True, slots=True)
class AgentDone:
    queue: str
    member: str


@dataclass(frozen=True, slots=True)
class DeviceChanged:
    device: str
    state: str
    """NOT_INUSE, INUSE, BUSY, INVALID, UNAVAILABLE, RINGING, RINGINUSE, ONHOLD or UNKNOWN"""


@dataclass(frozen=True, slots=True)
class ContactSeen:
    """A phone's registration: `present` unless it was removed."""

    endpoint: str
    uri: str
    present: bool


@dataclass(frozen=True, slots=True)
class DialplanAsks:
    """A UserEvent: the dialplan wants something of our service (`agents.assistant`)."""

    name: str


@dataclass(frozen=True, slots=True)
class ChannelRings:
    """A channel is being called."""

    channel: str
    caller_number: str
    emergency: str = ""
    """The caller's uniqueid when it is the emergency line's chain that rings"""


@dataclass(frozen=True, slots=True)
class ChannelListed:
    uniqueid: str
    caller_number: str = ""
    in_emergency: bool = False
    """Waits for the people on duty: in the emergency line's chain, and joined with nobody"""


@dataclass(frozen=True, slots=True)
class EmergencyTaken:
    """Somebody on duty answered this caller of the emergency line."""

    uniqueid: str


@dataclass(frozen=True, slots=True)
class ChannelGone:
    uniqueid: str


Typed = (
    QueueListed | WaitingListed | CallerJoined | CallerLeft | MemberSeen | MemberRemoved | AgentRings | AgentTalks
    | AgentDone | DeviceChanged | ContactSeen | ChannelRings | ChannelListed | ChannelGone | EmergencyTaken
    | DialplanAsks
)  # fmt: skip

DEVICE_STATES = (
    "UNKNOWN", "NOT_INUSE", "INUSE", "BUSY", "INVALID", "UNAVAILABLE", "RINGING", "RINGINUSE", "ONHOLD"
)  # fmt: skip
"""By Asterisk's numbers (`devicestate.h`, `enum ast_device_state`)"""


def _number(event: Event, name: str) -> int:
    value = event.get(name)
    return int(value) if value.isascii() and value.isdigit() and len(value) < 16 else 0


def _caller(event: Event, name: str = "CallerIDNum") -> str:
    value = event.get(name).replace("\0", "")
    return "" if value in NOBODY else value[:80]


def _device(event: Event) -> str:
    number = _number(event, "Status")
    return DEVICE_STATES[number] if number < len(DEVICE_STATES) else "UNKNOWN"


def _member(event: Event) -> MemberSeen:
    return MemberSeen(
        queue=event.get("Queue"),
        member=event.get("MemberName") or event.get("Name"),
        interface=event.get("StateInterface") or event.get("Interface") or event.get("Location"),
        device=_device(event),
        paused=event.get("Paused") == "1",
        pause_reason=event.get("PausedReason")[:40],
        in_call=event.get("InCall") == "1",
        listed=event.name == "QueueMember",
    )


def _called(event: Event) -> tuple[str, str, str, str]:
    return event.get("Queue"), event.get("MemberName"), event.get("Uniqueid"), _caller(event)


def _joined(event: Event) -> CallerJoined:
    return CallerJoined(event.get("Queue"), event.get("Uniqueid"), _caller(event), max(1, _number(event, "Position")))


def _waiting(event: Event) -> WaitingListed:
    join = _joined(event)
    return WaitingListed(join.queue, join.uniqueid, join.caller_number, join.position, _number(event, "Wait"))


def _emergency(event: Event) -> str:
    return event.get("Uniqueid") if event.get("Context") == EMERGENCY_CONTEXT else ""


def _taken(event: Event) -> EmergencyTaken:
    """Empty for an attempt that failed, and for the calls of others."""
    return EmergencyTaken(_emergency(event) if event.get("DialStatus") == "ANSWER" else "")


def _channel(event: Event) -> ChannelListed:
    waits = event.get("Context") == EMERGENCY_CONTEXT and not event.get("BridgeId")
    return ChannelListed(event.get("Uniqueid"), _caller(event), waits)


_READERS: dict[str, Callable[[Event], Typed]] = {
    "QueueParams": lambda e: QueueListed(e.get("Queue")),
    "QueueEntry": _waiting,
    "QueueMember": _member,
    "QueueMemberStatus": _member,
    "QueueMemberAdded": _member,
    "QueueMemberPause": _member,
    "QueueMemberRemoved": lambda e: MemberRemoved(e.get("Queue"), e.get("MemberName")),
    "QueueCallerJoin": _joined,
    "QueueCallerLeave": lambda e: CallerLeft(e.get("Queue"), e.get("Uniqueid")),
    "AgentCalled": lambda e: AgentRings(*_called(e)),
    "AgentConnect": lambda e: AgentTalks(*_called(e)),
    "AgentComplete": lambda e: AgentDone(e.get("Queue"), e.get("MemberName")),
    "DeviceStateChange": lambda e: DeviceChanged(e.get("Device"), e.get("State")),
    "ContactStatus": lambda e: ContactSeen(e.get("EndpointName"), e.get("URI"), e.get("ContactStatus") != "Removed"),
    "ContactList": lambda e: ContactSeen(e.get("Endpoint"), e.get("Uri"), True),
    "DialBegin": lambda e: ChannelRings(e.get("DestChannel"), _caller(e), _emergency(e)),
    "DialEnd": _taken,
    "CoreShowChannel": _channel,
    "Hangup": lambda e: ChannelGone(e.get("Uniqueid")),
    "UserEvent": lambda e: DialplanAsks(e.get("UserEvent")),
}

KNOWN = frozenset(_READERS)
"""Event names that `typed` understands"""


def typed(event: Event) -> Typed | None:
    """The event as a value; `None` for one that we don't act on."""
    reader = _READERS.get(event.name)
    return reader(event) if reader is not None else None
