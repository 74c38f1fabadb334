"""The call record as the API shows it. Durations are seconds, instants are UTC."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from callcenter.calls.model import Direction, Line, Outcome, Service, Side

RECORDING_STATES = (
    "expected, recording, closed, sealed, archived, expired, destroyed; absent (there is none), damaged, unsealed"
)
RECORDING_FLAGS = (
    "what is remarkable: silent, caller_silent, agent_silent, short, long, clipped, repaired, altered, leg_missing,"
    " one_sided, unwatched, pause_heard; digits, paused"
)


class Recording(BaseModel):
    """A recording of a call. `sealed`, `archived` and `expired` ones can be played; `reason` says why not, or what is
    remarkable about it."""

    id: UUID = Field(examples=["5f0c1a34-7a0e-4a53-9c0e-0f5c9b0f6a01"])
    state: str = Field(examples=["archived"], description=RECORDING_STATES)
    reason: str | None
    started_at: datetime
    seconds: float | None = Field(examples=[63.4])
    channels: int | None = Field(examples=[2], description="2: caller left, agent right")
    media_type: str | None = Field(examples=["audio/ogg"], description="Opus in Ogg, or what the settings say")
    bytes: int | None = Field(examples=[2028844])
    sha256: str | None = Field(description="of the audio as it is played")
    flags: list[str] = Field(examples=[["short"]], description=RECORDING_FLAGS)


class Call(BaseModel):
    """One call."""

    id: UUID = Field(examples=["0b8f2c1e-5d1c-4b0a-8b57-3f2f5a0e8a11"])
    pbx: str = Field(examples=["hotline"], description="the Asterisk that carried the call")
    direction: Direction
    line: Line | None = Field(description="null: a number that is no service of ours")
    caller_number: str = Field(examples=["13800138000"])
    caller_name: str = Field(examples=["王小明"], description="as the caller's side sent it: never trust it")
    did: str = Field(examples=["12333"], description="the number that was dialled")
    started_at: datetime = Field(examples=["2026-11-23T01:00:05.120000Z"])
    answered_at: datetime | None = Field(description="when an agent answered")
    ended_at: datetime
    wait_seconds: float = Field(examples=[7.2], description="in queues, until an agent answered or the call left")
    ring_seconds: float = Field(examples=[3.1])
    talk_seconds: float = Field(examples=[51.0], description="in a conversation with agents, hold not included")
    hold_seconds: float = Field(examples=[0.0])
    agent: str | None = Field(examples=["1001"], description="who answered first")
    outcome: Outcome
    hung_up_by: Side | None
    notice_played: bool = Field(description="the recording notice was played to its end")
    recordings: list[Recording]


class CallPage(BaseModel):
    """A page of calls."""

    items: list[Call]
    next: str | None = Field(description="send it as `cursor` for the next page; null: this was the last")


class LegView(BaseModel):
    """One channel of the call."""

    model_config = ConfigDict(extra="allow")

    uniqueid: str
    channel: str
    role: str = Field(description="caller, agent or other")
    number: str
    name: str
    agent: str | None
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    ring_seconds: float
    talk_seconds: float
    hold_seconds: float
    hangup_cause: int | None = Field(description="Q.850")


class QueueVisitView(BaseModel):
    """One stay in one queue."""

    model_config = ConfigDict(extra="allow")

    queue: str
    occurrence: int
    entered_at: datetime
    left_at: datetime | None
    position: int | None
    result: str
    agent: str | None
    wait_seconds: float
    ring_seconds: float
    unanswered: list[str] = Field(description="agents whose phones rang in vain, one entry an attempt")


class TimelineView(BaseModel):
    """One thing that happened in the call."""

    model_config = ConfigDict(extra="allow")

    at: datetime
    kind: str
    detail: str


class CallDetail(Call):
    """One call with its parts and what the record rests on."""

    uniqueid: str = Field(examples=["hotline-1795395605.12"], description="Asterisk's id of the caller's channel")
    service: Service | None = Field(description="the schedule's answer when the call came in")
    service_source: str | None = Field(description="pushed (control loop) or rendered (hours in the dialplan)")
    service_reason: str | None = Field(
        examples=["holiday-2026-10-01"], description="what decided: hours, holiday-…, workday-…, override-…, duty-…"
    )
    menu_choice: str | None = Field(examples=["1"], description="empty: nothing chosen; null: no menu")
    marks: list[str] = Field(
        examples=[["voicemail"]], description="facts beside the outcome: voicemail, callback, complaint, overflow …"
    )
    evidence: str = Field(examples=["channel_ends"], description="what closed the record")
    legs: list[LegView]
    queue_visits: list[QueueVisitView]
    timeline: list[TimelineView]
    anomalies: list[Any] = Field(description="surprises met while the record was made")
