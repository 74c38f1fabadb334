"""Instants as clients write them: aware instants, or local wall-clock dates and times."""

import re
from datetime import UTC, date, datetime, time

from callcenter.clock import LOCAL_ZONE
from callcenter.errors import InvalidInput

MEND = "write 2026-11-22, 2026-11-22T09:00 (Asia/Shanghai) or 2026-11-22T01:00:00Z"
YEARS = range(1970, 3000)

_LOST_PLUS = re.compile(r"(:\d\d(?:\.\d+)?) (\d\d:?\d\d)$")
"""`+08:00` in a URL arrives as a space when the client did not escape it."""


def parse_instant(text: str, where: str) -> datetime:
    """An aware UTC instant. A date is its local midnight; a time without zone is Asia/Shanghai.

    Raises `InvalidInput` that names `where`.
    """
    try:
        moment = datetime.fromisoformat(_LOST_PLUS.sub(r"\1+\2", text))
    except ValueError:
        raise InvalidInput(where=where, what=f"{text[:40]!r} is not an instant", mend=MEND) from None
    if moment.year not in YEARS:
        raise InvalidInput(where=where, what=f"the year {moment.year} is out of reach", mend=MEND)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=LOCAL_ZONE)
    return moment.astimezone(UTC)


def local_midnight(day: date) -> datetime:
    """The instant at which a local day begins, in UTC."""
    return datetime.combine(day, time(), LOCAL_ZONE).astimezone(UTC)
