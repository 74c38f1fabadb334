"""The wall clock as the channels' facts show it, and the time of a call on a clock that never goes back. Pure.

A clock that is set back shows in the order of the lines: within CEL it is the truth, whatever call a line is of. So the
jump is taken once, between two lines of the whole journal, which are closer together than two lines of one call are.
"""

from datetime import datetime, timedelta

OUT_OF_STEP = timedelta(seconds=0.25)
"""Channels write on their own: facts were seen out of order by 8 µs, a thread that waits for a processor may make it
more. Beyond this it is a clock set back."""
AT_LEAST = timedelta(milliseconds=1)
"""How long it was while the clock was set back, nobody knows; a talk begun before it and ended after it did last."""
NEVER = timedelta(0)


LEAP = timedelta(minutes=1)
"""A line that is so far ahead of the one before is believed when the next is not back: it may be from elsewhere."""


class WallClock:
    """Sees the clock being set back."""

    def __init__(self) -> None:
        self.latest: datetime | None = None
        """The latest time that was written since the clock was set back last"""
        self.set_back = NEVER
        """By how much it was set back so far, in all"""
        self._leapt: datetime | None = None

    def see(self, at: datetime) -> None:
        """Take the next line's time."""
        latest = self.latest or at
        if latest - at > OUT_OF_STEP:
            self.set_back += (self._leapt or latest) - at + AT_LEAST
            self.latest, self._leapt = at, None
        elif at - latest > LEAP and (self._leapt is None or self._leapt - at > OUT_OF_STEP):
            self._leapt = at
        else:
            self.latest, self._leapt = max(at, latest), None


class OwnTime:
    """A call's time: the wall clock's at its beginning, and from then on as if nobody had set it back."""

    __slots__ = ("_known", "ahead")

    def __init__(self, set_back: timedelta = NEVER) -> None:
        self._known = set_back
        self.ahead = NEVER
        """Of the wall clock"""

    def follow(self, set_back: timedelta) -> bool:
        """Take what the wall clock was set back by so far; whether it was since the last time."""
        if set_back == self._known:
            return False
        self.ahead += set_back - self._known
        self._known = set_back
        return True
