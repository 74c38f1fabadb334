"""Callbacks and follow-ups as the API shows them. Instants are UTC."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from callcenter.callbacks.model import CallbackState, FollowUpKind, FollowUpState

NOTE = Field(default="", max_length=1000, examples=["Rang twice, nobody at home"])


class Attempt(BaseModel):
    """One time that the citizen's phone was rung."""

    call_id: UUID = Field(description="the record of that call")
    dialled_at: datetime
    ended_at: datetime | None
    cause: str | None = Field(
        examples=["no_answer"],
        description="answered, busy, no_answer, rejected, unreachable, invalid_number, hung_up, no_agent, "
        "not_allowed, interrupted, refused or not_made",
    )


class CallbackView(BaseModel):
    """A callback that somebody asked for."""

    model_config = ConfigDict(extra="ignore")

    id: int
    pbx: str
    call_id: UUID = Field(description="the call in which it was asked for")
    number: str = Field(examples=["13800138000"])
    queue: str = Field(examples=["hotline"])
    place_at: datetime = Field(description="since when the citizen waits; his place in the queue")
    requested_at: datetime
    state: CallbackState
    attempts: int = Field(description="how often the phone was rung")
    next_try_at: datetime = Field(description="not before this, within service hours, when it is its turn")
    dialled_at: datetime | None
    cause: str | None = Field(examples=["busy"], description="why the last attempt did not succeed")
    agent: str | None = Field(examples=["1001"])
    ended_at: datetime | None
    cancelled_by: str | None


class CallbackDetail(CallbackView):
    """A callback with every attempt, the first one first."""

    tried: list[Attempt]


class CallbackPage(BaseModel):
    """A page of callbacks."""

    items: list[CallbackView]
    next: int | None = Field(description="send it as `before` for the next page; null: this was the last")


class FollowUpView(BaseModel):
    """Somebody whom we owe a call."""

    model_config = ConfigDict(extra="ignore")

    id: int
    pbx: str
    kind: FollowUpKind
    line: str = Field(examples=["hotline"])
    number: str = Field(examples=["13800138000"])
    state: FollowUpState
    lost_at: datetime = Field(description="the last of his calls that nobody took")
    due_at: datetime = Field(description="he is to be rung before this; counted in service hours")
    calls: int = Field(description="how often he tried")
    call_id: UUID = Field(description="the call that it is about; for a voicemail, the one that holds it")
    recording_id: UUID | None = Field(description="that call's recording, when there is one to play")
    taken_by: str | None
    taken_at: datetime | None
    closed_by: str | None = Field(description="callcenter: he was reached by a call of either side")
    closed_at: datetime | None
    reached_call_id: UUID | None
    created_at: datetime


class FollowUpNote(BaseModel):
    """Something that was done with an entry."""

    at: datetime
    by: str
    action: str = Field(examples=["taken"], description="taken, noted, reached or given_up")
    note: str


class FollowUpDetail(FollowUpView):
    """An entry with its calls and what was done, the first thing first."""

    call_ids: list[UUID]
    notes: list[FollowUpNote]


class FollowUpPage(BaseModel):
    """A page of the worklist."""

    items: list[FollowUpView]
    next: str | None = Field(description="send it as `cursor` for the next page; null: this was the last")


class Closing(BaseModel):
    """How an entry ended."""

    model_config = ConfigDict(extra="forbid")

    state: Literal["reached", "given_up"]
    note: str = NOTE


class Noting(BaseModel):
    """What is to be added to an entry."""

    model_config = ConfigDict(extra="forbid")

    note: str = Field(min_length=1, max_length=1000, examples=["Wants to be rung after 15:00"])
