"""What became of a recording, as tests speak of it."""

from collections.abc import Mapping
from typing import Any

PENDING = {"expected", "recording", "closed"}
PLAYABLE = {"sealed", "archived"}
NOTES = {"digits", "paused"}


def is_concluded(recording: Mapping[str, Any]) -> bool:
    """The pipeline has done its work on it."""
    return recording["state"] not in PENDING


def quality(recording: Mapping[str, Any]) -> str:
    """`sound`: it can be played, and nothing is wrong with it; else its state with its flags."""
    faults = [flag for flag in recording["flags"] if flag not in NOTES]
    if recording["state"] in PLAYABLE and not faults:
        return "sound"
    return " ".join([recording["state"], *faults])
