"""What Asterisk counts as calls, found again in the journal; and the check that compares the two.

The expected counts are CoreProcessedCalls as Asterisk told them when these kinds of calls were made (see also the last
test of tests/acceptance/test_coverage.py, which makes them anew).
"""

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.scenarios.stories import NAMES, facts, lines

from callcenter.coverage.completeness import Anchor, Reading, alert_of, judge, read_anchor, settle
from callcenter.coverage.counting import JournalCount
from callcenter.coverage.model import Check, Verdict
from callcenter.journal.facts import CelFact, Fact, parse_cel

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
BOOT = "2026-11-23 11:00:00"
BOOT_AT = NOON - timedelta(hours=1)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def fact(
    kind: str, seconds: float, uniqueid: str, context: str = "from-trunk", exten: str = "12333", **more: Any
) -> CelFact:
    """One CEL fact through the real parser."""
    row = {
        "eventtype": kind, "eventtime": f"{at(seconds).timestamp():.6f}", "userdeftype": "", "name": "", "num": "",
        "dnid": "", "exten": exten, "context": context, "channame": f"PJSIP/x-{uniqueid}", "appname": "", "appdata": "",
        "uniqueid": uniqueid, "linkedid": uniqueid, "eventextra": "",
    } | more  # fmt: skip
    return parse_cel(json.dumps(row).encode())


def call(number: str, begin: float, end: float | None) -> list[Fact]:
    """A caller of ours: comes in, is told of, goes."""
    story: list[Fact] = [fact("CHAN_START", begin, number), fact("ANSWER", begin + 0.1, number)]
    if end is not None:
        gone = ("HANGUP", "CHAN_END", "LINKEDID_END")
        story += [fact(kind, end, number, "hotline-queue", "s") for kind in gone]
    return story


def counted(*stories: list[Fact]) -> JournalCount:
    count = JournalCount()
    count.feed(itertools.chain(*stories))
    return count


# ---- what counts -------------------------------------------------------------------------------------------

AS_ASTERISK_COUNTED = {
    "answered": 1, "abandoned_ringing": 1, "attended_transfer": 2, "blind_transfer": 1, "closed": 1,
    "consult_caller_leaves": 2, "emergency_at_night": 1, "five_at_once": 5, "hold": 1, "no_agent": 1, "outbound": 1,
    "reject_then_other": 1, "timed_out": 1, "transfer_back_to_queue": 1,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(AS_ASTERISK_COUNTED))
def test_captured_calls(name: str) -> None:
    count = counted(facts(name))
    assert count.calls == AS_ASTERISK_COUNTED[name]
    assert (count.up, count.linkedids) == ({}, {})


@pytest.mark.parametrize("name", NAMES)
def test_a_stored_count_goes_on_where_it_stood(name: str) -> None:
    """Stopped at every line and loaded again from JSON: the same count, the same channels."""
    whole, story = counted(facts(name)), facts(name)
    count = JournalCount()
    for each in story:
        count = JournalCount(json.loads(json.dumps(count.as_stored())))
        count.feed([each])
    assert count.as_stored() == whole.as_stored()


@given(st.data())
def test_lines_told_twice_count_once(data: Any) -> None:
    story = [line for source, line in lines("blind_transfer") if source == "cel"]
    twice = [each for line in story for each in [line] * data.draw(st.integers(1, 2))]
    assert counted([parse_cel(line.encode()) for line in twice]).calls == 1


def originated(uniqueid: str, goes_to: str) -> list[Fact]:
    ours = {"exten": "s", "context": "from-agents"}
    there = {"context": goes_to, "exten": "1001"}
    return [
        fact("CHAN_START", 0, uniqueid, **ours),
        fact("ANSWER", 1, uniqueid, **there),
        fact("HANGUP", 9, uniqueid, **there),
        fact("CHAN_END", 9, uniqueid, **there),
    ]


def test_a_channel_we_ring_counts_once_it_is_sent_into_the_dialplan() -> None:
    assert counted(originated("a", "conference-member")).calls == 1
    assert counted(originated("a", "from-agents")).calls == 0


