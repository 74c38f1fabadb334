"""What can be asked of the call records: the filters, checked, as a value."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from callcenter.calls.model import Direction, Line, Outcome
from callcenter.errors import InvalidInput

NUMBER_PATTERN = r"^(\*[0-9A-Za-z+#._-]{1,40}|[0-9A-Za-z+#._-]{1,40}\*?)$"
MARK_PATTERN = r"^[a-z][a-z0-9_]{0,39}$"
NAME_PATTERN = r"^[A-Za-z0-9_-]{1,40}$"


class Order(StrEnum):
    """The orders of a list; `-` is descending. Only `started_at` reads no more rows than it returns."""

    OLDEST = "started_at"
    NEWEST = "-started_at"
    SHORTEST_WAIT = "wait_seconds"
    LONGEST_WAIT = "-wait_seconds"
    SHORTEST_TALK = "talk_seconds"
    LONGEST_TALK = "-talk_seconds"

    @property
    def column(self) -> str:
        return self.value.removeprefix("-")

    @property
    def descending(self) -> bool:
        return self.value.startswith("-")


@dataclass(frozen=True, slots=True)
class NumberFilter:
    """`13800138000` exactly, `138*` at the beginning, `*8000` at the end."""

    text: str
    match: str
    """exact, prefix or suffix"""


@dataclass(frozen=True, slots=True)
class CallSearch:
    """Filters that all must hold, and the order. `since` is inclusive, `until` exclusive; talk is in seconds."""

    since: datetime | None = None
    until: datetime | None = None
    number: NumberFilter | None = None
    line: Line | None = None
    queue: str | None = None
    agent: str | None = None
    outcome: Outcome | None = None
    mark: str | None = None
    """A fact beside the outcome, such as voicemail"""
    direction: Direction | None = None
    min_talk: float | None = None
    max_talk: float | None = None
    order: Order = Order.NEWEST

    def __post_init__(self) -> None:
        if self.since and self.until and self.since >= self.until:
            raise InvalidInput(
                where="query.from",
                what="from is not before until",
                mend="from is inclusive, until exclusive: choose a later until",
            )
        if self.min_talk is not None and self.max_talk is not None and self.min_talk > self.max_talk:
            raise InvalidInput(where="query.min_talk", what="min_talk is above max_talk", mend="swap them")


def parse_number(text: str) -> NumberFilter:
    """A number filter from what a client wrote. Raises `InvalidInput`."""
    if not re.fullmatch(NUMBER_PATTERN, text):
        raise InvalidInput(
            where="query.number",
            what=f"{text[:50]!r} is not a number filter",
            mend="write 13800138000, 138* or *8000",
        )
    if text.startswith("*"):
        return NumberFilter(text[1:], "suffix")
    return NumberFilter(text[:-1], "prefix") if text.endswith("*") else NumberFilter(text, "exact")
