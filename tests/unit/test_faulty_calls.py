"""Faults of each kind in simulated calls are found, sound calls raise nothing; `python -m tests.faulty`: 100,000."""

from tests.faulty.simulated import FAULTS, simulate

CALLS = 600


def test_faults_are_found_and_sound_calls_are_left_alone() -> None:
    outcome = simulate(CALLS, seed=7, faulty=0.5)
    assert set(outcome.injected) == set(FAULTS)
    assert +outcome.missed == {}
    assert outcome.false_alarms == {}
