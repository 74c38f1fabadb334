"""Security events and blocked addresses as the API shows them."""

from datetime import datetime

from pydantic import BaseModel, Field


class EventView(BaseModel):
    """One security event, or alike ones of one second together."""

    id: int
    pbx: str = Field(examples=["hotline"])
    at: datetime
    name: str = Field(examples=["ChallengeResponseFailed"], description="Asterisk's name for it")
    service: str = Field(examples=["PJSIP"], description="PJSIP (phones) or AMI (the manager interface)")
    address: str = Field(examples=["203.0.113.7"])
    account: str = Field(examples=["1001"], description="what the other side said it was")
    count: int = Field(examples=[1])


class EventsView(BaseModel):
    """A page of events, the latest first."""

    items: list[EventView]
    next: int | None = Field(description="send as `before` for the page after; null at the end")


class BlockedView(BaseModel):
    """An address that is not listened to."""

    address: str = Field(examples=["203.0.113.7"])
    pbx: str = Field(examples=["hotline"])
    since: datetime = Field(description="the first failure that counted")
    until: datetime
    failures: int = Field(examples=[10])
    reason: str = Field(examples=["InvalidAccountID"], description="the last failure's event")


class BlockedListView(BaseModel):
    """Every address that is blocked now."""

    items: list[BlockedView]
