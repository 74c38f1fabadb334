"""Talk, hold and who rang: the arithmetic of spells, and what ends a call in a queue."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.calls.model import Direction, Outcome, QueueVisit
from callcenter.calls.outcomes import outcome_of
from callcenter.calls.spells import Spell, difference, overlap, total, union
from callcenter.calls.state import BridgeStay, CallState, Channel, OpenSpell
from callcenter.calls.talking import times_of

NOON = datetime(2026, 11, 25, 4, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def channel(name: str, counter: int, *stays: tuple[float, float, str], **changes: object) -> Channel:
    """A channel that lived from its first stay to its last."""
    made = Channel(f"pbx-1.{counter}", "pbx-1.1", name, "1", "", "s" if counter > 1 else "12333", at(0))
    made.stays = [BridgeStay(at(begin), at(end), bridge) for begin, end, bridge in stays]
    for field, value in changes.items():
        setattr(made, field, value)
    return made


SPELLS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), max_size=6).map(
    lambda pairs: union(Spell(at(begin), at(begin + length)) for begin, length in pairs)
)


@given(SPELLS, SPELLS)
def test_what_is_in_both_and_what_is_left_make_the_whole(left: list[Spell], right: list[Spell]) -> None:
    rest = difference(left, right)
    assert total(rest) + total(overlap(left, right)) == pytest.approx(total(left))
    assert overlap(rest, right) == []


def test_music_while_the_agent_consults_by_digits_is_hold() -> None:
    """`*2` takes the agent out of the caller's bridge; the caller hears music there, alone, until somebody is back."""
    caller = channel("PJSIP/trunk-1", 1, (0, 10, "a"), music=[OpenSpell(at(3), at(7))])
    first = channel("PJSIP/x-1001-1", 2, (0, 4, "a"), (4, 7, "b"))
    second = channel("PJSIP/x-1002-1", 3, (5, 7, "b"), (7, 10, "a"))
    times = times_of(caller, [first, second], at(10))
    assert (times.talk_seconds, times.hold_seconds) == (6.0, 4.0)
    assert (times.talk_of(first.uniqueid), times.hold_of(first.uniqueid)) == (3.0, 4.0)
    assert (times.talk_of(second.uniqueid), times.hold_of(second.uniqueid)) == (3.0, 0.0)


def test_music_of_the_queue_is_no_hold() -> None:
    """After the agent left for good the caller is in no bridge."""
    caller = channel("PJSIP/trunk-1", 1, (5, 8, "a"), music=[OpenSpell(at(0), at(5)), OpenSpell(at(8), at(12))])
    agent = channel("PJSIP/x-1001-1", 2, (5, 8, "a"))
    times = times_of(caller, [agent], at(12))
    assert (times.talk_seconds, times.hold_seconds) == (3.0, 0.0)


def waited(caller: Channel, *phones: Channel) -> Outcome:
    """The outcome of a caller who left the queue at 9 s."""
    call = CallState("pbx", 0, at(9))
    for each in (caller, *phones):
        call.add(each)
    call.notice_played = True
    visit = QueueVisit("hotline", 1, at(0), at(9), 1, "abandoned", None, 9.0, 0.0, ())
    return outcome_of(call, caller, Direction.INBOUND, [visit], list(phones), talked=False)


def hung_up(by: str, cause: int, ended: float = 9.0) -> dict[str, object]:
    return {"hangup_source": by, "hangup_cause": cause, "ended_at": at(ended)}


CALLER, PHONE = "PJSIP/trunk-1", "PJSIP/x-1001-1"


@pytest.mark.parametrize(
    ("caller", "phone", "outcome"),
    [
        (hung_up(CALLER, 16), hung_up("", 26, 9.01), Outcome.ABANDONED_RINGING),
        (hung_up(CALLER, 16), hung_up(PHONE, 17, 8.9), Outcome.ABANDONED_IN_QUEUE),
        (hung_up(CALLER, 16), hung_up("", 19, 5), Outcome.ABANDONED_IN_QUEUE),
        (hung_up("", 44), hung_up("", 26, 9.01), Outcome.ABANDONED_RINGING),
        (hung_up("", 0), hung_up("", 0, 9.01), Outcome.SYSTEM_FAILURE),
    ],
    ids=["it rang", "it had just rejected", "it had stopped", "his connection died", "Asterisk was stopped"],
)
def test_who_leaves_a_queue(caller: dict[str, object], phone: dict[str, object], outcome: Outcome) -> None:
    assert waited(channel(CALLER, 1, **caller), channel(PHONE, 2, **phone)) is outcome


@pytest.mark.parametrize(
    ("caller", "phone", "outcome"),
    [
        (hung_up(CALLER, 16), hung_up("", 26), Outcome.ABANDONED_RINGING),
        (hung_up("", 16), hung_up("", 19), Outcome.TIMED_OUT),
        (hung_up("", 17), hung_up(PHONE, 17), Outcome.NO_AGENT),
    ],
    ids=["gave up", "rung in vain", "busy"],
)
def test_our_own_unanswered_calls(caller: dict[str, object], phone: dict[str, object], outcome: Outcome) -> None:
    one, other = channel(CALLER, 1, **caller), channel(PHONE, 2, **phone)
    call = CallState("pbx", 0, at(9))
    call.add(one)
    call.add(other)
    assert outcome_of(call, one, Direction.INTERNAL, [], [other], talked=False) is outcome
