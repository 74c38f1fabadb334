"""What AstDB should hold of the roster, so that the dialplan finds its chain with our service stopped for days."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from callcenter.roster.chain import write_steps
from callcenter.roster.model import Shift

PREFIX = "emergency/shift/"
AHEAD = timedelta(days=7)
AT_LEAST = 10
AT_MOST = 60


def emergency_keys(shifts: Sequence[Shift], moment: datetime) -> Mapping[str, str]:
    """AstDB keys below `callcenter`: the shifts of the next 7 days, 10 at least if so many are known.

    `emergency/shift/<id>` = `<from>;<until>;<seconds>:<member>&<member>;<seconds>:…`, instants in Unix seconds. Named
    by id, a key never takes another shift's value: a call that reads while we write misses none.
    """
    ahead = sorted((s for s in shifts if s.withdrawn_at is None and s.until > moment), key=lambda s: s.starts_at)
    near = sum(shift.starts_at < moment + AHEAD for shift in ahead)
    chosen = ahead[: min(AT_MOST, max(AT_LEAST, near))]
    return {f"{PREFIX}{shift.id}": _value(shift) for shift in chosen}


def _value(shift: Shift) -> str:
    begins, ends = (math.ceil(at.timestamp()) for at in (shift.starts_at, shift.until))
    return f"{begins};{ends};{write_steps(shift.steps)}"
