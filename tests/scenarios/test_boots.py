"""Asterisk dies and starts again, with a clock that is right, stepped or set back: no call is taken for another."""

import re
from datetime import timedelta

import pytest

from callcenter.calls.model import CallRecord
from callcenter.calls.tracker import LINGER, CallTracker
from callcenter.journal.facts import CelFact, Fact, QueueFact
from tests.scenarios.stories import facts, moved, records, track

COUNTER = re.compile(r"(?<=\.)[0-9]+$")
HOUR = timedelta(hours=1)


def renumbered(stream: list[Fact], first: int) -> list[Fact]:
    """The same channels as a boot counts them that had `first` channels before."""
    lowest = min(int(COUNTER.search(f.uniqueid)[0]) for f in stream)  # type: ignore[index]

    def other(uniqueid: str) -> str:
        return COUNTER.sub(lambda found: str(int(found[0]) - lowest + first), uniqueid)

    return [
        f._replace(uniqueid=other(f.uniqueid), linkedid=other(f.linkedid))
        if isinstance(f, CelFact)
        else f._replace(uniqueid=other(f.uniqueid))
        for f in stream
    ]


def until_talk(name: str = "answered") -> list[Fact]:
    """A call up to the moment at which both are in the bridge."""
    stream = renumbered(facts(name), 0)
    entered = [i for i, f in enumerate(stream) if isinstance(f, CelFact) and f.type == "BRIDGE_ENTER"]
    return stream[: entered[1] + 1]


def start_line(fact: Fact, earlier: timedelta = timedelta(seconds=2)) -> QueueFact:
    at = (fact.at - earlier).replace(microsecond=0)
    return QueueFact(at, "NONE", "NONE", "NONE", "QUEUESTART", ("",))


def whole(by: timedelta, name: str = "answered") -> list[Fact]:
    """A later call, the first of its boot."""
    return moved(renumbered(facts(name), 0), by)


def evidences(found: dict[object, CallRecord]) -> list[str]:
    return [r.evidence for r in sorted(found.values(), key=lambda r: r.ended_at)]


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("step", [HOUR, -HOUR, timedelta(0)], ids=["later", "set back", "the very same time"])
def test_ids_that_come_again_are_other_calls(step: timedelta, told: bool) -> None:
    """The boot's ids are the same text; with `step` 0 even to the second. Microseconds of the start differ."""
    again = whole(step + timedelta(microseconds=7))
    stream = [*until_talk(), *([start_line(again[0])] if told else []), *again]
    found = track(stream)
    assert sorted(r.evidence for r in found.values()) == ["channel_ends", "pbx_crash"]
    crashed, ended = sorted(found.values(), key=lambda r: r.evidence, reverse=True)
    assert crashed.uniqueid == ended.uniqueid
    assert crashed.outcome == ended.outcome == "answered"
    assert ended.anomalies == crashed.anomalies == ()


def test_the_clock_was_set_back_and_nobody_calls() -> None:
    """QUEUESTART's time is older than the call's last fact; the order of the readings tells."""
    tracker = CallTracker("hotline")
    events = [e for f in until_talk() for e in tracker.feed(f, mark=1)]
    events += tracker.settle()
    assert not records(events)
    events += tracker.feed(start_line(facts("answered")[0], HOUR), mark=2)
    events += tracker.settle()
    assert evidences(records(events)) == ["pbx_crash"]
    assert tracker.running == 0


def test_a_crashed_call_lasted_as_long_as_asterisk_wrote() -> None:
    """Another call's facts show that Asterisk lived on: the talk went on, too, its end would have been written."""
    talk = until_talk()
    other = moved(renumbered(facts("left_during_notice"), 5), talk[-1].at - facts("left_during_notice")[0].at + HOUR)
    found = track([*talk, *other, start_line(other[-1], -timedelta(seconds=3))])
    (crashed,) = (r for r in found.values() if r.evidence == "pbx_crash")
    assert crashed.ended_at == other[-1].at
    assert crashed.talk_seconds == pytest.approx((other[-1].at - talk[-1].at).total_seconds(), abs=0.01)


def test_the_same_lines_read_again_are_no_new_boot() -> None:
    """A journal that was put back from a copy is read from its beginning."""
    stream = renumbered(facts("answered"), 0)
    assert track([*stream, *stream]) == track(stream)


def test_a_journal_put_together_wrongly_ends_no_call_that_goes_on() -> None:
    """A line of another Asterisk got into the file: what was closed for it opens again with its next fact."""
    stream = renumbered(facts("answered"), 3)
    stray = next(f for f in moved(renumbered(facts("left_during_notice"), 0), HOUR) if isinstance(f, CelFact))
    middle = len(stream) // 2
    found = track([*stream[:middle], stray, *stream[middle:]])
    (record,) = (r for r in found.values() if r.outcome == "answered")
    assert (record.evidence, record.anomalies) == ("channel_ends", ())


