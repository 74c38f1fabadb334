"""Hours and weekdays as people write them: `09:00`, `24:00`, `1-5`, `6,7`. Pure."""

import re
from datetime import date

from callcenter.errors import InvalidInput
from callcenter.schedule.model import MINUTES_A_DAY


def read_minutes(where: str, text: str) -> int:
    """Minutes after midnight of `09:00`; `24:00` is the day's end. Raises `InvalidInput`."""
    found = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})", text.strip(), re.ASCII)
    minutes = int(found[1]) * 60 + int(found[2]) if found else -1
    if not found or int(found[2]) > 59 or not 0 <= minutes <= MINUTES_A_DAY:
        raise InvalidInput(where=where, what=f"{text[:40]!r} is no time of day", mend="write 09:00; 24:00 ends the day")
    return minutes


def clock_time(minutes: int) -> str:
    """`09:00` of 540."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def read_weekdays(text: str) -> list[int]:
    """ISO weekdays of `1-5` or `6,7`. Raises `InvalidInput`."""
    if not re.fullmatch(r"[1-7](-[1-7])?(,[1-7](-[1-7])?)*", text.strip(), re.ASCII):
        raise InvalidInput(where="weekdays", what=f"{text[:40]!r} names none", mend="write 1-5 or 6,7; 1 is Monday")
    days: set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        days |= set(range(int(first), int(last or first) + 1))
    return sorted(days)


def read_day(where: str, text: str) -> date:
    """A day as `2026-10-10`. Raises `InvalidInput`."""
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise InvalidInput(where=where, what=f"{text[:40]!r} is no day", mend="write 2026-10-10")
