"""Real calls with one fault of each kind, all found as what they are; `python -m tests.faulty --real 1000`: many."""

from tests.faulty.kinds import KINDS
from tests.faulty.real import real
from tests.faulty.scoring import score

CALLS = 42


async def test_each_fault_is_found_and_sound_calls_are_left_alone() -> None:
    trial = await real(CALLS, 1, 5, disasters=False, hasten=True, say=print)
    result = score(trial)
    assert not result.not_made
    assert {name for name, line in result.lines.items() if line.injected} == {kind.name for kind in KINDS}
    missed = [text for line in result.lines.values() for text in line.missed]
    assert not missed, "\n".join(missed)
    assert not result.false_alarms, "\n".join(result.false_alarms)
    assert not result.broken, result.broken
