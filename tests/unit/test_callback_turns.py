"""Whose turn it is to be rung back, and what an attempt's record means."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.callbacks.model import Callback, CallbackState, QueueSight, Waiter
from callcenter.callbacks.originate import placeholder
from callcenter.callbacks.turns import Turns, after_attempt, cause_of, placeholder_of, request_of, whose_turn

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def callback(number: int, place: float, state: CallbackState = CallbackState.WAITING, **facts: Any) -> Callback:
    usual: dict[str, Any] = {"attempts": 0, "next_try_at": at(-100), "uniqueid": None, "dialled_at": None}
    return Callback(number, "13800138000", "hotline", at(place), state, **usual | facts)


def sight(*waiting: tuple[str, float], free: int, members: int = 3) -> QueueSight:
    return QueueSight(tuple(Waiter(uniqueid, at(since)) for uniqueid, since in waiting), free, members)


def dialing(number: int, place: float) -> Callback:
    return callback(number, place, CallbackState.DIALING, uniqueid=f"callback-{number}-1.0")


TURNS = {
    "first, no agent free: his place is kept": ([callback(1, -60)], sight(free=0), Turns((1,), ())),
    "first, an agent free: rung": ([callback(1, -60)], sight(free=1), Turns((1,), (1,))),
    "a later waiter is no matter": ([callback(1, -60)], sight(("a.1", -30), free=1), Turns((1,), (1,))),
    "an earlier waiter goes first": ([callback(1, -60)], sight(("a.1", -90), free=1), Turns((), ())),
    "an agent for each of them": ([callback(1, -60)], sight(("a.1", -90), free=2), Turns((), (1,))),
    "two of them, one agent": ([callback(2, -50), callback(1, -60)], sight(free=1), Turns((1, 2), (1,))),
    "one is being rung: that agent is his": ([dialing(1, -60), callback(2, -50)], sight(free=1), Turns((1, 2), ())),
    "one has answered and waits": (
        [dialing(1, -60), callback(2, -50)],
        sight(("callback-1-1.0", -1), free=1),
        Turns((2,), ()),
    ),
    "his own placeholder is nobody ahead": (
        [callback(1, -60)],
        sight(("place-1-1795395605.123.0", -70), free=1),
        Turns((1,), (1,)),
    ),
    "not before the next attempt's time": ([callback(1, -60, next_try_at=at(5))], sight(free=1), Turns((), ())),
    "no more places than agents": ([callback(n, -n) for n in range(1, 6)], sight(free=0, members=2), Turns((5, 4), ())),
    "nobody is logged in": ([callback(1, -60)], sight(free=0, members=0), Turns((), ())),
}


@pytest.mark.parametrize("story", TURNS)
def test_whose_turn(story: str) -> None:
    open_ones, seen, expected = TURNS[story]
    assert whose_turn(open_ones, seen, NOON) == expected


@given(st.lists(st.integers(-500, -1), max_size=8, unique=True), st.lists(st.integers(-500, -1), max_size=8),
       st.integers(0, 6))  # fmt: skip
def test_never_more_calls_than_free_agents(places: list[int], waiters: list[int], free: int) -> None:
    open_ones = [callback(n, place) for n, place in enumerate(places, 1)]
    turns = whose_turn(open_ones, sight(*((f"a.{n}", s) for n, s in enumerate(waiters)), free=free, members=6), NOON)
    assert len(turns.dial) <= free
    rung = [c.place_at for c in open_ones if c.id in turns.dial]
    left = [c.place_at for c in open_ones if c.id not in turns.dial]
    assert not rung or not left or max(rung) < min(left), "rung in the order of the places"


def test_placeholder_is_known_by_its_id() -> None:
    ours = dict(placeholder(17, NOON).headers)
    assert placeholder_of(ours["OtherChannelId"]) == placeholder_of(ours["ChannelId"]) == 17
    assert placeholder_of("callback-17-1.0") is None and placeholder_of("hotline-1795395605.12") is None


def record(cause: int | None = 16, *, answered: bool = False, **facts: Any) -> dict[str, Any]:
    leg = {"uniqueid": "callback-1-1.0", "answered_at": at(1) if answered else None, "hangup_cause": cause}
    usual = {"outcome": "system_failure", "evidence": "channel_ends", "hung_up_by": "system", "timeline": []}
    return {"uniqueid": "callback-1-1.0", "legs": [leg], **usual, **facts}


@pytest.mark.parametrize(
    ("seen", "cause"),
    [
        (record(17), "busy"),
        (record(19), "no_answer"),
        (record(16), "no_answer"),
        (record(None), "no_answer"),
        (record(21), "rejected"),
        (record(1), "invalid_number"),
        (record(38), "unreachable"),
        (record(16, answered=True, hung_up_by="caller"), "hung_up"),
        (record(16, answered=True), "no_agent"),
        (record(16, evidence="pbx_crash"), "interrupted"),
    ],
)
def test_cause_of_an_attempt(seen: dict[str, Any], cause: str) -> None:
    assert cause_of(seen) == cause


def test_what_follows() -> None:
    retry = timedelta(minutes=10)
    first, last = callback(1, -60, attempts=1), callback(1, -60, attempts=3)
    again = after_attempt(first, record(17), NOON, most=3, retry=retry)
    assert (again.state, again.cause, again.next_try_at) == (CallbackState.WAITING, "busy", NOON + retry)
    assert after_attempt(last, record(17), NOON, most=3, retry=retry).state is CallbackState.FAILED
    assert after_attempt(first, record(1), NOON, most=3, retry=retry).state is CallbackState.FAILED
    assert after_attempt(last, record(outcome="answered"), NOON, most=3, retry=retry).state is CallbackState.DONE


def test_request_from_a_record() -> None:
    said = [{"kind": "callback", "detail": "13711112222;hotline;1795395600"}]
    call = {"timeline": said, "caller_number": "anonymous", "queue_visits": [], "started_at": NOON}
    asked = request_of(call)
    assert (asked.number, asked.place_at.timestamp()) == ("13711112222", 1795395600)
    entered = {"entered_at": "2026-11-23T03:59:58.250000+00:00"}
    assert request_of({**call, "queue_visits": [entered]}).place_at == at(-1.75)
    unreadable = [{"kind": "callback", "detail": "13711112222;hot\nline;x"}]
    assert request_of({**call, "timeline": unreadable, "caller_number": "13800138000"}).number == "13800138000"
