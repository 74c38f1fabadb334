"""Recordings, playbacks and exports as the API shows them. Durations are seconds, instants are UTC."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from callcenter.calls.model import Direction, Line, Outcome
from callcenter.calls.schemas import Recording
from callcenter.listening.search import ExportFilters
from callcenter.recordings.playbacks import How
from callcenter.recordings.reasons import REASON_PATTERN


class RecordedCall(BaseModel):
    """What matters of the call."""

    direction: Direction
    line: Line | None
    caller_number: str
    caller_name: str
    did: str
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime
    talk_seconds: float
    agent: str | None
    outcome: Outcome
    marks: list[str]


class FoundRecording(Recording):
    """A recording with its call; null when the call left the lists or is not stored yet."""

    call_id: UUID
    pbx: str
    ended_at: datetime | None
    talk_seconds: float | None
    call: RecordedCall | None


class RecordingPage(BaseModel):
    items: list[FoundRecording]
    next: str | None = Field(description="send it as `cursor` for the next page; null: this was the last")


class LifeStep(BaseModel):
    model_config = ConfigDict(extra="allow")

    state: str
    at: datetime
    cause: str


class Marker(BaseModel):
    kind: str = Field(examples=["talking"], description="as in the call's timeline; `talking`: an agent answered")
    second: float | None = Field(description="of the recording; null: before or after it")
    at: datetime
    detail: str


class ChainPlace(BaseModel):
    """The entry of its sealing."""

    pbx: str
    seq: int
    hash: str
    signature: str


class RecordingDetail(FoundRecording):
    life: list[LifeStep]
    markers: list[Marker]
    heard: dict[str, Any] | None = Field(description="levels, silence, clipping and keypad tones of either side")
    expected_seconds: float | None = Field(description="from its start to the end of the call")
    difference_seconds: float | None = Field(description="its length less the expected one")
    site_key: str | None = Field(description="the name of the key it is sealed for; null: there is no key (any more)")
    sealed_sha256: str | None
    chain: ChainPlace | None


class Waveform(BaseModel):
    """`peaks` as wavesurfer.js takes them: the sample furthest from 0 of each stretch, -1 to 1."""

    seconds: float
    left: list[float] = Field(description="the caller")
    right: list[float] = Field(description="what the caller heard")


class PlaybackView(BaseModel):
    """What was sent to one key for one reason, and what its player says that it played."""

    id: UUID
    recording_id: UUID
    at: datetime
    ended_at: datetime | None = Field(description="null: the end was not seen; seconds and bytes are those asked for")
    by: str
    why: str
    how: How
    address: str
    first_second: float
    last_second: float
    sent: list[list[float]] = Field(description="the stretches that were sent, [first, last] in seconds")
    heard: list[list[float]] | None = Field(description="those played; null: no player said, at most what was sent")
    listening: UUID | None = Field(description="the player's name for this sitting")
    bytes: int
    answers: int = Field(description="HTTP answers that are taken together")


class PlaybackPage(BaseModel):
    items: list[PlaybackView]
    next: str | None


class ExportOrder(BaseModel):
    model_config = ConfigDict(extra="forbid")

    filters: ExportFilters
    reason: str = Field(pattern=REASON_PATTERN, examples=["复核 11 月投诉"])


class ExportView(BaseModel):
    """A set of recordings as one ZIP."""

    id: UUID
    by: str
    why: str
    filters: dict[str, Any]
    state: str = Field(description="queued, running, done, failed, expired or cancelled")
    done: int
    total: int
    bytes: int = Field(description="of the ZIP so far")
    reason: str | None = Field(description="why it failed")
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None = Field(description="when the file is deleted")
    fetches: int = Field(description="how often the file was asked for")


class ExportList(BaseModel):
    items: list[ExportView]
