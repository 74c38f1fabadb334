"""The roster as the API takes and shows it."""

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from callcenter.roster.chain import LONGEST_NAME, LONGEST_TEXT, MOST_MEMBERS, MOST_STEPS

MEMBER = r"^(m[0-9]{5,15}|[0-9]{2,15})$"


class StepView(BaseModel):
    """Rings by itself for `seconds`; then the next step's people ring as well."""

    model_config = ConfigDict(extra="forbid")

    members: list[str] = Field(
        min_length=1, max_length=MOST_MEMBERS, examples=[["1001", "m13800138000"]],
        description="phones of ours, or mobiles as m and the number",
    )  # fmt: skip
    seconds: int = Field(ge=5, le=300, examples=[20])


class NewShift(BaseModel):
    """A shift to enter."""

    model_config = ConfigDict(extra="forbid")

    starts_at: AwareDatetime = Field(examples=["2026-11-24T17:00:00+08:00"])
    until: AwareDatetime = Field(examples=["2026-11-25T09:00:00+08:00"])
    steps: list[StepView] = Field(min_length=1, max_length=MOST_STEPS)
    note: str = Field(default="", max_length=LONGEST_TEXT)


class ShiftView(BaseModel):
    """A shift of the roster, [starts_at, until)."""

    id: int
    starts_at: AwareDatetime
    until: AwareDatetime
    steps: list[StepView]
    note: str
    made_by: str


class ShiftList(BaseModel):
    """Shifts by their beginning."""

    items: list[ShiftView]


class GapView(BaseModel):
    """Nobody is on the roster in [since, until)."""

    since: AwareDatetime
    until: AwareDatetime


class DutyNow(BaseModel):
    """Who is rung when an emergency call comes in."""

    at: AwareDatetime
    source: str = Field(examples=["roster"], description="roster, or fallback: no shift holds")
    shift: ShiftView | None
    steps: list[StepView]
    gaps: list[GapView] = Field(description="of the next 24 hours, when a roster is in use")


class NewHandOver(BaseModel):
    """A line of the hand-over log: it can't be changed afterwards."""

    model_config = ConfigDict(extra="forbid")

    from_member: str = Field(min_length=1, max_length=LONGEST_NAME, examples=["1001"])
    to_member: str = Field(min_length=1, max_length=LONGEST_NAME, examples=["1002"])
    note: str = Field(default="", max_length=LONGEST_TEXT)
    open_matters: str = Field(default="", max_length=LONGEST_TEXT)


class HandOverView(BaseModel):
    """One hand-over."""

    id: int
    from_member: str
    to_member: str
    note: str
    open_matters: str
    made_by: str
    made_at: AwareDatetime


class HandOverList(BaseModel):
    """The latest hand-overs, newest first."""

    items: list[HandOverView]
