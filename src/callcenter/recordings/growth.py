"""Is a running recording being written? From the sizes of its two files at each look. Pure; seconds are monotonic.

Asterisk writes the header when it opens a file, and audio in blocks of 32 KiB, which is 2.05 s of it (Asterisk 22
main/file.c, `write_buffer`): a file is there at once, and grows every 2.05 s.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from callcenter.recordings.wav import HEADER_BYTES

Sizes = tuple[int | None, int | None]
"""Bytes of caller's and agent's file; None: not there"""

OPENED_WITHIN = 1.5
"""Seconds from the answer, as we hear of it, until both files must be there."""
BLOCK_SECONDS = 32 * 1024 / 16_000
GROWS_WITHIN = BLOCK_SECONDS + 1.2
"""A file that did not grow for so long is not written any more; a loaded Asterisk is late by some tenths."""


class Trouble(StrEnum):
    """Why a recording is not written."""

    MISSING = "missing"
    """A file is not there"""
    STALLED = "stalled"
    """A file does not grow"""


@dataclass(slots=True)
class Growth:
    """One recording. `since`: when its call was answered."""

    since: float
    trouble: Trouble | None = None
    recording: bool = False
    """Both files were seen to hold audio"""
    _sizes: list[int] = field(default_factory=lambda: [0, 0])
    _grew: list[float] = field(default_factory=list)

    @property
    def sizes(self) -> tuple[int, int]:
        """Of both files, the largest that were seen."""
        caller, agent = self._sizes
        return caller, agent

    def see(self, sizes: Sizes, moment: float) -> None:
        """Take in what is there now; `trouble` and `recording` say what it means."""
        if None in sizes:
            late = moment - self.since > OPENED_WITHIN
            self.trouble = Trouble.MISSING if late or self._grew else self.trouble
            return
        self._grew = self._grew or [moment, moment]
        for side, size in enumerate(sizes):
            assert size is not None
            if size > self._sizes[side]:
                self._sizes[side], self._grew[side] = size, moment
        self.recording = self.recording or min(self._sizes) > HEADER_BYTES
        stalled = moment - min(self._grew) > GROWS_WITHIN
        self.trouble = Trouble.STALLED if stalled else None
