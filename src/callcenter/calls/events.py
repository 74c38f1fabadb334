"""What the tracker announces. A `call_id` is known from the first fact on and stays, but for `CallAbsorbed`."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from callcenter.calls.model import CallRecord, Direction, RecordingRef


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
    alarmed: bool = False
    """An emergency call that had been escalated"""


@dataclass(frozen=True, slots=True)
class RecordingExpected:
    """A citizen's channel was answered: from now on this recording must exist."""

    call_id: UUID
    ref: RecordingRef
    channel: str


@dataclass(frozen=True, slots=True)
class RecordingOver:
    """That channel is gone, and its files grow no more; the call may go on without the citizen."""

    recording_id: UUID


@dataclass(frozen=True, slots=True)
class EmergencyEscalated:
    """The first step's people did not answer; step `step` is rung as well."""

    call_id: UUID
    at: datetime
    caller_number: str
    step: int


@dataclass(frozen=True, slots=True)
class EmergencyUnanswered:
    """The whole chain of so many steps rang in vain; the caller still waits."""

    call_id: UUID
    at: datetime
    caller_number: str
    steps: str


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The record is complete. `again` when a late fact changed a record announced before."""

    record: CallRecord
    again: bool = False


@dataclass(frozen=True, slots=True)
class CallMarked:
    """A mark on a call that the tracker has forgotten already: a complaint noted after it."""

    call_id: UUID
    mark: str
    at: datetime


@dataclass(frozen=True, slots=True)
class AgentActed:
    """An agent logged in, paused, listened in …: an entry of the operation log (座席员操作日志)."""

    at: datetime
    agent: str
    event: str
    detail: str
    uniqueid: str
    """The channel on which the dialplan said it"""


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


CallEvent = (
    CallStarted
    | CallQueued
    | AgentRinging
    | CallAnswered
    | RecordingExpected
    | RecordingOver
    | EmergencyEscalated
    | EmergencyUnanswered
    | CallEnded
    | CallMarked
    | AgentActed
    | CallAbsorbed
    | Anomaly
)
