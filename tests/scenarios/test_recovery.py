"""Recovery: a tracker fed from the low-water mark on stands where the one stood that was killed, at any moment."""

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callcenter.calls.events import CallEvent
from callcenter.calls.tracker import CallTracker
from callcenter.journal.facts import Fact, QueueFact
from tests.scenarios.mixes import BEGIN, DAYS, OF_ONE_BOOT, Told
from tests.scenarios.mixes import journal as journal_of
from tests.scenarios.stories import records

Step = tuple[int, Fact | None]
"""What is fed with its mark; None where everything had been read"""

calls = st.builds(
    Told, st.sampled_from(OF_ONE_BOOT), st.floats(1000, 1400), st.frozensets(st.integers(0, 150), max_size=4)
)


def _fed(tracker: CallTracker, steps: list[Step], first: int = 0) -> list[CallEvent]:
    events: list[CallEvent] = []
    for mark, step in steps:
        if mark >= first:
            events += tracker.settle() if step is None else tracker.feed(step, mark)
    return events


def _steps(facts: list[Fact], settled: set[int]) -> list[Step]:
    quiet = [QueueFact(BEGIN + timedelta(days=DAYS * n), "NONE", "NONE", "NONE", "X", ("",)) for n in (2, 3)]
    stream: list[Fact | None] = []
    for number, fact in enumerate(facts):
        stream += [fact, None] if number in settled else [fact]
    return list(enumerate([*stream, quiet[0], None, quiet[1], None], 1))


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(calls, min_size=1, max_size=10),
    st.lists(st.floats(1000, 1400), max_size=1),
    st.sets(st.integers(0, 400), max_size=60),
    st.integers(0, 400),
)
def test_a_recovered_tracker_goes_on_alike(
    told: list[Told], crashes: list[float], settled: set[int], killed: int
) -> None:
    if crashes:  # a life whose first line is lost is another matter
        told = [Told(call.name, call.second) for call in told]
    steps = _steps(journal_of(told, crashes), settled)
    before, after = steps[:killed], steps[killed:]
    living, recovered = CallTracker("hotline"), CallTracker("hotline")
    _fed(living, before)
    _fed(recovered, before, living.low_water() or killed + 1)
    assert records(_fed(recovered, after)) == records(_fed(living, after))
