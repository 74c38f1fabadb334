"""The life of a recording as values. Pure.

expected → recording → closed → verified → sealed → archived → expired → destroyed; or absent (Asterisk wrote nothing),
damaged (what was sealed is not there any more, or is something else). `repaired` is a step of the life, not a state.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class State(StrEnum):
    EXPECTED = "expected"
    """The call was answered: it must exist"""
    RECORDING = "recording"
    """Both legs were seen to grow"""
    CLOSED = "closed"
    """The call is over and Asterisk has closed the legs"""
    VERIFIED = "verified"
    """It was listened to from begin to end"""
    SEALED = "sealed"
    """Encoded, encrypted, and in the hash chain"""
    ARCHIVED = "archived"
    """Found unaltered in the store"""
    EXPIRED = "expired"
    """Its time is over; it waits for its destruction"""
    DESTROYED = "destroyed"
    """Its key is gone, and so is its audio, wherever a copy is"""
    ABSENT = "absent"
    DAMAGED = "damaged"
    UNSEALED = "unsealed"
    """Made before recordings were sealed: to be sealed"""


PENDING = (State.EXPECTED, State.RECORDING, State.CLOSED, State.UNSEALED)
"""The pipeline still has to conclude on them."""
PLAYABLE = (State.SEALED, State.ARCHIVED, State.EXPIRED)


class Flag(StrEnum):
    """What is remarkable about a recording; a fault unless in `NOTES`."""

    SILENT = "silent"
    """No sound on either side"""
    CALLER_SILENT = "caller_silent"
    """Nothing arrived from the caller's side, or nothing any more from some moment on"""
    AGENT_SILENT = "agent_silent"
    """Nothing was heard by the caller while he talked with an agent, or nothing any more from some moment on"""
    SHORT = "short"
    LONG = "long"
    """Its length is not the call's, by more than 1 s and 1 %"""
    CLIPPED = "clipped"
    REPAIRED = "repaired"
    """Asterisk had not closed the files: their headers were wrong"""
    ALTERED = "altered"
    """A file was changed after Asterisk had closed it"""
    LEG_MISSING = "leg_missing"
    """One of the two files was not there; its side is silence"""
    ONE_SIDED = "one_sided"
    """For some time no packet of audio came from one side: told while the call ran"""
    UNWATCHED = "unwatched"
    """An alarm was raised for it while the call ran: `reason`"""
    DIGITS = "digits"
    """Keys were pressed audibly: numbers may be on it"""
    PAUSED = "paused"
    """Somebody paused it while confidential data was said"""
    PAUSE_HEARD = "pause_heard"
    """It was paused, and all the same it holds sound of that time"""


QUIET, EXCUSED = "quiet", "the {side} was quiet up to the end, on hold or muted"
"""A step of a life, and its cause: what the watch saw and the files can't tell."""
NOTES = frozenset({Flag.DIGITS, Flag.PAUSED})


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a life."""

    state: str
    at: datetime
    cause: str

    def as_json(self) -> dict[str, Any]:
        return {"state": self.state, "at": self.at.isoformat(), "cause": self.cause}
