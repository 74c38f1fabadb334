"""A record against what its story expects: one line a fact, with what was expected and what was got."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.acceptance.corpus.performance import Performance
from tests.acceptance.corpus.story import Expected, Spans
from tests.acceptance.made import quality

SECONDS = 0.9
"""A figure may be so far from what the phones saw: Answer() waits up to half a second, a message takes its way."""
RESULTS = {
    "answered": ("connected",), "timed_out": ("timed_out",), "no_agent": ("no_agent",), "queue_full": ("queue_full",),
    "abandoned_in_queue": ("abandoned",), "abandoned_ringing": ("abandoned",),
}  # fmt: skip
"""Results of the stays in queues that go with an outcome, unless the story says otherwise."""
Record = dict[str, Any]
Intervals = list[tuple[float, float]]


@dataclass(frozen=True)
class Fact:
    """One thing of a record that a person could check."""

    what: str
    expected: Any
    got: Any
    within: float = 0.0

    @property
    def right(self) -> bool:
        if isinstance(self.expected, Mapping) and self.within:
            keys = self.expected.keys() | self.got.keys()
            return all(abs(self.expected.get(k, 0.0) - self.got.get(k, 0.0)) <= self.within for k in keys)
        if self.within:
            return isinstance(self.got, int | float) and abs(self.expected - self.got) <= self.within
        return bool(self.expected == self.got)

    def __str__(self) -> str:
        return f"{self.what}: expected {_short(self.expected)}, got {_short(self.got)}"


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.1f}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k} {_short(v)}" for k, v in sorted(value.items())) + "}"
    return str(value)


def judge(
    p: Performance, role: str, expected: Expected, records: Sequence[Record], *, files: bool = True
) -> list[Fact]:
    """Every fact of one caller's record; with another number of records than expected, that alone.

    Without `files`, of a recording it is known only that there is one.
    """
    number = Fact("records", expected.records, len(records))
    if not records or not number.right:
        return [number]
    parts = (_words, _times, _recordings if files else _recordings_begun)
    found = [number, *(fact for part in parts for fact in part(p, role, expected, records[expected.which]))]
    if expected.or_else and not all(fact.right for fact in found):
        other = judge(p, role, expected.or_else, records, files=files)
        return other if all(fact.right for fact in other) else found
    return found


def _words(p: Performance, role: str, expected: Expected, record: Record) -> list[Fact]:
    caller = p.parties[role]
    visits = expected.visits if expected.visits is not None else RESULTS.get(expected.outcome, ())
    unanswered = [n for visit in record["queue_visits"] for n in visit["unanswered"]]
    kinds = {entry["kind"] for entry in record["timeline"]}
    return [
        Fact("outcome", expected.outcome, record["outcome"]),
        Fact("direction", expected.direction, record["direction"]),
        Fact("line", expected.line, record["line"]),
        Fact("caller", expected.number if expected.number is not None else caller.number, record["caller_number"]),
        *([Fact("name", expected.name, record["caller_name"])] if expected.name is not None else []),
        Fact("agent", number_of(p, expected.agent) if expected.agent else None, record["agent"]),
        Fact("hung up by", expected.hung_up_by, record["hung_up_by"]),
        Fact("queues", list(visits), [visit["result"] for visit in record["queue_visits"]]),
        Fact("unanswered", sorted(number_of(p, r) for r in expected.unanswered), sorted(unanswered)),
        Fact("marks", sorted(expected.marks), sorted(record["marks"])),
        Fact("menu", expected.menu, record["menu_choice"]),
        Fact("service", expected.service, record["service"]),
        Fact("notice", expected.notice, record["notice_played"]),
        Fact("timeline", sorted(expected.timeline), sorted(kinds & set(expected.timeline))),
        Fact("closed by", True, record["evidence"] in expected.evidence or record["evidence"]),
        Fact("anomalies", [], record["anomalies"]),
    ]


def number_of(p: Performance, role: str) -> str:
    assert role in p.parties, f"nobody played {role}"
    return p.parties[role].number


def _times(p: Performance, role: str, expected: Expected, record: Record) -> list[Fact]:
    talks = {r: _intervals(p, spans) for r, spans in expected.talk.items()}
    everything = [i for each in talks.values() for i in each]
    hold = {number_of(p, r): _sum(_intervals(p, spans)) for r, spans in expected.hold.items()}
    rings = _rings_for(p, role, expected)
    outside = [p.spell("outside")] if _goes_out(p, role) else []
    begun = min((begin for begin, _ in everything), default=None)
    return [
        Fact("talk", {number_of(p, r): _sum(i) for r, i in talks.items()}, _legs(record, "talk_seconds"), SECONDS),
        Fact("talk in all", _sum(_union(everything)), record["talk_seconds"], SECONDS),
        Fact("hold", hold, _legs(record, "hold_seconds"), SECONDS),
        Fact("hold in all", sum(hold.values()), record["hold_seconds"], SECONDS),
        *([] if expected.wait is None else [_wait(p, expected.wait, record)]),
        Fact("ring", {n: _sum(i) for n, i in rings.items()}, _legs(record, "ring_seconds"), SECONDS),
        Fact(
            "ring in all",
            _sum(_union([*outside, *(i for each in rings.values() for i in each)])),
            record["ring_seconds"],
            SECONDS,
        ),
        Fact("began", p.hotline.wall(p.event_of(role, "dialling")), _instant(record["started_at"]), SECONDS),
        Fact("ended", p.hotline.wall(p.event_of(role, "ended")), _instant(record["ended_at"]), SECONDS),
        Fact("answered at", begun or 0.0, _instant(record["answered_at"]) if record["answered_at"] else 0.0, SECONDS),
    ]


def _recordings(p: Performance, role: str, expected: Expected, record: Record) -> list[Fact]:
    found = record["recordings"]
    if expected.recordings is None:
        return []
    facts = [Fact("recordings", ["sound"] * expected.recordings, [_quality(p, r) for r in found])]
    if expected.recordings == 1 and found:
        recorded = "outside" if _goes_out(p, role) else role  # the recording is the citizen's
        length = p.event_of(recorded, "ended") - p.event_of(recorded, "answered")
        facts.append(Fact("recorded", length, found[0]["seconds"], SECONDS))
    return facts


def _quality(p: Performance, recording: Record) -> str:
    """What the story itself brings about is sound: a clock that is moved, a caller who says nothing."""
    brought = {"short": "clock" in p.story.script, "caller_silent": "caller says nothing" in p.story.script}
    return quality({**recording, "flags": [flag for flag in recording["flags"] if not brought.get(flag)]})


def _recordings_begun(_: Performance, __: str, expected: Expected, record: Record) -> list[Fact]:
    known = expected.recordings is not None
    return [Fact("recordings", expected.recordings, len(record["recordings"]))] if known else []


def _wait(p: Performance, spans: Spans, record: Record) -> Fact:
    return Fact("wait", _sum(_intervals(p, spans)), record["wait_seconds"], SECONDS)


def _goes_out(p: Performance, role: str) -> bool:
    """An agent's call to somebody outside."""
    return p.parties[role].line in p.lane.phones and "outside" in p.parties


def _rings_for(p: Performance, role: str, expected: Expected) -> dict[str, Intervals]:
    """Whose phones rang for this caller; not those that a call of its own rang."""
    apart = {number_of(p, r) for r in expected.apart}
    return {number: spells for number, spells in p.rings(role).items() if number not in apart}


def _intervals(p: Performance, spans: Spans) -> Intervals:
    each = [spans] if isinstance(spans, str) else list(spans)
    pairs = (span.split("..") for span in each)
    return [(p.instant(begin.strip()), p.instant(end.strip())) for begin, end in pairs]


def _sum(intervals: Iterable[tuple[float, float]]) -> float:
    return sum(end - begin for begin, end in intervals)


def _union(intervals: Iterable[tuple[float, float]]) -> Intervals:
    merged: Intervals = []
    for begin, end in sorted(intervals):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


def _legs(record: Record, what: str) -> dict[str, float]:
    """Agent → seconds, over all of his legs."""
    found: dict[str, float] = {}
    for leg in record["legs"]:
        if leg["agent"] and leg[what] > 0:
            found[leg["agent"]] = found.get(leg["agent"], 0.0) + leg[what]
    return found


def _instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
