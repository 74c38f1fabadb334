"""Blind intervals: what becomes of them as things happen, and what a period's figures rest on."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from callcenter.coverage.model import Cause, Check, Interval, Mark, Source, State, Verdict, Watched
from callcenter.coverage.observation import Observation
from callcenter.coverage.period import FailedCheck, cover
from callcenter.coverage.spans import coverage_of
from callcenter.journal.sight import Sight

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def blind(
    since: float,
    until: float | None,
    *,
    filled: bool = True,
    cause: Cause = Cause.LINK_LOST,
    source: Source = Source.AMI,
) -> Interval:
    end = None if until is None else at(until)
    by = {"filled_at": at(9999), "filled_by": Source.JOURNAL} if filled else {}
    return Interval(source, at(since), end, cause, "", **by)  # type: ignore[arg-type]


def told(seen: Observation) -> dict[Cause, Interval]:
    """What is to be stored, by cause."""
    return {each.cause: each for each in seen.take_changes()}


# ---- what happens, and what is kept of it ------------------------------------------------------------------


def test_the_first_start_has_no_past() -> None:
    seen = Observation(at(0))
    seen.recall(None, [])
    seen.link_up(at(1), at(-60), restarted=False)
    seen.see_journal(Sight.READ_UP, at(5))
    assert seen.take_changes() == []


def test_killed_and_started_again_is_filled_by_the_journal() -> None:
    seen = Observation(at(100))
    seen.recall(Mark(at(-1000), at(40), at(39.9)), [])
    seen.link_up(at(101), at(-500), restarted=False)
    (away,) = seen.take_changes()
    assert (away.cause, away.since, away.until, away.filled_at) == (Cause.LISTENER_AWAY, at(40), at(101), None)
    seen.see_journal(Sight.READ_UP, at(102.9))
    assert seen.take_changes() == []  # Asterisk may still be writing what happened then
    seen.see_journal(Sight.READ_UP, at(103))
    (filled,) = seen.take_changes()
    assert (filled.since, filled.filled_at, filled.filled_by) == (at(40), at(103), Source.JOURNAL)


def test_link_before_recall_comes_to_the_same() -> None:
    seen = Observation(at(100))
    seen.link_up(at(101), at(-500), restarted=False)
    seen.recall(Mark(at(-1000), at(40), at(39.9)), [])
    (away,) = seen.take_changes()
    assert (away.since, away.until) == (at(40), at(101))


def test_link_before_recall_ends_what_the_last_run_left_open() -> None:
    seen = Observation(at(100))
    seen.link_up(at(101), at(-500), restarted=False)
    seen.recall(Mark(at(-1000), at(40), at(40)), [blind(30, None, filled=False)])
    assert told(seen)[Cause.LINK_LOST].until == at(101)


def test_a_gap_before_anything_was_read_reaches_back_to_the_first_watch() -> None:
    seen = Observation(at(100))
    seen.recall(Mark(at(-1000), at(40), None), [])
    seen.lines_lost(["cel: cut"], at(101))
    assert told(seen)[Cause.JOURNAL_GAP].since == at(-1000)


def test_a_farewell_is_remembered() -> None:
    seen = Observation(at(100))
    seen.recall(Mark(at(-1000), at(40), None, stopped=True), [])
    assert list(told(seen)) == [Cause.LISTENER_STOPPED]


def test_no_link_for_long_after_the_start() -> None:
    seen = Observation(at(100))
    seen.recall(Mark(at(-1000), at(40), at(40)), [])
    seen.tick(at(109))
    assert told(seen)[Cause.LISTENER_AWAY].until is None
    seen.tick(at(110))
    kept = told(seen)
    assert kept[Cause.LISTENER_AWAY].until == at(100)
    assert (kept[Cause.LINK_ABSENT].since, kept[Cause.LINK_ABSENT].until) == (at(100), None)
    seen.tick(at(111))
    assert seen.take_changes() == []
    seen.link_up(at(160), at(150), restarted=False)
    assert told(seen)[Cause.LINK_ABSENT].until == at(160)


def test_half_open_is_blind_from_the_last_sign_of_life() -> None:
    seen = Observation(at(0))
    seen.recall(None, [])
    seen.link_up(at(1), at(-60), restarted=False)
    seen.link_lost(at(54), "no answer", at(50))
    (lost,) = seen.take_changes()
    assert (lost.cause, lost.since, lost.until, lost.detail) == (Cause.LINK_LOST, at(50), None, "no answer")
    seen.link_up(at(60), at(-60), restarted=False)
    assert told(seen)[Cause.LINK_LOST].until == at(60)


def test_asterisk_restarted_is_its_own_cause() -> None:
    seen = Observation(at(0))
    seen.recall(None, [])
    seen.link_up(at(1), at(-60), restarted=False)
    seen.link_lost(at(50), "closed", at(50))
    seen.link_up(at(60), at(55), restarted=True)
    (lost,) = seen.take_changes()
    assert (lost.cause, lost.until, lost.detail) == (Cause.ASTERISK_RESTART, at(60), f"started at {at(55).isoformat()}")


def test_died_while_the_link_was_down() -> None:
    """The interval that was stored open ends with the next run's first link."""
    seen = Observation(at(100))
    seen.recall(Mark(at(-1000), at(40), at(40)), [blind(30, None, filled=False)])
    seen.link_up(at(101), at(-500), restarted=False)
    kept = told(seen)
    assert kept[Cause.LINK_LOST].until == kept[Cause.LISTENER_AWAY].until == at(101)


