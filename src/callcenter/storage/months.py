"""Calendar months of the hotline's wall clock: what tables are cut into."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from callcenter.clock import LOCAL_ZONE
from callcenter.errors import InvalidInput


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month in Asia/Shanghai; `2026-11` as text."""

    year: int
    number: int
    """1 to 12"""

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"

    @property
    def starts_at(self) -> datetime:
        """Its first instant, in UTC."""
        return datetime(self.year, self.number, 1, tzinfo=LOCAL_ZONE).astimezone(UTC)

    @property
    def ends_at(self) -> datetime:
        """The next month's first instant."""
        return self.plus(1).starts_at

    def plus(self, months: int) -> "Month":
        """The month so many later; earlier when negative."""
        count = self.year * 12 + self.number - 1 + months
        return Month(count // 12, count % 12 + 1)


def month_of(moment: datetime) -> Month:
    """The month in which an aware instant lies."""
    local = moment.astimezone(LOCAL_ZONE)
    return Month(local.year, local.month)


def parse_month(text: str) -> Month:
    """The month of `2026-11`. Raises `InvalidInput`."""
    if not re.fullmatch(r"(19|20)\d\d-(0[1-9]|1[0-2])", text):
        raise InvalidInput(where="month", what=f"{text[:20]!r} is not a month", mend="write it as 2026-11")
    return Month(int(text[:4]), int(text[5:]))
