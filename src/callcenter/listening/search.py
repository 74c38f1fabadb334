"""What can be asked of the recordings: everything that calls are asked for, and their own length, state and flags."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import ConfigDict, Field

from callcenter.calls.routes import CallFacts
from callcenter.calls.search import CallSearch, parse_number
from callcenter.errors import InvalidInput
from callcenter.http.instants import parse_instant
from callcenter.recordings.model import Flag, State


class RecordingFilters(CallFacts):
    """`from` and `until` are of the recording's own start, seconds after its call's: calls leave the lists earlier than
    their recordings."""

    state: State | None = None
    flag: Flag | None = None
    min_seconds: float | None = Field(None, ge=0, le=1e9, description="the recording's length, inclusive")
    max_seconds: float | None = Field(None, ge=0, le=1e9, description="the recording's length, inclusive")
    call_id: UUID | None = None


class ExportFilters(RecordingFilters):
    """The same in a body, where a misspelt filter must not widen a set either."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class RecordingSearch:
    """Filters that all must hold; `since` is inclusive, `until` exclusive, lengths are seconds."""

    call: CallSearch = field(default_factory=CallSearch)
    """Of the call alone: without times"""
    since: datetime | None = None
    until: datetime | None = None
    state: State | None = None
    flag: Flag | None = None
    min_seconds: float | None = None
    max_seconds: float | None = None
    call_id: UUID | None = None

    def __post_init__(self) -> None:
        if self.since and self.until and self.since >= self.until:
            mend = "from is inclusive, until exclusive: choose a later until"
            raise InvalidInput(where="query.from", what="from is not before until", mend=mend)
        if self.min_seconds is not None and self.max_seconds is not None and self.min_seconds > self.max_seconds:
            raise InvalidInput(where="query.min_seconds", what="min_seconds is above max_seconds", mend="swap them")


def search_of(asked: RecordingFilters) -> RecordingSearch:
    """Raises `InvalidInput` on what can't be."""
    call = CallSearch(
        number=parse_number(asked.number) if asked.number is not None else None,
        line=asked.line, queue=asked.queue, agent=asked.agent, outcome=asked.outcome, mark=asked.mark,
        direction=asked.direction, min_talk=asked.min_talk, max_talk=asked.max_talk,
    )  # fmt: skip
    return RecordingSearch(
        call,
        since=parse_instant(asked.since, "query.from") if asked.since is not None else None,
        until=parse_instant(asked.until, "query.until") if asked.until is not None else None,
        state=asked.state, flag=asked.flag, min_seconds=asked.min_seconds, max_seconds=asked.max_seconds,
        call_id=asked.call_id,
    )  # fmt: skip


async def recording_search(asked: Annotated[RecordingFilters, Query()]) -> RecordingSearch:
    """The search that a request asks for. Raises `InvalidInput`."""
    return search_of(asked)
