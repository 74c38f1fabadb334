"""Places in a recording worth jumping to, from what happened in its call. Pure."""

from datetime import datetime
from typing import Any

KINDS = (
    "notice_played", "menu_choice", "queue_entered", "queue_left", "talking", "hold", "resumed", "blind_transfer",
    "attended_transfer", "joined", "complaint", "voicemail", "callback", "supervised", "conference", "recording_paused",
    "recording_failure_told", "escalated", "closed_played", "hung_up",
)  # fmt: skip
"""Of the timeline; `talking` is an agent who answered."""
SLACK = 2.0
"""Seconds that Asterisk's last lines may come after its last audio."""


def markers_of(timeline: list[dict[str, Any]], started_at: datetime, seconds: float | None) -> list[dict[str, Any]]:
    """Each with its `second` of the recording; None for what came before or after it, such as a complaint that an agent
    marked when the caller had hung up."""
    found = []
    for entry in timeline:
        if entry["kind"] in KINDS:
            at = datetime.fromisoformat(entry["at"])
            second = _inside((at - started_at).total_seconds(), seconds)
            found.append({"kind": entry["kind"], "second": second, "at": at, "detail": entry.get("detail", "")})
    return found


def _inside(second: float, seconds: float | None) -> float | None:
    if seconds is None or not -SLACK <= second <= seconds + SLACK:
        return None
    return round(min(max(second, 0.0), seconds), 3)
