"""What the API shows and takes of block list and memberships."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Number = Annotated[str, StringConstraints(pattern=r"^\+?[0-9]{2,20}$")]
AgentNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{2,15}$")]
Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=200)]
"""One line of text; empty when nothing is to be said"""


class Block(BaseModel):
    """How to block a number on the hotline; the emergency line serves it all the same."""

    model_config = ConfigDict(extra="forbid")

    until: datetime | None = Field(None, description="an instant with its zone, in the future; null: for ever")
    reason: Line = Field("", examples=["骚扰"])


class BlockedNumber(BaseModel):
    number: str = Field(examples=["13800138000"])
    until: datetime | None
    reason: str
    blocked_at: datetime
    blocked_by: str = Field(description="the API key's name, or the operator's")


class BlockedNumbers(BaseModel):
    items: list[BlockedNumber]


class Member(BaseModel):
    model_config = ConfigDict(extra="forbid")

    agent: AgentNumber = Field(examples=["1001"])
    penalty: int = Field(0, ge=0, le=100, description="higher ones are rung when all lower ones are busy")


class MemberList(BaseModel):
    """The whole list of a queue; an empty one gives the queue back what the settings say."""

    model_config = ConfigDict(extra="forbid")

    members: list[Member] = Field(max_length=500)
    reason: Line = ""


class QueueMembers(BaseModel):
    queue: str = Field(examples=["hotline"])
    own: bool = Field(description="set by somebody; false: as the settings say")
    members: list[Member]
