"""Each captured call gives the record that a person would have written."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from callcenter.calls.events import CallEnded, CallEvent, RecordingExpected, RecordingOver
from callcenter.calls.model import CallRecord, Direction
from callcenter.calls.tracker import CallTracker
from tests.scenarios.stories import NAMES, facts, track, truth

SECONDS = 0.75
"""Phones act on timers of their own; the journal is exact to the microsecond."""


def _near(got: float) -> Any:
    return pytest.approx(got, abs=SECONDS)


class AnyOf(tuple[str, ...]):
    """Equal to each of its members."""

    __slots__ = ()
    __hash__ = tuple.__hash__

    def __eq__(self, other: object) -> bool:
        return other in tuple(self)


CHECKS: dict[str, Callable[[CallRecord], Any]] = {
    "outcome": lambda r: r.outcome,
    "line": lambda r: r.line,
    "agent": lambda r: r.agent,
    "agents": lambda r: [leg.agent for leg in r.legs if leg.talk_seconds > 0],
    "hung_up_by": lambda r: r.hung_up_by,
    "notice": lambda r: r.notice_played,
    "service": lambda r: r.service,
    "service_source": lambda r: r.service_source,
    "answered_at": lambda r: r.answered_at,
    "direction": lambda r: r.direction,
    "caller_number": lambda r: r.caller_number,
    "caller_name": lambda r: r.caller_name,
    "did": lambda r: r.did,
    "queue_visits": lambda r: len(r.queue_visits),
    "unanswered": lambda r: list(r.queue_visits[-1].unanswered),
    "unanswered_contains": lambda r: AnyOf(r.queue_visits[-1].unanswered),
    "second_agent": lambda r: [leg.agent for leg in r.legs if leg.talk_seconds > 0][1],
    "recordings": lambda r: len(r.recordings),
    "talk": lambda r: _near(r.talk_seconds),
    "connected": lambda r: _near(r.talk_seconds + r.hold_seconds),
    "hold": lambda r: _near(r.hold_seconds),
    "wait": lambda r: _near(r.wait_seconds),
    "ring": lambda r: _near(r.ring_seconds),
}


def told(name: str) -> list[CallRecord]:
    """The calls that a story is about: those of citizens, unless it says otherwise."""
    direction = Direction(truth(name)["expected"].get("direction", Direction.INBOUND))
    return [r for r in track(facts(name)).values() if r.direction is direction]


@pytest.mark.parametrize("name", NAMES)
def test_story(name: str) -> None:
    expected = truth(name)["expected"]
    calls = sorted(told(name), key=lambda r: r.started_at)
    assert len(calls) == expected.pop("calls", 1)
    for part in ("outcome", "evidence"):
        if each := expected.pop(f"{part}s", None):
            assert [getattr(r, part) for r in calls] == each
    for record in calls:
        got = {key: CHECKS[key](record) for key in expected}
        assert expected == got


@pytest.mark.parametrize("name", NAMES)
def test_a_record_is_whole(name: str) -> None:
    for record in track(facts(name)).values():
        assert record.started_at <= record.ended_at
        assert all(e.at >= record.started_at for e in record.timeline)
        if name not in {"odd_name", "odd_number"}:  # their first line is torn
            assert record.anomalies == ()
        if record.evidence == "channel_ends":
            assert all(leg.ended_at for leg in record.legs)


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_is_over_with_its_channel(name: str) -> None:
    """Told once for each that was expected, at the latest with its call: nobody is to miss what can't grow any more."""
    tracker = CallTracker("hotline")
    events = [event for fact in facts(name) for event in tracker.feed(fact)]
    events += tracker.settle()
    expected = [event.ref.id for event in events if isinstance(event, RecordingExpected)]
    over = [event.recording_id for event in events if isinstance(event, RecordingOver)]
    ended = {ref.id for event in events if isinstance(event, CallEnded) for ref in event.record.recordings}
    assert len(set(over)) == len(over)
    assert set(expected) <= {*over, *ended}
    assert all(events.index(RecordingOver(each)) > _place(events, each) for each in over if each in expected)


def _place(events: list[CallEvent], recording: UUID) -> int:
    return next(n for n, e in enumerate(events) if isinstance(e, RecordingExpected) and e.ref.id == recording)
