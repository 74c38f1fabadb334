"""The judge of faulty calls: a fault found as another one is missed, a sound call with a mark is a false alarm."""

import pytest
from tests.drills.oracle import Plan, Seen
from tests.faulty.kinds import KINDS, SOUND, Kind, Stage, Told
from tests.faulty.playing import Played
from tests.faulty.real import Trial
from tests.faulty.scoring import score

NUMBER = "13900000001"
CLEAN = Told("archived")


def judged(kind: Kind, told: Told, *, hit: bool = False, seconds: float = 8.0) -> tuple[int, int, list[str]]:
    """Missed, false alarms, and what does not add up."""
    seen = Seen(NUMBER, answered_at=100.0, talk_from=101.0, ended_at=108.0)
    call = Played(kind, Plan(NUMBER, "caller_hangs_up"), seen, hit=hit)
    trial = Trial([call], calls_in={"disk full for seconds": [call]} if hit else {})
    for answers in (trial.before, trial.after):
        answers.told[NUMBER], answers.seconds[NUMBER] = told, seconds
        answers.completeness = {"expected": 1, "verified": 1, "flagged": 0, "missing": 0, "pending": 0}
    result = score(trial)
    return result.missed, len(result.false_alarms), result.broken


def test_a_sound_call() -> None:
    assert judged(SOUND, CLEAN) == (0, 0, [])


@pytest.mark.parametrize(
    "told",
    [
        Told("archived", frozenset({"clipped"}), report="flagged"),
        Told("sealed"),
        Told("archived", steps=frozenset({"one_sided"})),
        Told("archived", alerts=frozenset({"recording_missing"})),
        Told("archived", deviations={"column"}),
        Told(),
    ],
)
def test_a_false_alarm(told: Told) -> None:
    assert judged(SOUND, told)[1] == 1


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.stage is not Stage.KEPT], ids=lambda kind: kind.name)
def test_found_as_nothing_or_as_something_else_is_missed(kind: Kind) -> None:
    assert judged(kind, CLEAN)[0] == 1
    assert judged(kind, Told("archived", frozenset({"digits"}), report="flagged"))[0] == 1


def test_found_but_not_in_the_report_is_missed() -> None:
    (clips,) = [kind for kind in KINDS if kind.name == "a phone clips"]
    assert judged(clips, Told("archived", frozenset({"clipped"}), report="verified"))[0] == 1
    assert judged(clips, Told("archived", frozenset({"clipped"}), report="flagged"))[0] == 0


def test_of_a_call_in_a_disaster_sound_means_whole() -> None:
    assert judged(SOUND, CLEAN, hit=True)[0] == 0
    assert judged(SOUND, CLEAN, hit=True, seconds=5.0)[0] == 1
    assert judged(SOUND, Told("absent", report="missing", reason="why"), hit=True)[0] == 0
