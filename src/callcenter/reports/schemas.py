"""The traffic report as the API shows it."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from callcenter.calls.model import Outcome
from callcenter.coverage.model import Cause
from callcenter.reports.figures import Slice
from callcenter.reports.periods import Period


class FigureView(BaseModel):
    """A figure; `value` is null when there is nothing to divide by."""

    label: str = Field(examples=["呼损率"])
    unit: Literal["calls", "ratio", "seconds"]
    value: float | None = Field(examples=[0.125])
    numerator: float = Field(examples=[5])
    denominator: float | None = Field(examples=[40], description="null: the figure is a count")
    definition: str = Field(examples=["traffic/1"])


class LineView(BaseModel):
    """A line of the ledger: `received` is the sum of its outcomes."""

    label: str = Field(examples=["热线(服务时间)"])
    received: int
    outcomes: dict[Outcome, int]


class RecordingsView(BaseModel):
    """Whether every call is on record: `expected` is the sum of the other four."""

    expected: int = Field(description="citizens' channels that were answered")
    verified: int = Field(description="there, listened to, and nothing wrong")
    flagged: int = Field(description="there, and something is remarkable, or it was found damaged")
    missing: int = Field(description="there is none; GET /v1/reports/recordings says why")
    pending: int = Field(description="not made yet")
    verified_rate: float | None = Field(description="null when none was expected")
    definition: str = Field(examples=["recordings/1"])


class RemarkableView(BaseModel):
    recording_id: UUID | None = Field(description="null: even its row is gone")
    call_id: UUID
    started_at: datetime
    kind: Literal["flagged", "missing", "pending"]
    state: str
    flags: list[str]
    reason: str


class RecordingsDay(BaseModel):
    """One local day's recordings, with each that is not verified."""

    date: date
    completeness: RecordingsView
    items: list[RemarkableView]
    listed: bool = Field(description="false: there are more than are listed")


class RowView(BaseModel):
    """A day, or the total (`date` null)."""

    date: date | None
    received: int = Field(description="inbound-direction calls on all lines")
    figures: dict[str, FigureView]
    lines: dict[Slice, LineView]
    recordings: RecordingsView


class UnobservedView(BaseModel):
    """A span whose calls may be missing from the figures."""

    pbx: str
    since: datetime = Field(alias="from")
    until: datetime
    seconds: float
    causes: list[Cause]
    label: str = Field(examples=["日志缺失"])


class FilledView(BaseModel):
    """Spans that were not observed directly and learnt from the journal afterwards: nothing is missing."""

    spans: int
    seconds: float


class FailedCheckView(BaseModel):
    """A span in which the journal and Asterisk's own count did not add up."""

    pbx: str
    since: datetime | None = Field(alias="from")
    until: datetime
    missing_calls: int
    missing_starts: int
    missing_ends: int


class WatchedView(BaseModel):
    pbx: str
    since: datetime = Field(description="later than the period's beginning: what was before is not known")


class GroundsView(BaseModel):
    """What the figures rest on (docs/figures.md)."""

    complete: bool | None = Field(description="nothing is known to be missing; null: no PBX was watched then")
    label: str = Field(examples=["完整"])
    watched: list[WatchedView]
    unobserved_seconds: float
    unobserved: list[UnobservedView]
    filled: FilledView
    checks: list[FailedCheckView]


class TrafficView(BaseModel):
    """Traffic of a day, week or month; every figure is about the hotline in service hours."""

    model_config = ConfigDict(populate_by_name=True)

    period: Period
    since: date = Field(alias="from")
    until: date = Field(description="the first day after the period")
    zone: str = Field(examples=["Asia/Shanghai"])
    definition: str = Field(examples=["traffic/1"])
    coverage: GroundsView
    days: list[RowView]
    total: RowView
