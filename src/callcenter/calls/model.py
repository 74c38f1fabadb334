"""One caller's journey as a value: the call detail record and its parts."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID


def agent_of_endpoint(endpoint: str) -> str:
    """`1001` of the SIP device `d4f9c2a-1001`; a device without a prefix is named like its agent."""
    return endpoint.rpartition("-")[2]


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"
    INTERNAL = "internal"


class Line(StrEnum):
    """The service that was dialled."""

    HOTLINE = "hotline"
    EMERGENCY = "emergency"


class Outcome(StrEnum):
    """How a call ended, once each; the ledger adds up over these (docs/figures.md)."""

    ANSWERED = "answered"
    INVALID = "invalid"
    ABANDONED_IN_MENU = "abandoned_in_menu"
    ABANDONED_IN_QUEUE = "abandoned_in_queue"
    ABANDONED_RINGING = "abandoned_ringing"
    TIMED_OUT = "timed_out"
    QUEUE_FULL = "queue_full"
    NO_AGENT = "no_agent"
    CLOSED = "closed"
    BLOCKED = "blocked"
    SYSTEM_FAILURE = "system_failure"
    INCOMPLETE = "incomplete"


class Side(StrEnum):
    """Who hung up."""

    CALLER = "caller"
    AGENT = "agent"
    SYSTEM = "system"


class Service(StrEnum):
    """The schedule's answer when the call came in; figures count `open` and `duty` as service hours."""

    OPEN = "open"
    CLOSED = "closed"
    DUTY = "duty"


@dataclass(frozen=True, slots=True)
class Leg:
    """One channel of a call, from its creation to its hang-up."""

    uniqueid: str
    channel: str
    role: str
    """caller, agent or other"""
    number: str
    name: str
    agent: str | None
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    ring_seconds: float
    talk_seconds: float
    hold_seconds: float
    hangup_cause: int | None
    """Q.850 cause; 16 normal clearing, 17 busy, 26 answered elsewhere"""


@dataclass(frozen=True, slots=True)
class QueueVisit:
    """One stay in one queue; a call that returns to a queue has a second visit."""

    queue: str
    occurrence: int
    entered_at: datetime
    left_at: datetime | None
    position: int | None
    result: str
    """connected, abandoned, timed_out, queue_full, no_agent, system_failure or open"""
    agent: str | None
    wait_seconds: float
    ring_seconds: float
    unanswered: tuple[str, ...]
    """Agents whose phones rang in vain, one entry an attempt (queue_log RINGNOANSWER)"""


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    at: datetime
    kind: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RecordingRef:
    """A recording that must exist; whether it does is the pipeline's finding, not the call's."""

    id: UUID
    name: str
    """What its files are named after"""
    started_at: datetime
    """When the channel was answered"""
    ended_at: datetime | None = None
    """When the channel was hung up; None while it is up"""
    begun_at: datetime | None = None
    """When the dialplan started it; None: it said nothing of it"""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """Everything known of one call. Durations are seconds, instants are aware UTC."""

    id: UUID
    pbx: str
    uniqueid: str
    direction: Direction
    line: Line | None
    caller_number: str
    caller_name: str
    did: str
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime
    wait_seconds: float
    ring_seconds: float
    talk_seconds: float
    hold_seconds: float
    agent: str | None
    outcome: Outcome
    hung_up_by: Side | None
    notice_played: bool
    service: Service | None
    service_source: str | None
    """pushed (the control loop's word) or rendered (the hours in the dialplan)"""
    service_reason: str | None
    """What decided it: hours, holiday-2026-10-01, override-12, duty-3 … (`schedule.hours`)"""
    menu_choice: str | None
    """The digit chosen last; empty when the menu was heard and nothing was chosen"""
    marks: tuple[str, ...]
    """Facts beside the outcome, in alphabetical order: voicemail, callback, complaint, overflow …"""
    evidence: str
    """What closed the record: channel_ends, linkedid_end, pbx_crash, blind_interval or silence (docs/figures.md)"""
    legs: tuple[Leg, ...] = ()
    queue_visits: tuple[QueueVisit, ...] = ()
    timeline: tuple[TimelineEntry, ...] = ()
    recordings: tuple[RecordingRef, ...] = ()
    anomalies: tuple[str, ...] = field(default=())
