"""Real calls as captured from Asterisk (journals/*.jsonl): the first line says what a person would say happened."""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from callcenter.calls.events import CallAbsorbed, CallEnded, CallEvent
from callcenter.calls.model import CallRecord
from callcenter.calls.tracker import CallTracker
from callcenter.journal.facts import CelFact, Fact, parse_cel, parse_queue_log

JOURNALS = Path(__file__).parent / "journals"
FIRST_INSTANT = re.compile(r'eventtime\\":\\"([0-9.]+)')


def _begins(name: str) -> float:
    """When a story's first event was, in Unix seconds."""
    found = FIRST_INSTANT.search((JOURNALS / f"{name}.jsonl").read_text())
    return float(found[1]) if found else 0.0


NAMES = sorted((p.stem for p in JOURNALS.glob("*.jsonl")), key=_begins)
"""In the order in which they happened: a journal doesn't go back in time, and a call silent for a day is closed."""


def truth(name: str) -> dict[str, Any]:
    """What the story expects of the caller's record."""
    with (JOURNALS / f"{name}.jsonl").open() as file:
        first: dict[str, Any] = json.loads(file.readline())
    return first


def lines(name: str, source: str | None = None) -> list[tuple[str, str]]:
    """(source, raw line) in the order of the files."""
    rows = [json.loads(row) for row in (JOURNALS / f"{name}.jsonl").read_text().splitlines()[1:]]
    return [(r["src"], r["line"]) for r in rows if source in {None, r["src"]}]


def facts(name: str, source: str | None = None) -> list[Fact]:
    """What the ingest would feed: a line that is no fact is rejected there."""
    return list(_facts(lines(name, source)))


def _facts(rows: Iterable[tuple[str, str]]) -> Iterator[Fact]:
    for source, line in rows:
        with suppress(ValueError):
            yield parse_line(source, line)


def parse_line(source: str, line: str) -> Fact:
    return parse_cel(line.encode()) if source == "cel" else parse_queue_log(line.encode())


CHANNEL_ID = re.compile(r"(?<=hotline-)([0-9]+)\.([0-9]+)")
CHANNELS = 60
"""More than any story has."""


def renamed(name: str, number: int) -> list[Fact]:
    """The same story happening to other channels of the same Asterisk: ids and names of two never meet."""
    rows = lines(name)
    counters = {int(found[2]) for _, line in rows for found in CHANNEL_ID.finditer(line)}
    lowest = min(counters, default=0)
    assert max(counters, default=0) - lowest < CHANNELS, "a story of one boot, with few channels"

    def other(found: re.Match[str]) -> str:
        return f"{found[1]}.{int(found[2]) - lowest + (number + 1) * CHANNELS}"

    shifted = ((s, CHANNEL_ID.sub(other, line).replace("-000000", f"-{number:02d}0000")) for s, line in rows)
    return list(_facts(shifted))


def moved(stream: list[Fact], by: timedelta) -> list[Fact]:
    """The same lines under a clock that stands elsewhere; the ids stay."""
    return [
        f._replace(at=f.at + by, key=hash((f.key, by))) if isinstance(f, CelFact) else f._replace(at=f.at + by)
        for f in stream
    ]


def records(events: Iterable[CallEvent]) -> dict[UUID, CallRecord]:
    """The last record of each call that is not part of another one."""
    last: dict[UUID, CallRecord] = {}
    for event in events:
        if isinstance(event, CallEnded):
            last[event.record.id] = event.record
        elif isinstance(event, CallAbsorbed):
            last.pop(event.call_id, None)
    return last


def track(stream: Iterable[Fact]) -> dict[UUID, CallRecord]:
    tracker = CallTracker("hotline")
    events = [event for fact in stream for event in tracker.feed(fact)]
    return records([*events, *tracker.settle()])