@pytest.mark.parametrize("step", [HOUR, -HOUR], ids=["forward", "back"])
def test_the_clock_is_stepped_in_mid_call(step: timedelta) -> None:
    """Set back, the agent's channel has an older epoch than the caller's; yet the caller's is the call's first."""
    stream = renumbered(facts("answered"), 3)
    agents = [f.uniqueid for f in stream if isinstance(f, CelFact) and f.type == "CHAN_START"][1]
    split = next(i for i, f in enumerate(stream) if f.uniqueid == agents)
    epoch, _, counter = agents.removeprefix("hotline-").partition(".")
    other = f"hotline-{int(epoch) + int(step.total_seconds())}.{counter}"
    after = [f._replace(uniqueid=other) if f.uniqueid == agents else f for f in moved(stream[split:], step)]
    (record,) = track([*stream[:split], *after]).values()
    (unstepped,) = track(stream).values()
    assert (record.caller_number, record.outcome) == (unstepped.caller_number, "answered")
    assert record.uniqueid == unstepped.uniqueid


def test_a_clock_set_back_keeps_no_memory() -> None:
    """What is over is forgotten after half a minute of the stream, whatever its clock says."""
    tracker = CallTracker("hotline")
    stream = renumbered(facts("answered"), 3)
    later = moved(renumbered(facts("answered"), 9), -HOUR)
    for fact in [*stream, *later]:
        tracker.feed(fact)
    end = later[-1].at + timedelta(seconds=LINGER + 1)
    tracker.feed(QueueFact(end, "NONE", "NONE", "NONE", "CONFIGRELOAD", ("",)))
    tracker.settle()
    assert tracker.low_water() is None


def test_a_counter_may_be_overtaken() -> None:
    """Channels of the same instant are written in any order: no boot, nothing cut."""
    one, two = renumbered(facts("answered"), 500), renumbered(facts("answered"), 20)
    found = track([*one[:3], *moved(two, timedelta(seconds=1)), *one[3:]])
    assert set(evidences(found)) == {"channel_ends"}


def test_the_clock_was_set_back_in_mid_call_and_then_asterisk_died() -> None:
    """The call's own time is an hour ahead of the wall clock, which is right again when QUEUESTART is written."""
    talk = until_talk()
    stream = [*talk[:6], *moved(talk[6:], -HOUR)]
    found = track([*stream, start_line(stream[-1], -timedelta(seconds=9))])
    assert evidences(found) == ["pbx_crash"]


@pytest.mark.parametrize("fraction", [0.05, 0.95])
def test_asterisk_is_back_within_the_second_in_which_it_died(fraction: float) -> None:
    """QUEUESTART has no fraction: it may be older than the last thing that was written before."""
    talk = until_talk()
    whole_second = talk[-1].at.replace(microsecond=0)
    stream = moved(talk, whole_second + timedelta(seconds=fraction) - talk[-1].at)
    found = track([*stream, QueueFact(whole_second, "NONE", "NONE", "NONE", "QUEUESTART", ("",))])
    assert evidences(found) == ["pbx_crash"]


def test_the_first_channels_of_a_boot_may_be_lost() -> None:
    """The counter has not fallen so far that it tells; QUEUESTART does, and later channels are of the new boot."""
    old, new = renumbered(facts("answered"), 10), moved(renumbered(facts("answered"), 12), HOUR)
    later = moved(renumbered(facts("hold"), 10), HOUR + timedelta(seconds=1))
    tracker = CallTracker("hotline")
    events = [e for f in [*old[:-1], start_line(new[0]), *new[:6], *later, *new[6:]] for e in tracker.feed(f)]
    events += tracker.settle()
    found = records(events)
    assert [r.evidence for r in found.values() if r.started_at > old[0].at + HOUR / 2] == ["channel_ends"] * 2


@pytest.mark.parametrize("back", [HOUR, 365 * 24 * HOUR], ids=["an hour", "a year"])
def test_calls_after_a_clock_was_set_back_are_not_silent(back: timedelta) -> None:
    tracker = CallTracker("hotline")
    stream = [*renumbered(facts("answered"), 3), *moved(renumbered(facts("hold"), 9), -back)]
    events = []
    for fact in stream:
        events += [*tracker.feed(fact), *tracker.settle()]
    assert evidences(records(events)) == ["channel_ends"] * 2