def test_a_gap_reaches_back_to_the_last_look_and_stays_open() -> None:
    seen = Observation(at(100))
    seen.recall(Mark(at(-1000), at(40), at(39)), [])
    seen.link_up(at(101), at(-500), restarted=False)
    seen.lines_lost(["cel: cel.jsonl was cut at 4711", "queue_log: gone"], at(102))
    seen.see_journal(Sight.READ_UP, at(110))
    seen.see_journal(Sight.READ_UP, at(111))
    kept = told(seen)
    gap = kept[Cause.JOURNAL_GAP]
    assert (gap.source, gap.since, gap.until, gap.filled_at) == (Source.JOURNAL, at(39), at(102), None)
    assert gap.detail == "cel: cel.jsonl was cut at 4711; queue_log: gone"
    assert kept[Cause.LISTENER_AWAY].filled_at is None


def test_a_gap_elsewhere_keeps_nothing_from_being_filled() -> None:
    seen = Observation(at(0))
    seen.recall(None, [])
    seen.link_up(at(1), at(-60), restarted=False)
    seen.see_journal(Sight.READ_UP, at(5))
    seen.lines_lost(["cel: cut"], at(6))
    seen.link_lost(at(10), "closed", at(10))
    seen.link_up(at(11), at(-60), restarted=False)
    seen.see_journal(Sight.READ_UP, at(14))
    assert told(seen)[Cause.LINK_LOST].filled_at == at(14)


def test_an_unreadable_journal_loses_nothing_a_missing_folder_does() -> None:
    seen = Observation(at(0))
    seen.recall(None, [])
    seen.see_journal(Sight.READ_UP, at(5))
    seen.see_journal(Sight.UNREADABLE, at(6), "Permission denied")
    seen.see_journal(Sight.UNREADABLE, at(7), "Permission denied")
    seen.see_journal(Sight.READ_UP, at(8))
    (unreadable,) = seen.take_changes()
    assert (unreadable.since, unreadable.until, unreadable.filled_at) == (at(5), at(8), at(8))
    seen.see_journal(Sight.MISSING, at(9), "no folder")
    seen.see_journal(Sight.READ_UP, at(12))
    seen.see_journal(Sight.READ_UP, at(20))
    (missing,) = seen.take_changes()
    assert (missing.since, missing.until, missing.filled_at) == (at(8), at(12), None)


def test_without_a_journal_nothing_is_filled() -> None:
    seen = Observation(at(100), journal=False)
    seen.recall(Mark(at(-1000), at(40), None), [])
    seen.link_up(at(101), at(-500), restarted=False)
    seen.see_journal(Sight.READ_UP, at(200))
    assert told(seen)[Cause.LISTENER_AWAY].filled_at is None


def test_frozen_is_blind() -> None:
    seen = Observation(at(0))
    seen.recall(None, [])
    seen.link_up(at(1), at(-60), restarted=False)
    seen.frozen(at(10), at(310))
    seen.see_journal(Sight.READ_UP, at(320))
    (frozen,) = seen.take_changes()
    assert (frozen.cause, frozen.since, frozen.until) == (Cause.LISTENER_FROZEN, at(10), at(310))
    assert frozen.filled_by is Source.JOURNAL


def test_what_could_not_be_stored_is_stored_later_as_it_is_then() -> None:
    seen = Observation(at(0))
    seen.recall(None, [])
    seen.link_lost(at(10), "closed", at(10))
    refused = seen.take_changes()
    seen.link_up(at(20), at(-60), restarted=False)
    seen.give_back(refused)
    (lost,) = seen.take_changes()
    assert lost.until == at(20)


def test_clock_set_back_makes_no_negative_time() -> None:
    seen = Observation(at(0))
    seen.recall(Mark(at(-100), at(3600), at(3600)), [])
    seen.link_up(at(1), at(-60), restarted=False)
    seen.link_lost(at(10), "closed", at(10))
    seen.link_up(at(5), at(-60), restarted=False)
    assert all(each.until is not None and each.until >= each.since for each in seen.take_changes())


