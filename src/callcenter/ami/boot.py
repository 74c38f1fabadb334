"""Which life of Asterisk is this, and when did it begin?"""

import re
from datetime import UTC, datetime, timedelta

from callcenter.ami.messages import Event, Response
from callcenter.ami.model import Boot

_QUARTER = timedelta(minutes=15)
"""Every zone in use is a whole number of these away from UTC."""
UPTIME = re.compile("[0-9]{1,9}")
"""Seconds; no Asterisk runs for thirty years."""


def read_boot(status: Response, booted: Event | None, moment: datetime) -> Boot:
    """Asterisk's start from CoreStatus, exact to the second but in Asterisk's own unnamed zone.

    FullyBooted's uptime counts a second more or less *(ran)*, but it tells the zone; without it, this machine's zone
    is taken for Asterisk's.
    """
    mark = f"{status.get('CoreStartupDate')} {status.get('CoreStartupTime')}"
    uptime = booted.get("Uptime") if booted is not None else ""
    wall = _wall(mark)
    if not UPTIME.fullmatch(uptime):
        return Boot(wall.astimezone(UTC) if wall else moment, mark)
    counted = moment - timedelta(seconds=int(uptime))
    if wall is None:
        return Boot(counted, mark)
    offset = round((wall.replace(tzinfo=UTC) - counted) / _QUARTER) * _QUARTER
    return Boot(wall.replace(tzinfo=UTC) - offset, mark)


def _wall(mark: str) -> datetime | None:
    """None for what is no time; the outermost years are none either, since no zone could be reckoned with in them."""
    try:
        wall = datetime.fromisoformat(mark)
    except ValueError:
        return None
    return wall if 1 < wall.year < 9999 else None
