"""Which channels must have a recording, and over what time. Pure.

A connected call is one that a citizen takes part in: each channel to the outside that is answered, but for those that
an agent, a transfer or the escalation chain rings for a caller from outside: the caller's own recording holds them. It
is *expected* from the answer on, whether the dialplan started a recording or not (hotline.md, duty 7).
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from callcenter.calls.ids import PLACEHOLDER_PREFIX

if TYPE_CHECKING:
    from callcenter.calls.state import CallState, Channel

UNSAFE = re.compile(r"[^0-9A-Za-z._-]")


@dataclass(slots=True)
class Expected:
    """A recording that must exist: its files' name, from when on, of which channel."""

    name: str
    at: datetime
    uniqueid: str
    begun_at: datetime | None = None
    """When the dialplan said that it starts MixMonitor"""


def file_name(uniqueid: str) -> str:
    """What the dialplan names the files after: FILTER(0-9A-Za-z._-) of the channel's id (dialplans/recording.conf)."""
    return UNSAFE.sub("", uniqueid)


def must_be_recorded(call: "CallState", channel: "Channel") -> bool:
    """Whether a channel that has just been answered is a citizen's of his own."""
    if not channel.is_trunk or channel.uniqueid.startswith(PLACEHOLDER_PREFIX):
        return False
    return not channel.dialled or not any(c.is_trunk for c in call.channels.values() if c is not channel)


def expect(call: "CallState", name: str, at: datetime, uniqueid: str) -> Expected:
    """The recording of that name, expected from now on when it was not before."""
    for known in call.recordings:
        if known.name == name:
            return known
    fresh = Expected(name, at, uniqueid)
    call.recordings.append(fresh)
    return fresh