def test_while_it_is_up_it_may_count() -> None:
    """Dial's option U runs a subroutine in another context, which returns: only the end tells."""
    count = counted(originated("a", "outbound-answered")[:2])
    assert count.begun_by(at(0.5)) == (0, 0)
    assert count.begun_by(at(5)) == (0, 1)
    count.feed([fact("CHAN_END", 9, "a", "from-agents", "s")])
    assert count.begun_by(at(10)) == (0, 0)


def test_of_a_local_channel_the_second_half_counts() -> None:
    one, two = "Local/s@callback-place-0;1", "Local/s@callback-place-0;2"
    story: list[Fact] = [
        fact("CHAN_START", 0, "p.1", "callback-place", "s", channame=one),
        fact("CHAN_START", 0, "p.0", "callback-place", "s", channame=two, linkedid="p.1"),
        fact("CHAN_END", 5, "p.1", "callback-place", "s", channame=one),
        fact("CHAN_END", 5, "p.0", "callback-place", "s", channame=two, linkedid="p.1"),
    ]
    assert counted(story).calls == 1


def test_a_call_that_asterisk_refused_does_not_count() -> None:
    """`maxcalls` reached, as *(ran)*: nothing between start and end, cause 42; a Local channel ends without a cause."""
    congested, nothing = json.dumps({"hangupcause": 42}), json.dumps({"hangupcause": 0})
    local = {"channame": "Local/stay@emergency-clock-1;2", "context": "emergency-clock", "exten": "stay"}
    story: list[Fact] = [
        fact("CHAN_START", 0, "a"),
        fact("HANGUP", 0.01, "a", eventextra=congested),
        fact("CHAN_END", 0.01, "a"),
        fact("CHAN_START", 1, "b", **local),
        fact("HANGUP", 1.01, "b", eventextra=nothing, **local),
        fact("CHAN_END", 1.01, "b", **local),
    ]
    count = counted(story)
    assert (count.calls, count.begun_by(at(5))) == (0, (0, 0))


def test_pickup_swaps_two_channels() -> None:
    """The colleague's ringing leg ends in the picker's context, and the picker goes on as the leg."""
    picker = {"pickup_channel_uniqueid": "picker"}
    story = [
        *call("caller", 0, None),
        fact("CHAN_START", 5, "leg", "from-agents", "s", linkedid="caller"),
        fact("CHAN_START", 6, "picker", "from-agents", "*81001"),
        fact("PICKUP", 7, "leg", "from-agents", "join", eventextra=json.dumps(picker)),
        fact("CHAN_END", 7, "leg", "pickup", "1001"),
        fact("CHAN_END", 9, "picker", "from-agents", "join"),
    ]
    assert counted(story).calls == 2


# ---- the check ---------------------------------------------------------------------------------------------


def reading(seconds: float, processed: int, *up: str, boot: str = BOOT, boot_at: datetime = BOOT_AT) -> Reading:
    return Reading(at(seconds), boot, boot_at, processed, frozenset(up), frozenset(up))


ANCHOR = Anchor(at(0), BOOT, 100, 0)


def test_adds_up() -> None:
    count = counted(call("a", 10, 20), call("b", 30, None))
    check, anchor = judge(reading(60, 102, "b"), count, ANCHOR)
    assert (check.verdict, check.since, check.processed, check.journalled) == (Verdict.COMPLETE, at(0), 2, 2)
    assert anchor == Anchor(at(60), BOOT, 102, 2)


def test_a_call_without_a_line() -> None:
    check, anchor = judge(reading(60, 103), counted(call("a", 10, 20), call("b", 30, 40)), ANCHOR)
    assert (check.verdict, check.missing_calls) == (Verdict.INCOMPLETE, 1)
    assert anchor is not None
    count = counted(call("a", 10, 20), call("b", 30, 40), call("c", 70, 80))
    later, _ = judge(reading(120, 104), count, anchor)
    assert (later.verdict, later.since) == (Verdict.COMPLETE, at(60))


def test_a_call_too_many() -> None:
    check, _ = judge(reading(60, 101), counted(call("a", 10, 20), call("b", 30, 40)), ANCHOR)
    assert (check.verdict, check.missing_calls) == (Verdict.INCOMPLETE, -1)


def test_an_end_without_a_line_is_told_once() -> None:
    count = counted(call("a", 10, None))
    check, anchor = judge(reading(60, 101), count, ANCHOR)
    assert (check.verdict, check.missing_ends, check.missing_calls) == (Verdict.INCOMPLETE, ("a",), 0)
    settle(reading(60, 101), count, check)
    again, _ = judge(reading(120, 101), count, anchor)
    assert again.verdict is Verdict.COMPLETE


