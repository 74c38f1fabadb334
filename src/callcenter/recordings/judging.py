"""What is remarkable about a recording: its flags, from what was heard and what the call record says. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from callcenter.recordings.hearing import PEAK_BYTES, PEAKS_A_SECOND
from callcenter.recordings.model import Flag
from callcenter.recordings.pauses import Pause

LENGTH_SECONDS, LENGTH_SHARE = 1.0, 0.01
"""A recording's length agrees with its call's within the larger of both."""
NOTHING_DBFS = -60.0
"""A side whose loudest is below it brought nothing: mu-law's silence is zero, A-law's -72, a line's noise is above."""
SIDE_SECONDS = 5.0
"""Who brought nothing for so long did not just wait his turn: a line that carries sound is never digital zero."""
LOST_SECONDS = 12.0
"""Who was heard, and then brought nothing any more up to the end for so long, was cut off, unless the watch knows
better (`one_sided`): that he was muted or on hold is certain after 10 s."""
ALTERED_SECONDS = 2.0
"""Asterisk closes its files when the channel ends, a loaded one some tenths later."""
EDGE_SECONDS = 0.5
"""The record's times and the file's are some frames apart: what was heard just before the talk is not the agent."""
UNHEARD_SHARE = 0.98
"""A click or a beep in between does not make an agent audible."""
CLIPPED_SECONDS, CLIPPED_SHARE = 1.0, 0.01
"""Above both a side is clipped: a cough into the microphone is not."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a recording beside its audio. Seconds from its begin."""

    call_seconds: float | None
    """From answer to hang-up; None when the record does not say"""
    talk_from: float | None
    talk_seconds: float
    closed: bool
    legs: int
    """How many of the two files were there"""
    pauses: Sequence[Pause] = ()
    changed_after: float = 0.0
    """A file was changed so many seconds after both the call and its audio had ended"""
    beheaded: bool = False
    """The first block of a file was lost"""
    unreadable: Sequence[str] = ()
    """Which file is no audio, and why"""
    excused: Collection[Flag] = ()
    """Sides that were quiet up to the end for a known reason, by the flag that they would get"""


def flags_of(seconds: float, heard: Mapping[str, Any], right_zero: float, facts: Facts) -> list[Flag]:
    """The flags, in their own order. `right_zero` is how much of the talk's time the caller heard nothing, 0 to 1.

    Without a single sample it is never sound, however short the call: Asterisk may have died within its first block.
    """
    left, right = heard["left"], heard["right"]
    long_enough = max(seconds, facts.call_seconds or 0.0) >= SIDE_SECONDS
    lost = lost_seconds(seconds, heard, facts)
    found = {
        Flag.SILENT: seconds == 0 or (long_enough and _is_zero(left) and _is_zero(right)),
        Flag.CALLER_SILENT: (long_enough and _is_zero(left) and not _is_zero(right)) or Flag.CALLER_SILENT in lost,
        Flag.AGENT_SILENT: (facts.talk_seconds >= SIDE_SECONDS and right_zero >= UNHEARD_SHARE)
        or Flag.AGENT_SILENT in lost,
        Flag.SHORT: difference(seconds, facts.call_seconds) < 0,
        Flag.LONG: difference(seconds, facts.call_seconds) > 0,
        Flag.CLIPPED: any(_is_clipped(side, seconds) for side in (left, right)),
        Flag.REPAIRED: not facts.closed or facts.beheaded,
        Flag.ALTERED: facts.changed_after > ALTERED_SECONDS,
        Flag.LEG_MISSING: facts.legs < 2,
        Flag.DIGITS: bool(left["digits"] or right["digits"]),
    }
    return [flag for flag, holds in found.items() if holds]


def lost_seconds(seconds: float, heard: Mapping[str, Any], facts: Facts) -> dict[Flag, float]:
    """Which side was cut off in mid-call, and for how long it then brought nothing, pauses aside: caller, agent."""
    talk_end = min(seconds, (facts.talk_from or 0.0) + facts.talk_seconds)
    found = {
        Flag.CALLER_SILENT: _nothing_up_to(seconds, heard["left"], facts.pauses),
        Flag.AGENT_SILENT: _nothing_up_to(talk_end, heard["right"], facts.pauses),
    }
    return {flag: lasted for flag, lasted in found.items() if lasted >= LOST_SECONDS and flag not in facts.excused}


