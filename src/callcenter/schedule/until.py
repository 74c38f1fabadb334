"""What people write for the end of an override: `+2h`, `2026-11-22 18:00` or `18:00`."""

import re
from datetime import datetime, timedelta

from callcenter.clock import LOCAL_ZONE
from callcenter.errors import InvalidInput

LONGEST = timedelta(days=366)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_MEND = "write +90m, +2h, +1d, 18:00 or 2026-11-22 18:00 (Asia/Shanghai)"


def read_until(text: str, moment: datetime) -> datetime:
    """The instant that `text` means, in the future, a year ahead at most. Raises `InvalidInput`."""
    until = _read(text.strip(), moment)
    if until <= moment:
        raise _invalid(text, "lies in the past")
    if until - moment > LONGEST:
        raise _invalid(text, "is more than a year ahead")
    return until


def _read(text: str, moment: datetime) -> datetime:
    if ahead := re.fullmatch(r"\+([0-9]{1,5})([mhd])", text):
        return moment + int(ahead[1]) * _UNITS[ahead[2]]
    wall = moment.astimezone(LOCAL_ZONE)
    if re.fullmatch(r"[0-9]{1,2}:[0-9]{2}", text):
        text = f"{wall:%Y-%m-%d} {text:0>5}"
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?", text):
        raise _invalid(text, "is not a time")
    try:
        return datetime.fromisoformat(text).replace(tzinfo=LOCAL_ZONE)
    except ValueError as error:
        raise _invalid(text, str(error)) from None


def _invalid(text: str, what: str) -> InvalidInput:
    return InvalidInput(where=f"--until {text[:40]!r}", what=what, mend=_MEND)
