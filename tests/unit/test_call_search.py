"""Searches and how records are printed."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from rich.console import Console

from callcenter.calls.command import parse_search
from callcenter.calls.model import Direction, Line, Outcome, Service, Side
from callcenter.calls.printing import calls_table, duration, local_time, printable
from callcenter.calls.search import CallSearch, NumberFilter, Order, parse_number
from callcenter.catalogue.labels import LANGUAGES, labels
from callcenter.errors import InvalidInput
from callcenter.reports.figures import Slice
from callcenter.reports.periods import Period

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("13800138000", NumberFilter("13800138000", "exact")),
        ("138*", NumberFilter("138", "prefix")),
        ("*8000", NumberFilter("8000", "suffix")),
        ("anonymous", NumberFilter("anonymous", "exact")),
    ],
)
def test_numbers(text: str, found: NumberFilter) -> None:
    assert parse_number(text) == found


@pytest.mark.parametrize("text", ["", "*", "**", "*1*", "1*2", "1%", "1 2", "1\n", "é", "1" * 41])
def test_no_numbers(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_number(text)


def test_contradictions_are_refused() -> None:
    with pytest.raises(InvalidInput):
        CallSearch(since=NOON, until=NOON)
    with pytest.raises(InvalidInput):
        CallSearch(min_talk=2, max_talk=1)
    CallSearch(since=NOON, until=NOON + timedelta(microseconds=1), min_talk=1, max_talk=1)


def test_command_line_words() -> None:
    search = parse_search({"since": "2026-11-23T12:00", "line": "emergency", "order": "-talk_seconds", "agent": None})
    assert search == CallSearch(since=NOON, line=Line.EMERGENCY, order=Order.LONGEST_TALK)
    for wrong in ({"line": "sales"}, {"order": "name"}, {"outcome": "lost"}, {"since": "noon"}):
        with pytest.raises(InvalidInput):
            parse_search(wrong)


def test_durations_and_times() -> None:
    assert [duration(s) for s in (0, 59.6, 61, 3600, 7325)] == ["0:00", "1:00", "1:01", "1:00:00", "2:02:05"]
    assert local_time(NOON) == "2026-11-23 12:00:00"


def test_hostile_names_can_not_steer_the_terminal() -> None:
    assert printable("a\x1b[2Jb\u202ec\r\n[red]").plain == "a�[2Jb�c��[red]"
    item = {
        "started_at": NOON, "caller_number": "[bold]1", "caller_name": "\x1b]0;x\x07", "did": "12333", "line": None,
        "outcome": "answered", "agent": None, "wait_seconds": 1.0, "talk_seconds": 2.0, "hung_up_by": "caller",
        "recordings": [],
    }  # fmt: skip
    written = StringIO()
    console = Console(width=118, file=written, color_system=None)
    console.print(calls_table([item], labels("zh")))
    shown = written.getvalue()
    assert "[bold]1" in shown
    assert "\x1b" not in shown
    assert "已接听" in shown


def test_every_word_of_the_model_has_a_label() -> None:
    kinds = {"lines": Line, "outcomes": Outcome, "directions": Direction, "sides": Side, "slices": Slice}
    for language in LANGUAGES:
        for section, kind in kinds.items():
            assert set(labels(language).section(section)) == set(kind), (language, section)
        assert all(labels(language)(f"report.{period}") for period in Period)
    assert {Service.OPEN, Service.DUTY, Service.CLOSED} == set(Service)
