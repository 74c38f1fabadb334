"""A callback that keeps its place in the queue, and an entry of the worklist of callers whom we owe a call."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class CallbackState(StrEnum):
    """Where a callback stands."""

    WAITING = "waiting"
    """For its turn, for its next attempt, or for the next opening"""
    DIALING = "dialing"
    """The citizen's phone is being rung"""
    REACHED = "reached"
    """The citizen has answered and waits at the head of the queue"""
    DONE = "done"
    """Spoke with an agent"""
    FAILED = "failed"
    """Tried as often as is allowed"""
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    """Asked for too long ago"""


OPEN_STATES = (CallbackState.WAITING, CallbackState.DIALING, CallbackState.REACHED)
IN_FLIGHT = (CallbackState.DIALING, CallbackState.REACHED)


class FollowUpKind(StrEnum):
    """Why we owe somebody a call."""

    LOST = "lost"
    """Gave up, or was turned away, and was not reached since"""
    VOICEMAIL = "voicemail"
    CALLBACK_FAILED = "callback_failed"


class FollowUpState(StrEnum):
    OPEN = "open"
    TAKEN = "taken"
    REACHED = "reached"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class Request:
    """What a citizen asked for: to be rung at `number`, at the place that he had in `queue` since `place_at`."""

    number: str
    queue: str
    place_at: datetime


@dataclass(frozen=True, slots=True)
class Callback:
    """A callback as the dialer sees it."""

    id: int
    number: str
    queue: str
    place_at: datetime
    state: CallbackState
    attempts: int
    next_try_at: datetime
    uniqueid: str | None
    dialled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Waiter:
    """Somebody in a queue: a caller, a citizen rung back, or the place that we keep for one."""

    uniqueid: str
    since: datetime


@dataclass(frozen=True, slots=True)
class QueueSight:
    """A queue as seen now. `free` agents would take a call; `members` are all who are logged in."""

    waiting: tuple[Waiter, ...]
    free: int
    members: int


@dataclass(frozen=True, slots=True)
class LostCall:
    """A call of somebody who wanted something and did not speak with anybody."""

    id: UUID
    line: str
    number: str
    outcome: str
    marks: tuple[str, ...]
    lost_at: datetime
