"""What the tracker announces. A `call_id` is known from the first fact on and stays, but for `CallAbsorbed`."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from callcenter.calls.model import CallRecord, Direction


@dataclass(frozen=True, slots=True)
class CallStarted:
    call_id: UUID
    at: datetime
    direction: Direction
    caller_number: str
    caller_name: str
    did: str


@dataclass(frozen=True, slots=True)
class CallQueued:
    call_id: UUID
    at: datetime
    queue: str


@dataclass(frozen=True, slots=True)
class AgentRinging:
    call_id: UUID
    at: datetime
    agent: str


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """An agent and the caller can hear each other; sent once an agent."""

    call_id: UUID
    at: datetime
    agent: str


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The record is complete. `again` when a late fact changed a record announced before."""

    record: CallRecord
    again: bool = False


@dataclass(frozen=True, slots=True)
class CallAbsorbed:
    """Two calls turned out to be one (attended transfer, pickup): `call_id` is no more."""

    call_id: UUID
    into: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A fact that should not be; the state it implies is taken all the same."""

    at: datetime
    kind: str
    detail: str


CallEvent = CallStarted | CallQueued | AgentRinging | CallAnswered | CallEnded | CallAbsorbed | Anomaly
