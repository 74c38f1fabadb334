"""What the API shows of alerts."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field


class AlertView(BaseModel):
    id: int
    pbx: str
    kind: str = Field(examples=["asterisk_unreachable"])
    key: str = Field(examples=["ami"], description="tells alerts of one kind apart")
    severity: str = Field(examples=["critical"], description="critical or warning")
    facts: dict[str, Any]
    raised_at: datetime
    seen_at: datetime = Field(description="when it was last seen to be true")
    count: int
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    cleared_at: datetime | None = Field(description="null: it stands")


class AlertList(BaseModel):
    items: list[AlertView]