def _nothing_up_to(end: float, side: Mapping[str, Any], pauses: Sequence[Pause]) -> float:
    """Seconds; 0 for one that brought nothing at all, which is told otherwise."""
    last = side.get("last_heard_at")  # not known of what was heard by an earlier version
    if last is None:
        return 0.0
    return float(end - last - sum(max(0.0, min(end, p.end) - max(last, p.start)) for p in pauses))


def unheard_share(peaks: bytes, start: float, seconds: float) -> float:
    """How much of a spell, less its edges, the caller heard nothing above -48 dBFS, 0 to 1; 0 if not recorded."""
    first = int((start + EDGE_SECONDS) * PEAKS_A_SECOND)
    after = int((start + seconds - EDGE_SECONDS) * PEAKS_A_SECOND)
    tenths = [peaks[at + 2 : at + PEAK_BYTES] for at in range(first * PEAK_BYTES, after * PEAK_BYTES, PEAK_BYTES)]
    within = [tenth for tenth in tenths if tenth]
    return sum(not any(tenth) for tenth in within) / len(within) if within else 0.0


def difference(seconds: float, call_seconds: float | None) -> float:
    """By how many seconds a recording is longer than its call; 0 when they agree, or nobody knows."""
    if call_seconds is None:
        return 0.0
    off = seconds - call_seconds
    return round(off, 3) if abs(off) > max(LENGTH_SECONDS, LENGTH_SHARE * call_seconds) else 0.0


def in_words(flags: list[Flag], seconds: float, heard: Mapping[str, Any], facts: Facts) -> str | None:
    """Why it is flagged, for people; None when it isn't."""
    if not flags:
        return None
    said, lost = [], lost_seconds(seconds, heard, facts)
    off = difference(seconds, facts.call_seconds)
    for flag in flags:
        said.append(_saying(flag, lost, facts).format(seconds=abs(off), lost=lost.get(flag), after=facts.changed_after))
    return "; ".join(said)


def _saying(flag: Flag, lost: Mapping[Flag, float], facts: Facts) -> str:
    if flag in lost:
        return LOST[flag]
    if flag is Flag.REPAIRED and facts.closed:
        return BEHEADED
    if flag is Flag.LEG_MISSING and facts.unreadable:
        return "; ".join(facts.unreadable).replace("{", "{{").replace("}", "}}")
    return SAYINGS.get(flag, flag.value.replace("_", " "))


BEHEADED = "the begin of a file was lost: it could not be written"
LOST = {
    Flag.CALLER_SILENT: "nothing arrived from the caller any more in the last {lost:.1f} s",
    Flag.AGENT_SILENT: "the caller heard nothing any more in the last {lost:.1f} s of the talk",
}
SAYINGS = {
    Flag.SILENT: "no sound on either side",
    Flag.CALLER_SILENT: "nothing arrived from the caller",
    Flag.AGENT_SILENT: "the caller heard nothing while he talked with an agent",
    Flag.SHORT: "{seconds:.1f} s shorter than the call",
    Flag.LONG: "{seconds:.1f} s longer than the call",
    Flag.REPAIRED: "Asterisk had not closed the files",
    Flag.ALTERED: "a file was changed {after:.0f} s after the end of the call",
    Flag.LEG_MISSING: "one of the two files was not there",
    Flag.PAUSE_HEARD: "it holds sound of a time for which it was paused",
    Flag.DIGITS: "keys were pressed audibly",
}


def _is_zero(side: Mapping[str, Any]) -> bool:
    peak = side["peak_dbfs"]
    return peak is None or peak < NOTHING_DBFS


def _is_clipped(side: Mapping[str, Any], seconds: float) -> bool:
    return bool(side["clipped_seconds"] > max(CLIPPED_SECONDS, CLIPPED_SHARE * seconds))
