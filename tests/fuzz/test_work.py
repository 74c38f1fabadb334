"""Work and memory a fact: a call of a thousand facts costs ten times one of a hundred, not a hundred times."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from callcenter.calls.tracker import CallTracker
from callcenter.calls.transitions import TRANSITIONS
from callcenter.journal.facts import CelFact, QueueFact
from tests.fuzz.tracker import BEGIN, SAID, USERS

FEW, MANY = 40, 400
GROWTH = 2.5
"""Work a fact may grow so much with ten times the facts; what looks at all former facts grows tenfold."""
OPCODES_A_FACT = 1500
"""What grows from next to nothing does no harm below so many."""
LOOKING_BACK = {"BRIDGE_ENTER", "CHAN_SEEN", "said EMERGENCY_CHAIN"}
"""These look at each stay in a bridge or queue that the call has had: a handful in real calls."""
OPCODES_A_STAY = 30


def _channel(kind: str, number: int, user: str = "", said: str = "") -> CelFact:
    """The number-th of many such facts on one caller's channel; times go on."""
    at = BEGIN.replace(minute=number // 60 % 60, second=number % 60, hour=14 + number // 3600)
    extra = {"extra": said, "bridge_id": f"b{number}"}
    uniqueid = "hotline-1795352433.1"
    return CelFact(
        kind, at, user, "", "138", "12333", "12333", "", "PJSIP/trunk-00000001", "Queue", "hotline",
        uniqueid, uniqueid, extra, number + 1,
    )  # fmt: skip


def _agent(number: int) -> CelFact:
    """Another phone that rings in the same call."""
    fact, uniqueid = _channel("CHAN_START", number), f"hotline-1795352433.{number + 2}"
    return fact._replace(uniqueid=uniqueid, exten="s", channel=f"PJSIP/a-{number}-0000")


def _late(number: int) -> QueueFact:
    return QueueFact(_channel("", number).at, "hotline-1795352433.1", "hotline", "1001", "RINGNOANSWER", ("1",))


def opcodes_run(tracker: CallTracker, facts: list[Any]) -> int:
    """Python's opcodes executed while they are fed: a measure of work that no busy machine changes."""
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        for fact in facts:
            tracker.feed(fact, 1)
    finally:
        sys.settrace(before)
    return count


MAKERS: dict[str, Callable[[int], Any]] = {
    **{kind: lambda n, kind=kind: _channel(kind, n) for kind in TRANSITIONS if kind not in {"CHAN_START", "CHAN_END"}},
    **{f"said {user}": lambda n, user=user: _channel("USER_DEFINED", n, user, SAID[n % len(SAID)]) for user in USERS},
    "queue_log of a running call": _late,
    "another phone rings": _agent,
}


@pytest.mark.parametrize("kind", MAKERS)
def test_work_does_not_grow_with_the_call(kind: str) -> None:
    def each(count: int) -> float:
        tracker = CallTracker("hotline")
        tracker.feed(_channel("CHAN_START", 0), 1)
        return opcodes_run(tracker, [MAKERS[kind](n) for n in range(1, count)]) / count

    few, many = each(FEW), each(MANY)
    back = MANY * OPCODES_A_STAY if kind in LOOKING_BACK else 0
    assert many <= max(GROWTH * few, OPCODES_A_FACT, back), f"{few:.0f} → {many:.0f} opcodes a fact"
