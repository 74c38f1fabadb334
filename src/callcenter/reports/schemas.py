"""The traffic report as the API shows it."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from callcenter.calls.model import Outcome
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


class RowView(BaseModel):
    """A day, or the total (`date` null)."""

    date: date | None
    received: int = Field(description="inbound-direction calls on all lines")
    figures: dict[str, FigureView]
    lines: dict[Slice, LineView]


class TrafficView(BaseModel):
    """Traffic of a day, week or month; every figure is about the hotline in service hours."""

    model_config = ConfigDict(populate_by_name=True)

    period: Period
    since: date = Field(alias="from")
    until: date = Field(description="the first day after the period")
    zone: str = Field(examples=["Asia/Shanghai"])
    definition: str = Field(examples=["traffic/1"])
    days: list[RowView]
    total: RowView
