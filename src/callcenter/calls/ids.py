"""Ids of channels as Asterisk gives them, and of calls and recordings as we make them (docs/decisions/0018). Pure."""

import re
from datetime import datetime
from uuid import UUID, uuid5

CALL_NAMESPACE = UUID("5f0a7c3e-7d0b-5c43-9d0a-6f6b6c3f0c11")
"""Ids are derived from (pbx, uniqueid, start): a replay finds the same call again, and no two calls are taken for one
when Asterisk, started anew with a clock that was set back, gives an id a second time."""

PLACEHOLDER_PREFIX = "place-"
"""Ids of the channels that keep a callback's place in a queue: nobody's call, so nothing of them is recorded."""

CALL_PREFIX = "callback-"
"""Ids that we gave to channels ourselves, each once: their calls are known before they begin."""

COUNTER = re.compile("[0-9]{1,15}")


def call_id(pbx: str, uniqueid: str, started_at: datetime | None = None) -> UUID:
    """The id of the call whose oldest channel that is. `started_at` may be left out for channels that we named."""
    own = started_at is None or uniqueid.startswith(CALL_PREFIX)
    start = "" if own or started_at is None else f"/{started_at.timestamp():.6f}"
    return uuid5(CALL_NAMESPACE, f"{pbx}/{uniqueid}{start}")


def recording_id(pbx: str, name: str, started_at: datetime) -> UUID:
    """The id of a recording, whichever call it turns out to belong to."""
    return uuid5(CALL_NAMESPACE, f"recording/{pbx}/{name}/{started_at.timestamp():.6f}")


def age_key(uniqueid: str) -> tuple[int, int, str]:
    """Orders the channels `[systemname-]epoch.counter` of one boot by age.

    The counter comes first: it only rises (Asterisk 22 main/channel_internal_api.c), while the epoch falls when the
    clock is set back. As text, `…9.10` would come before `…9.9`.
    """
    epoch, _, counter = uniqueid.rpartition("-")[2].partition(".")
    try:
        return int(counter or 0), int(epoch), uniqueid
    except ValueError:
        return 0, 0, uniqueid


def counter_of(uniqueid: str) -> int | None:
    """The counter of an id that Asterisk gave; None for one that we gave, and for what is no such id."""
    epoch, _, counter = uniqueid.rpartition("-")[2].partition(".")
    given = uniqueid.startswith((CALL_PREFIX, PLACEHOLDER_PREFIX))
    return int(counter) if not given and epoch.isdecimal() and COUNTER.fullmatch(counter) else None
