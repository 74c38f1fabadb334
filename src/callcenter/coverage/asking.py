"""The period that somebody asks about."""

from datetime import datetime, timedelta

from callcenter.errors import InvalidInput
from callcenter.http.instants import parse_instant

USUAL = timedelta(days=1)
LONGEST = timedelta(days=366)


def parse_period(since: str | None, until: str | None, moment: datetime) -> tuple[datetime, datetime]:
    """[from, until): until now, and a day long, unless told otherwise. Raises `InvalidInput`."""
    end = moment if until is None else parse_instant(until, "until")
    begin = end - USUAL if since is None else parse_instant(since, "from")
    if begin >= end:
        raise InvalidInput(where="from", what="not before until", mend="give a period that has a length")
    if end - begin > LONGEST:
        raise InvalidInput(where="from", what="more than a year before until", mend="ask for a year at most")
    return begin, end
