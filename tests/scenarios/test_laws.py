"""Laws of the tracker: the order between the two files, other calls and duplicates change nothing."""

import random
from datetime import UTC, datetime, timedelta
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callcenter.calls.events import CallEnded, CallStarted
from callcenter.calls.tracker import CallTracker
from callcenter.journal.facts import CelFact, Fact, QueueFact
from tests.scenarios.stories import NAMES, facts, moved, records, renamed, track, truth


def interleave(streams: list[list[Fact]], chooser: random.Random) -> list[Fact]:
    """Any order that keeps each stream's own."""
    streams = [list(s) for s in streams if s]
    out: list[Fact] = []
    while streams:
        stream = chooser.choice(streams)
        out.append(stream.pop(0))
        streams = [s for s in streams if s]
    return out


@given(st.sampled_from(NAMES), st.randoms(use_true_random=False))
def test_the_order_between_the_files_does_not_matter(name: str, chooser: random.Random) -> None:
    mixed = interleave([facts(name, "cel"), facts(name, "queue_log")], chooser)
    assert track(mixed) == track(facts(name))


BEGIN = datetime(2026, 11, 25, 2, tzinfo=UTC)


def begun(stream: list[Fact], seconds: int) -> list[Fact]:
    """The same story, so long after all began."""
    return moved(stream, BEGIN + timedelta(seconds=seconds) - stream[0].at)


def of_one_journal(streams: list[list[Fact]], chooser: random.Random) -> list[Fact]:
    """Stories told at once: the lines of channels come in the order of their time, queue_log's are read any time."""
    latest = [list(accumulate((f.at for f in s if isinstance(f, CelFact)), max)) for s in streams]
    told = [f for s in streams for f in s if isinstance(f, CelFact)]
    order = sorted(range(len(told)), key=[at for times in latest for at in times].__getitem__)
    others = [[f for f in s if isinstance(f, QueueFact)] for s in streams]
    return interleave([[told[n] for n in order], *others], chooser)


OF_ONE_BOOT = [name for name in NAMES if "pbx_crash" not in truth(name)["expected"].get("evidences", ())]
"""Asterisk's death touches every call."""


@settings(max_examples=60)
@given(st.lists(st.sampled_from(OF_ONE_BOOT), min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_unrelated_calls_do_not_touch_each_other(names: list[str], chooser: random.Random) -> None:
    streams = [begun(renamed(name, i), chooser.randint(0, 60)) for i, name in enumerate(names)]
    alone: dict[object, object] = {}
    for stream in streams:
        alone |= track(stream)
    assert track(of_one_journal(streams, chooser)) == alone


@given(st.sampled_from(NAMES), st.randoms(use_true_random=False))
def test_a_fact_delivered_twice_counts_once(name: str, chooser: random.Random) -> None:
    doubled: list[Fact] = []
    for fact in facts(name):
        doubled += [fact, fact] if isinstance(fact, CelFact) and chooser.random() < 0.4 else [fact]
    assert track(doubled) == track(facts(name))


@given(st.sampled_from(NAMES), st.integers(0, 200))
def test_a_journal_that_begins_in_mid_call_never_raises(name: str, skipped: int) -> None:
    for record in track(facts(name)[skipped:]).values():
        assert record.ended_at >= record.started_at


@given(st.sampled_from(NAMES), st.randoms(use_true_random=False))
def test_lost_lines_never_raise(name: str, chooser: random.Random) -> None:
    kept = [f for f in facts(name) if chooser.random() < 0.7]
    for record in track(kept).values():
        assert record.talk_seconds >= 0
        assert record.wait_seconds >= 0


@pytest.mark.parametrize("name", NAMES)
def test_one_call_is_announced_once(name: str) -> None:
    tracker = CallTracker("hotline")
    events = [e for f in facts(name, "cel") for e in tracker.feed(f)]
    ended = [e for e in events if isinstance(e, CallEnded) and not e.again]
    assert len(ended) == len(records(events))


@pytest.mark.parametrize("cut", range(1, 12))
def test_no_call_ends_that_has_not_begun(cut: int) -> None:
    """The caller may cancel before the dialplan's first step: nobody knows who he was, but he did ring."""
    stream = [f for f in facts("cancel_at_once", "cel") if isinstance(f, CelFact)]
    tail = [f for f in stream if f.type in {"HANGUP", "CHAN_END", "LINKEDID_END"}]
    tracker = CallTracker("hotline")
    events = [e for f in [*stream[:cut], *(f for f in tail if f not in stream[:cut])] for e in tracker.feed(f)]
    started = [e.call_id for e in events if isinstance(e, CallStarted)]
    ended = [e.record.id for e in events if isinstance(e, CallEnded) and not e.again]
    assert started == ended
    assert len(ended) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_restart_of_asterisk_closes_what_ran(name: str) -> None:
    stream = [f for f in facts(name, "cel") if isinstance(f, CelFact) and f.type not in {"CHAN_END", "LINKEDID_END"}]
    last = stream[-1].at
    boot = QueueFact(last.replace(microsecond=0, year=last.year + 1), "NONE", "NONE", "NONE", "QUEUESTART", ("",))
    ended = track([*stream, boot])
    assert ended
    assert {r.evidence for r in ended.values()} == {"pbx_crash"}


@pytest.mark.parametrize("name", NAMES)
def test_memory_is_given_back(name: str) -> None:
    tracker = CallTracker("hotline")
    for fact in facts(name):
        tracker.feed(fact)
    later = facts(name)[-1].at.replace(year=2030)
    tracker.feed(QueueFact(later, "NONE", "NONE", "NONE", "CONFIGRELOAD", ("",)))
    tracker.settle()
    assert tracker.low_water() is None
    assert tracker.running == 0
