"""Days of a hotline made of captured calls: shifted in time, interleaved, with lost lines and crashes of Asterisk."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from itertools import pairwise
from uuid import UUID

from callcenter.calls.events import CallAbsorbed, CallEnded, CallEvent
from callcenter.calls.model import CallRecord, Direction
from callcenter.calls.tracker import CallTracker
from callcenter.clock import LOCAL_ZONE
from callcenter.http.instants import local_midnight
from callcenter.journal.facts import CelFact, Fact, QueueFact
from callcenter.reports.figures import SHORT_SECONDS, WITHIN_SECONDS, Tally
from tests.scenarios.stories import NAMES, renamed, truth

OF_ONE_BOOT = [name for name in NAMES if "pbx_crash" not in truth(name)["expected"].get("evidences", ())]
FIRST_DAY = date(2026, 11, 23)
DAYS = 5
BEGIN = local_midnight(FIRST_DAY)
STARTING = 2.0
"""Seconds that Asterisk needs to be up again; a call comes after 5 at the earliest"""
SETTLE_EVERY = 40
"""Facts; the ingest settles whenever it has read everything"""


@dataclass(frozen=True)
class Told:
    """One captured call that happens `second` seconds after the first midnight; of its facts the `lost` are missing."""

    name: str
    second: float
    lost: frozenset[int] = frozenset()


def journal(calls: Sequence[Told], crashes: Iterable[float] = ()) -> list[Fact]:
    """What Asterisk writes. A crash cuts what runs; from then on the counter of channels begins anew."""
    edges = [0.0, *sorted(crashes), DAYS * 86400.0 * 2]
    facts: list[Fact] = []
    for boot, (since, until) in enumerate(pairwise(edges)):
        if boot:
            facts.append(QueueFact(_whole(_at(since + STARTING)), "NONE", "NONE", "NONE", "QUEUESTART", ("",)))
        facts += _first_channel(_at(since + STARTING + 1))
        begun = sorted((c for c in calls if since + 5 <= c.second < until), key=lambda c: c.second)
        lives = [_shifted(call, number) for number, call in enumerate(begun)]
        facts += sorted((f for life in lives for f in life if f.at < _at(until)), key=lambda f: f.at)
    return facts


def _first_channel(moment: datetime) -> list[Fact]:
    """Each life of Asterisk begins with channel 0; here an agent's feature code, which makes no record."""
    uniqueid = f"hotline-{moment.timestamp():.0f}.0"
    channel = "PJSIP/1001-00000000"
    start = CelFact("CHAN_START", moment, "", "", "", "", "*30", "", channel, "", "", uniqueid, uniqueid, {}, 0)
    facts = (start, start._replace(type="CHAN_END"), start._replace(type="LINKEDID_END"))
    return [fact._replace(key=hash((fact.type, uniqueid))) for fact in facts]


def _at(second: float) -> datetime:
    return BEGIN + timedelta(seconds=second)


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


@cache
def _story(name: str, number: int) -> list[Fact]:
    return renamed(name, number)


def _shifted(call: Told, number: int) -> list[Fact]:
    story = _story(call.name, number)
    later = _at(call.second) - story[0].at
    kept = [fact for n, fact in enumerate(story) if n not in call.lost]
    return [_moved(fact, later) for fact in kept]


def _moved(fact: Fact, later: timedelta) -> Fact:
    at = fact.at + later
    if isinstance(fact, CelFact):
        return fact._replace(at=at, key=hash((fact.key, at)))
    return fact._replace(at=_whole(at))


def recorded(facts: Sequence[Fact]) -> list[CallRecord]:
    """The records that stand in the database when everything has been read and long been over."""
    tracker, events = CallTracker("hotline"), list[CallEvent]()
    for number, fact in enumerate(facts, 1):
        events += tracker.feed(fact, number)
        events += tracker.settle() if number % SETTLE_EVERY == 0 else ()
    for day in (DAYS + 3, DAYS + 6):
        events += tracker.feed(QueueFact(_at(day * 86400), "NONE", "NONE", "NONE", "CONFIGRELOAD", ("",)))
        events += tracker.settle()
    assert tracker.running == 0
    return list(_standing(events).values())


def _standing(events: Iterable[CallEvent]) -> dict[UUID, CallRecord]:
    last: dict[UUID, CallRecord] = {}
    for event in events:
        if isinstance(event, CallEnded):
            last[event.record.id] = event.record
        elif isinstance(event, CallAbsorbed):
            last.pop(event.call_id, None)
    return last


def local_day(record: CallRecord) -> date:
    return record.started_at.astimezone(LOCAL_ZONE).date()


def inbound(records: Iterable[CallRecord], since: date, until: date) -> list[CallRecord]:
    first, last = local_midnight(since), local_midnight(until)
    return [r for r in records if r.direction is Direction.INBOUND and first <= r.started_at < last]


def tallied(records: Iterable[CallRecord], since: date, until: date) -> tuple[list[Tally], Counter[date]]:
    """What `reports.repository` asks of Postgres, counted here one by one: tallies, and calls received each day."""
    alike: dict[tuple[date, str | None, str | None, str], list[float]] = {}
    received: Counter[date] = Counter()
    for record in inbound(records, since, until):
        received[local_day(record)] += 1
        key = (local_day(record), record.line, record.service, record.outcome)
        alike.setdefault(key, []).append(record.wait_seconds)
    return [Tally(*key, *_measures(waits)) for key, waits in alike.items()], received


def _measures(waits: Sequence[float]) -> tuple[int, float, int, int, int]:
    within = [sum(wait <= seconds for wait in waits) for seconds in WITHIN_SECONDS]
    return len(waits), sum(waits), within[0], within[1], sum(wait < SHORT_SECONDS for wait in waits)
