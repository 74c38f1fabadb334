"""Does a side of a running call carry audio? Pure; seconds are monotonic.

A side's file holds zeros while no packet comes from it, and also while a phone that is muted sends digital silence. So
zeros only raise the question; Asterisk's count of packets, asked twice, answers it. `has_stopped` says what is certain.
"""

from dataclasses import dataclass

from callcenter.recordings.growth import BLOCK_SECONDS

QUIET_SECONDS = 8.0
"""A side that was zero for so long is asked about: a phone that changes its network is back before."""
APART_SECONDS = 1.0
"""Between the two counts: 50 packets of a phone that sends"""
AGAIN_SECONDS = 8.0
"""A quiet side that does send is asked about so often."""
BACK_SECONDS = 1.0
"""And a broken one, to learn that it carries audio again."""
PACKETS_A_SECOND = 50
STEADY_SHARE = 0.6
"""Of the packets that Asterisk sent it until it fell quiet, what a side has sent; packets of 30 ms are two thirds. One
that sends nothing while its user is silent (DTX) has sent less, and its pauses mean nothing."""
JUDGED_FROM_SECONDS = 1.0
"""Of a stream that fell quiet sooner, nobody can say whether it was steady."""


@dataclass(frozen=True, slots=True)
class Line:
    """Asterisk's counts of a channel's audio packets, from and to its far end."""

    received: int
    sent: int
    held: bool
    """The far end has put the call on hold: it need not send anything"""


@dataclass(slots=True)
class Side:
    """One side of a running call. `broken`: it certainly carries no audio."""

    broken: bool = False
    quiet_since: float | None = None
    excused: bool = False
    """It is quiet, and it is known why: packets come, or it holds the call"""
    _ask_at: float = 0.0

    def see_block(self, empty: bool, moment: float) -> None:
        """Its file has grown, by zeros alone or by sound."""
        if not empty:
            self.quiet_since, self.broken, self.excused = None, False, False
        elif self.quiet_since is None:
            self.quiet_since = moment - BLOCK_SECONDS

    def was_never_heard(self, since: float) -> None:
        """No packet has come from it, although it was answered so long ago."""
        self.broken, self.quiet_since = True, since

    def quiet_for(self, moment: float) -> float:
        return 0.0 if self.quiet_since is None else moment - self.quiet_since

    def is_due(self, moment: float) -> bool:
        """Whether its packets are to be counted now, twice."""
        return (self.broken or self.quiet_for(moment) >= QUIET_SECONDS) and moment >= self._ask_at

    def conclude(self, first: Line | None, second: Line | None, moment: float) -> None:
        """What two counts say; None: nobody could say, and nothing follows."""
        if first is not None and second is not None:
            silent = first.received == second.received and not second.held
            self.broken = silent and (self.broken or has_stopped(second, self.quiet_for(moment)))
            self.excused = not silent and self.quiet_since is not None
        self._ask_at = moment + (BACK_SECONDS if self.broken else AGAIN_SECONDS)


def has_stopped(line: Line, quiet: float) -> bool:
    """Whether a side from which no packet comes, and which was zero for so long, does not just save packets."""
    if quiet < QUIET_SECONDS or line.sent < QUIET_SECONDS * PACKETS_A_SECOND:
        return False
    if line.received == 0:
        return True
    before = line.sent - (quiet + BLOCK_SECONDS) * PACKETS_A_SECOND  # the first zero block began that much later
    return before >= JUDGED_FROM_SECONDS * PACKETS_A_SECOND and line.received >= STEADY_SHARE * before
