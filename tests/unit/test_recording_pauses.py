"""A pause by what its recording's life says, and by what its audio holds."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.recordings.gaps import Gaps
from callcenter.recordings.pauses import Pause, in_text, is_silent, pauses_of

BEGAN = datetime(2026, 11, 28, 2, 0, tzinfo=UTC)


def life(*steps: tuple[str, float]) -> list[dict[str, Any]]:
    return [{"state": s, "at": (BEGAN + timedelta(seconds=at)).isoformat(), "cause": "phone 1001"} for s, at in steps]


LIVES = [
    (life(("recording", 2)), []),
    (life(("paused", 5), ("resumed", 9)), [(5, 9)]),
    (life(("paused", 5)), [(5, 60)]),
    (life(("paused", 5), ("paused", 6), ("resumed", 9)), [(5, 9)]),
    (life(("resumed", 5)), []),
    (life(("resumed", 9), ("paused", 5)), [(5, 9)]),  # told in another order
    (life(("paused", 5), ("resumed", 9), ("paused", 20), ("resumed", 30)), [(5, 9), (20, 30)]),
]


@pytest.mark.parametrize(("steps", "expected"), LIVES)
def test_pauses_of_a_life(steps: list[dict[str, Any]], expected: list[tuple[float, float]]) -> None:
    assert [(p.start, p.end) for p in pauses_of(steps, BEGAN, 60.0)] == expected


GAPS: list[tuple[list[tuple[float, float]], bool]] = [
    ([(5.1, 3.9)], True),
    ([(5.4, 3.3)], True),
    ([(5.1, 2.0)], False),
    ([(6.0, 3.0)], False),
    ([], False),
]


@pytest.mark.parametrize(("gaps", "silent"), GAPS)
def test_audio_agrees(gaps: list[tuple[float, float]], silent: bool) -> None:
    assert is_silent(Pause(5, 9, ""), gaps) is silent


def test_in_text() -> None:
    assert in_text([Pause(5.0, 9.25, "x"), Pause(20, 30, "x")]) == "5000-9250 20000-30000"


@given(st.lists(st.booleans(), max_size=400), st.lists(st.integers(1, 90), max_size=20))
def test_gaps_however_they_are_split(frames: list[bool], cuts: list[int]) -> None:
    whole, split = Gaps(0.02), Gaps(0.02)
    whole.see(np.array(frames, bool))
    at = 0
    for cut in [*cuts, len(frames)]:
        split.see(np.array(frames[at : at + cut], bool))
        at += cut
    assert whole.finish() == split.finish()


def test_gaps() -> None:
    gaps = Gaps(0.02)
    gaps.see(np.array([False] * 50 + [True] * 60 + [False] + [True] * 49 + [False] + [True] * 100))
    assert gaps.finish() == ((1.0, 1.2), (3.22, 2.0))