def test_a_linkedid_without_its_last_line() -> None:
    count = counted(call("a", 10, 20)[:-1])
    check, _ = judge(reading(60, 101), count, ANCHOR)
    assert (check.verdict, check.missing_linkedid_ends) == (Verdict.INCOMPLETE, ("a",))


def test_a_start_without_a_line_is_told_once() -> None:
    count = counted(call("a", 10, 20))
    check, anchor = judge(reading(60, 102, "b"), count, ANCHOR)
    assert (check.verdict, check.missing_starts, check.missing_calls) == (Verdict.INCOMPLETE, ("b",), 1)
    settle(reading(60, 102, "b"), count, check)
    again, _ = judge(reading(120, 102, "b"), count, anchor)
    assert again.verdict is Verdict.COMPLETE
    count.feed(call("b", 0, 130)[-3:])
    assert count.up == {}


@pytest.mark.parametrize("began", [59, 61])
@pytest.mark.parametrize("processed", [101, 102])
def test_a_call_that_comes_while_it_is_looked(began: float, processed: int) -> None:
    """Nobody knows whether Asterisk had counted it: no contradiction, no proof, and the next check looks again."""
    count = counted(call("a", 10, 20), call("b", began, None))
    check, anchor = judge(reading(60, processed, "b"), count, ANCHOR)
    assert (check.verdict, anchor) == (Verdict.UNDECIDED, ANCHOR)


def test_a_contradiction_while_calls_come() -> None:
    count = counted(call("a", 10, 20), call("b", 59.5, None))
    check, anchor = judge(reading(60, 105, "b"), count, ANCHOR)
    assert (check.verdict, check.missing_calls, anchor) == (Verdict.INCOMPLETE, 3, ANCHOR)


def test_a_channel_that_ends_or_begins_while_it_is_looked() -> None:
    count = counted(call("a", 10, 61), call("b", 61, None))
    check, _ = judge(reading(60, 101, "a"), count, ANCHOR)
    assert (check.missing_ends, check.missing_starts) == ((), ())


def test_the_first_check_begins() -> None:
    check, anchor = judge(reading(60, 4711, "x"), counted(call("a", 10, 20)), None)
    assert (check.verdict, check.since, check.missing_starts) == (Verdict.BEGUN, None, ())
    assert anchor == Anchor(at(60), BOOT, 4711, 1)


def test_asterisk_restarted_between_two_checks() -> None:
    """Its count begins anew, and so does ours: what began since its start, whatever was before."""
    count = counted(call("a", 10, None), call("b", 50, None), call("c", 80, 90))
    anew = reading(120, 1, boot="2026-11-23 12:01:10", boot_at=at(70))
    count.forget_before(anew.boot_at)
    check, anchor = judge(anew, count, ANCHOR)
    assert (check.verdict, check.since, check.processed, check.journalled) == (Verdict.COMPLETE, at(70), 1, 1)
    assert (check.missing_ends, check.missing_linkedid_ends) == ((), ())
    assert anchor is not None and anchor.boot == "2026-11-23 12:01:10"


def test_a_life_of_asterisk_older_than_the_count() -> None:
    """The journal begins later than Asterisk: nothing can be compared."""
    other = reading(120, 50, boot="another", boot_at=at(-500))
    check, _ = judge(other, counted(call("a", 10, 20)), ANCHOR)
    assert check.verdict is Verdict.BEGUN


def test_the_alert_says_how_much_is_missing_and_no_number_of_a_caller() -> None:
    check = Check(at(60), Verdict.INCOMPLETE, at(0), missing_calls=2, missing_starts=("a",), missing_ends=("b", "c"))
    alert = alert_of(check)
    assert (alert.kind, alert.facts["calls"], alert.facts["starts"], alert.facts["ends"]) == (
        "record_incomplete", 2, 1, 2,
    )  # fmt: skip
    assert alert.facts["channels"] == ["a", "b", "c"]


def test_an_anchor_is_stored_as_it_is() -> None:
    assert read_anchor(json.loads(json.dumps(ANCHOR.as_stored()))) == ANCHOR
