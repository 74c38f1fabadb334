"""When an extended wrap-up (*14) ends. Pure.

AstDB `callcenter/wrap-up/<agent>`: `after;<seconds>` during a call, `until;<Unix seconds>` from its end on.
"""

import re
from dataclasses import dataclass
from datetime import datetime

FAMILY = "callcenter/wrap-up"
VALUE = re.compile(r"(after|until);([0-9]{1,10})")


@dataclass(frozen=True, slots=True)
class Begin:
    """The call is over: the time runs from now on. `value` replaces the key's."""

    value: str


@dataclass(frozen=True, slots=True)
class End:
    """The time is up: calls again."""


def next_step(value: str, moment: datetime, *, in_call: bool) -> Begin | End | None:
    """What to do about a key; `None` while there is nothing to do, or for a value that is none of ours."""
    said = VALUE.fullmatch(value)
    if said is None or in_call:
        return None
    now = int(moment.timestamp())
    if said[1] == "after":
        return Begin(f"until;{now + int(said[2])}")
    return End() if now >= int(said[2]) else None
