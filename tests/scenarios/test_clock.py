"""A clock that is set back while calls are up: their durations stay right, in the time they began in."""

from datetime import timedelta

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from callcenter.calls.model import CallRecord
from callcenter.calls.tracker import CallTracker
from callcenter.calls.wall import OUT_OF_STEP
from callcenter.journal.facts import CelFact, Fact
from tests.scenarios.stories import NAMES, facts, moved, records, renamed, track
from tests.scenarios.test_laws import OF_ONE_BOOT

HOUR = timedelta(hours=1)


def _channel_facts(name: str) -> list[CelFact]:
    return [f for f in facts(name, "cel") if isinstance(f, CelFact)]


def _set_back(name: str, place: int, by: timedelta = HOUR) -> list[Fact]:
    """The same call with a clock set back at a place of the CEL journal."""
    channel_facts = _channel_facts(name)
    stepped = [f._replace(at=f.at - by) for f in channel_facts[place:]]
    return [*channel_facts[:place], *stepped]


def _unseen(name: str, place: int) -> float:
    """Seconds between the journal's last fact before the jump and its first after: nobody knows how long they were."""
    told = _channel_facts(name)
    return (told[place].at - told[place - 1].at).total_seconds() if place < len(told) else 0


def _durations(record: CallRecord) -> list[float]:
    whole = (record.ended_at - record.started_at).total_seconds()
    return [whole, record.wait_seconds, record.ring_seconds, record.talk_seconds, record.hold_seconds]


@settings(deadline=None)
@example("attended_transfer", 16, HOUR)  # his own next line comes 2.9 s after the jump, another call's after 0.3 s
@given(st.sampled_from(OF_ONE_BOOT), st.integers(1, 150), st.sampled_from([timedelta(seconds=3), HOUR]))
def test_durations_stay_right(name: str, place: int, by: timedelta) -> None:
    behind = by.total_seconds() - _unseen(name, place)
    assume(not 0 < behind <= OUT_OF_STEP.total_seconds())  # a step that looks like two channels out of order
    plain = sorted(track(facts(name, "cel")).values(), key=lambda r: r.uniqueid)
    stepped = sorted(track(_set_back(name, place, by)).values(), key=lambda r: r.uniqueid)
    assert [r.outcome for r in stepped] == [r.outcome for r in plain]
    for was, now in zip(plain, stepped, strict=True):
        assert _durations(now) == pytest.approx(_durations(was), abs=_unseen(name, place) + 0.01)
        assert now.answered_at is None or now.started_at <= now.answered_at <= now.ended_at


def test_a_step_shorter_than_a_call_is_silent() -> None:
    """The clock is set back by 5 s while two talk for longer than that: another call's lines tell of it."""
    stream = facts("answered", "cel")
    (whole,) = track(stream).values()
    talks = next(n for n, f in enumerate(stream) if isinstance(f, CelFact) and f.type == "BRIDGE_EXIT")
    stream = [*stream[:talks], *moved(stream[talks:], timedelta(seconds=60))]
    others = moved(renamed("answered", 1), stream[talks - 1].at + timedelta(seconds=1) - facts("answered")[0].at)
    others = [f for f in others if isinstance(f, CelFact)]
    step = timedelta(seconds=5)
    told = [*stream[:talks], *others[:5], *moved(others[5:], -step), *moved(stream[talks:], -step)]
    talk = sorted(record.talk_seconds for record in track(told).values())
    assert talk == pytest.approx([whole.talk_seconds, whole.talk_seconds + 60], abs=0.5)


@pytest.mark.parametrize("forgotten", [False, True])
def test_lines_that_are_read_again_are_no_clock_set_back(forgotten: bool) -> None:
    """The file is read again from its beginning while a call is up: a restored copy, a cut that was none."""
    whole = [f for f in renamed("answered", 0) if isinstance(f, CelFact)]
    later = moved(renamed("hold", 1), whole[-1].at + timedelta(seconds=90) - facts("hold")[0].at)
    running = [f for f in later if isinstance(f, CelFact)]
    middle = len(running) // 2
    tracker = CallTracker("hotline")
    events = [e for f in [*whole, *running[:middle]] for e in tracker.feed(f)]
    if forgotten:
        tracker.settle()
    events += [e for f in [*whole, *running] for e in tracker.feed(f)]
    assert records(events) == track([*whole, *running])


@pytest.mark.parametrize("name", NAMES)
def test_it_is_said(name: str) -> None:
    tracker = CallTracker("hotline")
    stream = _set_back(name, 5)
    last = records([event for fact in stream for event in tracker.feed(fact)])
    assert any("clock_set_back" in record.anomalies for record in last.values()) == (len(stream) > 5)


def test_a_channel_thought_dead_that_speaks_on() -> None:
    """Found by fuzzing: a LINKEDID_END that came too early let a call end before it was answered."""
    stream = facts("answered", "cel")
    early = next(n for n, f in enumerate(stream) if isinstance(f, CelFact) and f.type == "BRIDGE_ENTER")
    wrong = stream[early]._replace(type="LINKEDID_END", key=1)
    (record,) = track([*stream[:early], wrong, *stream[early:]]).values()
    (right,) = track(stream).values()
    assert (record.ended_at, record.talk_seconds) == (right.ended_at, right.talk_seconds)


def test_an_id_with_an_endless_counter() -> None:
    stream = [f._replace(uniqueid="hotline-1795352433." + "9" * 5000) for f in facts("answered", "cel")]
    assert len(track(stream)) == 1
