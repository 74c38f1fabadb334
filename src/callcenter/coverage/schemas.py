"""What the API shows of what was observed. Instants are UTC, durations seconds."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from callcenter.coverage.model import Cause, Source, State, Verdict


class IntervalView(BaseModel):
    """One cause for which one source was not observed."""

    source: Source
    cause: Cause = Field(examples=["listener_away"])
    since: datetime = Field(alias="from")
    until: datetime | None = Field(description="null: it lasts")
    detail: str = Field(examples=["Asterisk closed the connection"])
    filled_at: datetime | None = Field(description="null: not filled; the figures of this span may be incomplete")
    filled_by: Source | None = Field(examples=["journal"])


class SpanView(BaseModel):
    """A stretch of the period that was not observed directly; overlapping intervals are one."""

    model_config = ConfigDict(populate_by_name=True)

    since: datetime = Field(alias="from")
    until: datetime
    seconds: float = Field(examples=[12.5])
    state: State = Field(description="filled: learnt afterwards; unobserved: figures may be incomplete")
    causes: list[Cause]
    intervals: list[IntervalView]


class CheckView(BaseModel):
    """A completeness check: the journal against Asterisk's own count of calls (CoreProcessedCalls)."""

    at: datetime
    since: datetime | None = Field(description="from when on it compared; null: it compared nothing")
    verdict: Verdict
    processed: int | None = Field(examples=[41], description="calls that Asterisk says it began in the span")
    journalled: int | None = Field(examples=[41], description="calls that the journal says began in the span")
    missing_calls: int = Field(examples=[0], description="in Asterisk's count alone; negative: in the journal alone")
    missing_starts: list[str] = Field(description="channels that are up without a start in the journal")
    missing_ends: list[str] = Field(description="channels that are gone without an end in the journal")
    missing_linkedid_ends: list[str] = Field(description="calls that are over without the line that says so")
    why: str = Field(description="why a check was not possible")


class PbxCoverageView(BaseModel):
    """One PBX in the period, as far as it is past and was watched; the seconds add up to that."""

    pbx: str = Field(examples=["hotline"])
    journal: bool = Field(description="whether its journal is within reach; without it nothing is filled")
    watched_since: datetime = Field(description="observation of this PBX began")
    observed_seconds: float = Field(examples=[86350.0], description="observed directly")
    filled_seconds: float = Field(examples=[50.0], description="not observed, but learnt from the journal")
    unobserved_seconds: float = Field(examples=[0.0], description="never observed, or not yet")
    share: float | None = Field(examples=[1.0], description="observed or filled, of the whole; null: nothing to divide")
    spans: list[SpanView]
    checks: list[CheckView] = Field(description="the latest completeness checks, newest first")


class CoverageView(BaseModel):
    """What was observed of each PBX in a period."""

    model_config = ConfigDict(populate_by_name=True)

    since: datetime = Field(alias="from")
    until: datetime
    complete: bool | None = Field(description="nothing is known to be missing; null: no PBX was watched then")
    pbxs: list[PbxCoverageView]
