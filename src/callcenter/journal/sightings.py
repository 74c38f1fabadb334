"""What a listener that was blind finds when it sees Asterisk again, as lines of the channel events' journal. Pure.

Two kinds that Asterisk does not write; `calls.blindness` reads them:

- `BLIND_INTERVAL`: from `since` until the line's time nothing was seen. `alive` names every channel that is up or said
  something since, with blanks between: a call's channel that is not among them ended unseen.
- `CHAN_SEEN`: a channel that was up when we looked and has said nothing since, with what Asterisk's list tells of it.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from callcenter.ami.messages import Event
from callcenter.journal.from_ami import Line, cel_line

BLIND_INTERVAL, CHAN_SEEN = "BLIND_INTERVAL", "CHAN_SEEN"
UP = "6"
"""`ChannelState` of an answered channel (`channelstate.h`)."""
NAMES = {"CallerIDname": "CallerIDName", "CallerIDnum": "CallerIDNum", "UniqueID": "Uniqueid", "LinkedID": "Linkedid"}
NAMES |= {"AppData": "ApplicationData"} | {same: same for same in ("Exten", "Context", "Channel", "Application")}
"""Header of a CEL event → the same in CoreShowChannel."""


def blind_line(since: datetime, until: datetime, alive: Iterable[str], boot: datetime) -> Line:
    """`boot` is Asterisk's start: what an earlier life had is gone by that, not by our blindness."""
    extra = {"since": since.timestamp(), "alive": " ".join(sorted(alive)), "boot": boot.timestamp()}
    return cel_line({"Extra": _json(extra)}, BLIND_INTERVAL, "", f"{until.timestamp():.6f}")


def seen_line(listed: Event, since: datetime | None, moment: datetime) -> Line:
    """A channel as CoreShowChannels lists it at `moment`."""
    said = {name: listed.get(header).replace("<unknown>", "") for name, header in NAMES.items()}
    extra = {
        "since": since.timestamp() if since else None,
        "started_at": moment.timestamp() - _seconds(listed.get("Duration")),
        "up": listed.get("ChannelState") == UP,
        "bridge_id": listed.get("BridgeId"),
    }
    return cel_line(said | {"Extra": _json(extra)}, CHAN_SEEN, "", f"{moment.timestamp():.6f}")


def _json(extra: Mapping[str, object]) -> str:
    return msgspec.json.encode(extra).decode()


def _seconds(duration: str) -> int:
    """`01:02:03`; 0 for anything else."""
    parts = duration.split(":")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        return 0
    hours, minutes, seconds = map(int, parts)
    return hours * 3600 + minutes * 60 + seconds