# ---- what a period rests on ---------------------------------------------------------------------------------


def test_overlapping_intervals_are_one_span() -> None:
    found = coverage_of([blind(10, 20), blind(15, 30, cause=Cause.LISTENER_AWAY)], at(0), at(100), at(-10), at(200))
    (span,) = found.spans
    assert (span.since, span.until, span.state) == (at(10), at(30), State.FILLED)
    assert span.causes == (Cause.LINK_LOST, Cause.LISTENER_AWAY)
    assert (found.observed_seconds, found.filled_seconds, found.unobserved_seconds) == (80, 20, 0)
    assert found.share == 1.0


def test_one_that_is_not_filled_decides_where_it_reaches() -> None:
    gap = blind(15, 25, filled=False, cause=Cause.JOURNAL_GAP, source=Source.JOURNAL)
    found = coverage_of([blind(10, 30), gap], at(0), at(100), at(-10), at(200))
    assert [(s.since, s.until, s.state) for s in found.spans] == [
        (at(10), at(15), State.FILLED),
        (at(15), at(25), State.UNOBSERVED),
        (at(25), at(30), State.FILLED),
    ]
    assert (found.filled_seconds, found.unobserved_seconds, found.share) == (10, 10, 0.9)


def test_a_period_is_cut_to_what_is_past_and_was_watched() -> None:
    found = coverage_of([blind(-50, None, filled=False)], at(-100), at(100), at(-60), at(40))
    assert (found.since, found.until) == (at(-60), at(40))
    assert (found.observed_seconds, found.unobserved_seconds) == (10, 90)


def test_nothing_to_divide_by() -> None:
    assert coverage_of([], at(0), at(10), at(50), at(100)).share is None


EDGES = st.integers(-20, 120)
INTERVALS = st.lists(st.tuples(EDGES, st.one_of(st.none(), EDGES), st.booleans()), max_size=8)


@given(INTERVALS, st.integers(-10, 110))
def test_seconds_add_up_and_each_instant_is_in_its_state(rows: list[tuple[int, int | None, bool]], now: int) -> None:
    intervals = [blind(since, until, filled=filled) for since, until, filled in rows if until is None or since < until]
    found = coverage_of(intervals, at(0), at(100), at(-5), at(now))
    whole = (found.until - found.since).total_seconds()
    assert found.observed_seconds + found.filled_seconds + found.unobserved_seconds == whole
    assert all(one.until <= two.since for one, two in zip(found.spans, found.spans[1:], strict=False))
    for second in range(int(whole)):
        middle = found.since + timedelta(seconds=second + 0.5)
        here = [each for each in intervals if each.since <= middle and (each.until is None or each.until > middle)]
        span = next((s for s in found.spans if s.since <= middle < s.until), None)
        assert (span is None) == (not here)
        if span is not None:
            assert (span.state is State.UNOBSERVED) == any(each.filled_at is None for each in here)


def watched(*intervals: Interval, mark: Mark | None = None, journal: bool = True) -> Watched:
    return Watched("hotline", journal, mark or Mark(at(-1000), at(100), at(100)), intervals)


def test_a_listener_that_is_away_now_counts_already() -> None:
    found = cover([watched(mark=Mark(at(-1000), at(50), at(50)))], [], at(0), at(200), at(100))
    (pbx,) = found.pbxs
    assert (found.complete, pbx.coverage.unobserved_seconds) == (False, 50)
    assert pbx.coverage.spans[0].causes == (Cause.LISTENER_AWAY,)


def test_a_journal_that_is_not_read_up_counts_already() -> None:
    behind = Mark(at(-1000), at(99), at(20))
    found = cover([watched(mark=behind)], [], at(0), at(200), at(100))
    assert found.pbxs[0].coverage.spans[0].causes == (Cause.JOURNAL_BEHIND,)
    assert cover([watched(mark=behind, journal=False)], [], at(0), at(200), at(100)).complete is True


def test_complete_or_not() -> None:
    assert cover([], [], at(0), at(50), at(100)).complete is None
    assert cover([watched()], [], at(-9000), at(-8000), at(100)).complete is None
    assert cover([watched(blind(10, 20))], [], at(0), at(50), at(100)).complete is True
    assert cover([watched(blind(10, 20, filled=False))], [], at(0), at(50), at(100)).complete is False
    failed = [FailedCheck("hotline", Check(at(30), Verdict.INCOMPLETE, at(20), missing_calls=1))]
    assert cover([watched()], failed, at(0), at(25), at(100)).complete is False
    assert cover([watched()], failed, at(0), at(20), at(100)).complete is True
    assert cover([watched()], failed, at(30), at(50), at(100)).complete is True
