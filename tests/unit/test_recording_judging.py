"""What is remarkable about a recording: sides that were cut off in mid-call, files that were changed after its end."""

from dataclasses import replace
from typing import Any

import pytest

from callcenter.recordings import judging
from callcenter.recordings.judging import ALTERED_SECONDS, LOST_SECONDS, Facts
from callcenter.recordings.model import Flag
from callcenter.recordings.pauses import Pause

CALL = Facts(60.0, 10.0, 45.0, closed=True, legs=2)
"""Answered by an agent after 10 s, who leaves 5 s before the end"""


def side(last: float | None) -> dict[str, Any]:
    return {"peak_dbfs": -12.0, "clipped_seconds": 0.0, "digits": (), "last_heard_at": last}


def flags(caller_last: float | None, agent_last: float | None, facts: Facts = CALL) -> list[Flag]:
    return judging.flags_of(60.0, {"left": side(caller_last), "right": side(agent_last)}, 0.0, facts)


@pytest.mark.parametrize(
    ("caller", "agent", "expected"),
    [
        (60.0, 60.0, []),
        (60.0 - LOST_SECONDS + 0.1, 60.0, []),
        (60.0 - LOST_SECONDS, 60.0, [Flag.CALLER_SILENT]),
        (60.0, 55.0 - LOST_SECONDS + 0.1, []),
        (60.0, 55.0 - LOST_SECONDS, [Flag.AGENT_SILENT]),
        (20.0, 20.0, [Flag.CALLER_SILENT, Flag.AGENT_SILENT]),
    ],
)
def test_who_was_cut_off(caller: float, agent: float, expected: list[Flag]) -> None:
    assert flags(caller, agent) == expected


def test_who_was_quiet_for_a_known_reason() -> None:
    """The watch saw packets come, or a hold: nothing was cut off."""
    muted = replace(CALL, excused={Flag.CALLER_SILENT})
    assert flags(20.0, 20.0, muted) == [Flag.AGENT_SILENT]
    assert flags(None, 60.0, muted) == []


def test_without_a_sample_it_is_not_sound() -> None:
    """Asterisk died just after the answer: an empty file with its header looks closed."""
    nothing = {"peak_dbfs": None, "clipped_seconds": 0.0, "digits": (), "last_heard_at": None}
    facts = Facts(0.2, None, 0.0, closed=True, legs=2)
    assert judging.flags_of(0.0, {"left": nothing, "right": nothing}, 0.0, facts) == [Flag.SILENT]
    assert judging.flags_of(0.02, {"left": nothing, "right": nothing}, 0.0, facts) == []


def test_of_what_was_heard_by_an_earlier_version_nothing_is_said() -> None:
    heard = {name: {"peak_dbfs": -12.0, "clipped_seconds": 0.0, "digits": ()} for name in ("left", "right")}
    assert judging.flags_of(60.0, heard, 0.0, CALL) == []


@pytest.mark.parametrize(
    ("pause", "expected"),
    [
        (Pause(30.0, 60.0, "phone 1001"), []),
        (Pause(30.0, 55.0, "phone 1001"), []),
        (Pause(31.0, 40.0, "phone 1001"), [Flag.CALLER_SILENT]),
        (Pause(5.0, 25.0, "phone 1001"), [Flag.CALLER_SILENT]),
    ],
)
def test_a_pause_is_nobodys_silence(pause: Pause, expected: list[Flag]) -> None:
    assert flags(30.0, 56.0, replace(CALL, pauses=(pause,))) == expected


def test_it_is_said_for_how_long() -> None:
    heard = {"left": side(30.0), "right": side(40.0)}
    found = judging.flags_of(60.0, heard, 0.0, CALL)
    assert judging.in_words(found, 60.0, heard, CALL) == (
        "nothing arrived from the caller any more in the last 30.0 s;"
        " the caller heard nothing any more in the last 15.0 s of the talk"
    )


@pytest.mark.parametrize(("after", "altered"), [(-3600.0, False), (ALTERED_SECONDS, False), (2.1, True), (1e6, True)])
def test_changed_after_the_call(after: float, altered: bool) -> None:
    facts = replace(CALL, changed_after=after)
    assert (Flag.ALTERED in flags(60.0, 60.0, facts)) == altered
