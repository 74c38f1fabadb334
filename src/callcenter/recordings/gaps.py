"""Where a recording holds nothing at all, on either side: what a pause leaves. Pure; seconds from the begin."""

import numpy as np
import numpy.typing as npt

SHORTEST_SECONDS = 1.0
MOST = 200
"""Gaps that are kept; who pauses more often within a call has other troubles."""


class Gaps:
    """Stretches of frames with every sample of both sides zero: MixMonitorMute writes zeros, a line never does."""

    def __init__(self, frame_seconds: float) -> None:
        self._frame_seconds = frame_seconds
        self._frames = 0
        self._since: int | None = None
        self._found: list[tuple[float, float]] = []

    def see(self, empty: npt.NDArray[np.bool_]) -> None:
        """The next frames, True for an empty one; the same result however they are split."""
        edges = np.flatnonzero(np.diff(empty.astype(np.int8), prepend=np.int8(self._since is not None)))
        for edge in edges.tolist():
            if self._since is None:
                self._since = self._frames + edge
            else:
                self._close(self._frames + edge)
        self._frames += len(empty)

    def finish(self) -> tuple[tuple[float, float], ...]:
        """Begin and length of each."""
        self._close(self._frames)
        return tuple(self._found)

    def _close(self, end: int) -> None:
        start, self._since = self._since, None
        if start is None or len(self._found) == MOST:
            return
        seconds = (end - start) * self._frame_seconds
        if seconds >= SHORTEST_SECONDS:
            self._found.append((round(start * self._frame_seconds, 3), round(seconds, 3)))
