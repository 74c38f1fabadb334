"""When a recording was paused, as its life says, and whether its audio agrees. Pure; seconds from its begin."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

PAUSED, RESUMED = "paused", "resumed"
EDGE_SECONDS = 0.5
"""Between the moment that is noted and the one at which Asterisk writes silence lies the way to it and back."""


@dataclass(frozen=True, slots=True)
class Pause:
    """From when until when, and who asked for it. A pause that nobody ended lasted as long as the call."""

    start: float
    end: float
    by: str


def pauses_of(life: Iterable[Mapping[str, Any]], started_at: datetime, seconds: float) -> list[Pause]:
    """The pauses of a recording of so many seconds."""
    found: list[Pause] = []
    since: tuple[float, str] | None = None
    for step in sorted(life, key=lambda step: str(step["at"])):
        at = (datetime.fromisoformat(step["at"]) - started_at).total_seconds()
        if step["state"] == PAUSED and since is None:
            since = at, step["cause"]
        elif step["state"] == RESUMED and since is not None:
            found.append(Pause(since[0], at, since[1]))
            since = None
    return found if since is None else [*found, Pause(since[0], seconds, since[1])]


def is_silent(pause: Pause, gaps: Sequence[Sequence[float]]) -> bool:
    """Whether the whole pause, but for its edges, is empty in the audio."""
    start, end = pause.start + EDGE_SECONDS, pause.end - EDGE_SECONDS
    return start >= end or any(begin <= start and end <= begin + length for begin, length in gaps)


def in_text(pauses: Iterable[Pause]) -> str:
    """As the chain holds them: whole milliseconds."""
    return " ".join(f"{pause.start * 1000:.0f}-{pause.end * 1000:.0f}" for pause in pauses)
