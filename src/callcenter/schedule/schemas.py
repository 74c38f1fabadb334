"""The schedule as the API shows and takes it. Instants are UTC, days and times of day Asia/Shanghai's."""

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from callcenter.calls.model import Line, Service
from callcenter.schedule.calendar import DayKind
from callcenter.schedule.model import DayState

Text = Annotated[str, StringConstraints(max_length=200)]
TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-4]):[0-5][0-9]$")]


class StateView(BaseModel):
    """Whether a line takes calls at an instant."""

    line: Line
    mode: Service
    reason: str = Field(examples=["holiday-2026-10-01"], description="stored with each call as `service_reason`")
    why: str = Field(examples=["holiday 国庆节"])
    provisional: bool = Field(description="the year's holidays are not loaded, or not official")
    until: datetime | None = Field(description="when mode or reason change; null: not within two months")
    closes_at: datetime | None
    next_opening: datetime | None


class ScheduleView(BaseModel):
    """Every line's state at one instant."""

    at: datetime
    zone: str = Field(examples=["Asia/Shanghai"])
    lines: list[StateView]


class SpanView(BaseModel):
    """A stretch of a day in which the line takes calls."""

    since: datetime = Field(alias="from")
    until: datetime
    mode: Service
    reason: str


class DayView(BaseModel):
    """One day."""

    date: date
    kind: DayKind
    name: str | None = Field(examples=["国庆节"])
    state: DayState | None = Field(description="null: nothing names the day, its weekday decides")
    source: str | None
    provisional: bool


class MonthDayView(DayView):
    """One day with what it is for the line."""

    spans: list[SpanView]


class MonthView(BaseModel):
    """A month of one line."""

    month: str = Field(examples=["2026-10"])
    line: Line
    days: list[MonthDayView]


class DayChange(BaseModel):
    """A person's word for one day."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(min_length=1, max_length=40)] = Field(examples=["系统检修"])
    is_off: bool


class HoursView(BaseModel):
    """A span of hours."""

    id: int
    line: Line
    weekdays: list[int] = Field(description="1 is Monday")
    opens: str = Field(examples=["09:00"])
    closes: str = Field(examples=["17:00"], description="24:00 is the day's end")
    valid_from: date | None
    valid_until: date | None = Field(description="the first day on which they hold no more")


class HoursChange(BaseModel):
    """A span to add."""

    model_config = ConfigDict(extra="forbid")

    line: Line = Line.HOTLINE
    weekdays: list[Annotated[int, Field(ge=1, le=7)]] = Field(min_length=1, max_length=7)
    opens: TimeOfDay
    closes: TimeOfDay
    valid_from: date | None = None
    valid_until: date | None = None


class OverrideView(BaseModel):
    """An override that holds or is to come."""

    id: int
    line: Line
    mode: Service
    starts_at: datetime
    until: datetime
    reason: str
    made_by: str


class DutyView(BaseModel):
    """A duty period that holds or is to come."""

    id: int
    line: Line
    name: str
    starts_at: datetime
    until: datetime
    reason: str
    made_by: str
    staff: list[str] = Field(description="agents who alone take its calls; empty: all")


class OverrideChange(BaseModel):
    """Open or close a line by word."""

    model_config = ConfigDict(extra="forbid")

    line: Line = Line.HOTLINE
    mode: Service = Field(description="open or closed")
    until: Annotated[str, StringConstraints(max_length=40)] = Field(examples=["2027-01-04T18:00"])
    reason: Text = ""


class DutyChange(BaseModel):
    """A duty period to add."""

    model_config = ConfigDict(extra="forbid")

    line: Line = Line.HOTLINE
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(examples=["系统升级值守"])
    starts_at: Annotated[str, StringConstraints(max_length=40)] = Field(examples=["2027-01-04T18:00"])
    until: Annotated[str, StringConstraints(max_length=40)] = Field(examples=["2027-01-05T08:00"])
    reason: Text = ""
    staff: list[Annotated[str, StringConstraints(pattern=r"^[0-9]{2,15}$")]] = Field(default=[], max_length=200)


class HoursList(BaseModel):
    """All hours."""

    items: list[HoursView]


class OverrideList(BaseModel):
    """Overrides, oldest first."""

    items: list[OverrideView]


class DutyList(BaseModel):
    """Duty periods, oldest first."""

    items: list[DutyView]


class Made(BaseModel):
    """What was added."""

    id: int
