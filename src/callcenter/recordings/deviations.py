"""What a verification of the recordings finds. Pure.

What each kind means and what to do about it is text: section `recordings_verify` of the catalogue.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Deviation:
    """Something is not as the chain, its signatures and the calls say it must be."""

    kind: str
    expected: str
    found: str
    pbx: str | None = None
    seq: int | None = None
    """Of the entry in that PBX's chain"""
    recording: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("kind", "pbx", "seq", "recording", "expected", "found")}


@dataclass(frozen=True, slots=True)
class Unchecked:
    """A part that nothing can be said of: that is not the same as in order."""

    part: str
    """heads, store or files"""
    why: str

    def as_json(self) -> dict[str, Any]:
        return {"unchecked": self.part, "why": self.why}


Result = Deviation | Unchecked


@dataclass(slots=True)
class Figures:
    """How much was looked at."""

    entries: int = 0
    recordings: int = 0
    files: int = 0
    bytes: int = 0
    """Read from files and hashed"""
    file_seconds: float = 0.0

    @property
    def megabytes_a_second(self) -> float:
        return self.bytes / 1e6 / self.file_seconds if self.file_seconds else 0.0


KINDS = (
    "gap", "hash", "place", "entry_unreadable", "signature",
    "head_unreadable", "head_signature", "head_differs", "head_removed",
    "no_entry", "no_row", "state", "column", "key_missing", "key_differs", "key_kept", "peaks_missing", "peaks_differ",
    "stray", "no_recording", "other_call",
    "file_missing", "file_size", "file_differs", "file_unreadable", "file_foreign", "file_destroyed",
)  # fmt: skip
"""Every kind of deviation there is."""
