"""Terms, holds, dry runs and protocols as the API takes and shows them. Durations are seconds."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from callcenter.retention.model import LEAST_DAYS, MOST_DAYS, Kind, Reason, Why

LONGEST_NOTE = 300
WORDS = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
"""Not blank, and nothing that moves a cursor."""
LETTER, SAID = ["letter of 2026-12-01"], ["复核投诉 2026-118"]
Action = Literal["expire", "destroy"]


class NewTerm(BaseModel):
    """A term to set."""

    model_config = ConfigDict(extra="forbid")

    keep_days: int = Field(ge=LEAST_DAYS, le=MOST_DAYS, examples=[365], description="whole local days after the call's")
    reference: str = Field(
        pattern=WORDS, max_length=LONGEST_NOTE, examples=LETTER, description="the client's written decision"
    )


class Ending(BaseModel):
    """Why something is ended."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(pattern=WORDS, max_length=LONGEST_NOTE, examples=["投诉已办结"])


class TermView(BaseModel):
    """A term; `ended_at` null: in force."""

    id: int
    kind: Kind
    keep_days: int
    reference: str
    by: str
    at: datetime
    acts_on: date = Field(description="the first local day on which it is carried out")
    ended_at: datetime | None
    ended_by: str | None
    ended_why: str | None


class TermList(BaseModel):
    items: list[TermView]


class NewHoldBody(BaseModel):
    """A hold to place on a recording, or on all recordings of a call: name one of them."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "call_id": "0b8f2c1e-5d1c-4b0a-8b57-3f2f5a0e8a11", "why": "complaint", "note": "复核投诉",
                    "reference": "2026-118",
                }
            ],
        },
    )  # fmt: skip

    recording_id: UUID | None = None
    call_id: UUID | None = None
    why: Why
    note: str = Field(pattern=WORDS, max_length=LONGEST_NOTE, examples=SAID, description="what it is kept for")
    reference: str = Field(
        "", pattern=rf"^$|{WORDS}", max_length=LONGEST_NOTE, examples=["2026-118"], description="of complaint or letter"
    )

    @model_validator(mode="after")
    def _names_one(self) -> "NewHoldBody":
        if (self.recording_id is None) == (self.call_id is None):
            raise ValueError("name a recording_id or a call_id, not both")
        return self


class HoldView(BaseModel):
    """A hold; `ended_at` null: it stands."""

    id: int
    recording_id: UUID
    call_id: UUID | None
    pbx: str | None
    recording_started_at: datetime | None
    state: str | None = Field(description="of the recording")
    why: Why
    note: str
    reference: str
    by: str = Field(description="a key's name; `mark complaint`: an agent marked the call")
    at: datetime
    ended_at: datetime | None
    ended_by: str | None
    ended_why: str | None


class HoldList(BaseModel):
    items: list[HoldView]


class HoldPage(HoldList):
    next: str | None = Field(description="send it as `cursor` for the next page; null: this was the last")


class DryRunLine(BaseModel):
    """Recordings that the same becomes of. `bytes` are of their audio."""

    pbx: str
    kind: Kind | None = Field(description="null: younger than every term, or `reason` says why")
    action: str = Field(examples=["expire"], description="expire, destroy or keep")
    reason: Reason
    recordings: int
    seconds: float
    bytes: int
    first_day: date | None = Field(description="of their calls")
    last_day: date | None


class DryRunView(BaseModel):
    """What would go on `day` if nothing went before it."""

    day: date
    lines: list[DryRunLine]


class Going(BaseModel):
    """A recording that would go."""

    recording_id: UUID
    call_id: UUID
    pbx: str
    kind: Kind
    action: Action
    why: str
    day: date
    started_at: datetime
    seconds: float | None
    bytes: int | None


class GoingPage(BaseModel):
    items: list[Going]
    next: str | None


class ProtocolView(BaseModel):
    """Recordings of one local day that expired or were destroyed in one go."""

    id: int
    pbx: str
    at: datetime
    day: date
    action: Action
    recordings: int
    reasons: dict[str, int]
    last_seq: int = Field(description="the last of its entries in the chain")


class ProtocolPage(BaseModel):
    items: list[ProtocolView]
    next: str | None


class ProtocolItem(BaseModel):
    """One recording with its entry in the chain; what a detached or lost row would say is null."""

    seq: int
    recording_id: UUID
    hash: str
    entry: dict[str, Any]
    call_id: UUID | None
    started_at: datetime | None
    seconds: float | None
    bytes: int | None


class ProtocolDetail(ProtocolView):
    items: list[ProtocolItem]
