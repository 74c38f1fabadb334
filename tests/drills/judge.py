"""Compares what happened (the oracle, on disk) with what was recorded, announced and kept as audio."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from tests.acceptance.made import PLAYABLE
from tests.drills.oracle import Plan, Seen, read
from tests.drills.subscriber import Subscriber

SECOND = 1.0
SETTLING_SECONDS = 1.0
"""What Asterisk had not written yet when it was killed."""
CRASHES = {"pbx_crash"}
CLOSED_WITHIN_SECONDS = 30.0
STOPPED = {"incomplete", "system_failure"}
"""A stopped Asterisk writes ABANDON for callers whom it hung up itself; that is no impatience of theirs."""
SIDES = {"caller": "caller", "agent": "agent", "pbx": "system"}
NAMELESS = {"", "0", "unread"}
CALLS = """
SELECT id, pbx, caller_number AS number, outcome, agent, hung_up_by, talk_seconds, wait_seconds, evidence,
  extract(epoch FROM started_at)::float AS started, extract(epoch FROM ended_at)::float AS ended,
  extract(epoch FROM stored_at)::float AS stored
FROM calls WHERE direction = 'inbound' AND pbx = $1
"""
RECORDINGS = "SELECT call_id, state, seconds, reason, flags FROM recordings"
OUTBOX = """
SELECT event_id::text AS event, key, topic, extract(epoch FROM published_at)::float AS published FROM outbox
WHERE kind = 'call' ORDER BY id
"""


Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Step:
    """From `until` on every process sees the clock `shift` seconds ahead; from `at` on some may."""

    at: float
    until: float
    shift: float


@dataclass(slots=True)
class Terms:
    """What the faults took with them; all else is a fault of ours. Unix seconds of the machine's clock."""

    deaths: list[Interval] = field(default_factory=list)
    """The PBX was killed, and was back: its calls end there"""
    stops: list[Interval] = field(default_factory=list)
    """It was stopped: it hung up its calls itself and wrote that down"""
    blind: list[Interval] = field(default_factory=list)
    """Nothing could be written to the journal"""
    deaf: list[Interval] = field(default_factory=list)
    """No audio could be written"""
    steps: list[Step] = field(default_factory=list)
    """How its clock was set"""
    phoneless: list[Interval] = field(default_factory=list)
    """Asterisk had forgotten the phones: who comes is told that nobody is there"""

    def cut(self, seen: Seen) -> Interval | None:
        """The last death that this call did not outlive; who got his BYE answered had ended it himself."""
        if seen.ended_by in {"caller", "agent"} and seen.bye_status == 200:
            return None
        ends = sorted((*self.deaths, *self.stops), reverse=True)
        return next((e for e in ends if seen.invited_at < e[0] and not 0 < seen.ended_at < e[0]), None)

    def while_dying(self, at: float) -> bool:
        """So shortly before a death that half of it may have been written."""
        return any(died - SETTLING_SECONDS <= at <= back for died, back in (*self.deaths, *self.stops))

    def half_written(self, at: float) -> bool:
        """Who called may be among what could not be written."""
        return self.while_dying(at) or any(since - SECOND <= at <= until + SECOND for since, until in self.blind)

    def while_away(self, seen: Seen) -> bool:
        """Begun when nobody was there, or so late before that nothing of it may have been written."""
        return self.while_dying(seen.invited_at)


@dataclass
class Verdict:
    """Faults by kind; each names its call."""

    calls: int = 0
    talks: int = 0
    unwritten: int = 0
    """Calls whose evidence nobody could write down"""
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)
    harmed: list[str] = field(default_factory=list)
    recordings: list[str] = field(default_factory=list)
    announcements: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        kinds = ("lost", "doubled", "invented", "altered", "harmed", "recordings", "announcements")
        return [f"{kind}: {each}" for kind in kinds for each in getattr(self, kind)]

    def counts(self) -> list[int]:
        kinds = (self.lost, self.doubled, self.invented, self.altered, self.harmed, self.recordings, self.announcements)
        return [len(kind) for kind in kinds]


@dataclass(frozen=True, slots=True)
class Kept:
    """All that Postgres holds."""

    calls: list[dict[str, Any]]
    recordings: dict[str, list[dict[str, Any]]]
    outbox: dict[str, list[dict[str, Any]]]


async def kept(url: str, pbx: str) -> Kept:
    """Read it past every proxy."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        calls = [dict(row) for row in await connection.fetch(CALLS, pbx)]
        recordings = _by("call_id", await connection.fetch(RECORDINGS))
        return Kept(calls, recordings, _by("key", await connection.fetch(OUTBOX)))
    finally:
        await connection.close()


def _by(name: str, rows: Iterable[Any]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(str(row[name]), []).append(dict(row))
    return found


def judge(found: Kept, oracle: Path, prefix: str, terms: Terms, subscriber: Subscriber | None) -> Verdict:
    """The verdict on the calls whose numbers begin with `prefix`."""
    truth, verdict = read(oracle), Verdict()
    _name(found, truth, terms)
    verdict.invented = [
        f"{r['number']} {r['outcome']} {r['id']}"
        for r in found.calls
        if r["number"] not in truth and not (r["number"] in NAMELESS and terms.half_written(r["started"]))
    ]
    mine = {n: both for n, both in truth.items() if n.startswith(prefix)}
    rows = _by("number", found.calls)
    verdict.calls = len(mine)
    for number, (plan, seen) in mine.items():
        verdict.talks += bool(seen.talk_from)
        cut, while_away = terms.cut(seen), terms.while_away(seen)
        if not cut and not while_away and not _touches(seen, terms.phoneless):
            verdict.harmed += _harm(plan, seen)
        records = rows.get(number, [])
        unwritten = _touches(seen, terms.blind)
        verdict.unwritten += unwritten
        if not records and seen.status and not while_away and not unwritten:
            verdict.lost.append(f"{_story(plan, seen)}")
        if len(records) > 1:
            verdict.doubled.append(f"{number}: {[(r['outcome'], str(r['id'])) for r in records]}")
        for record in records[:1]:
            outlived = not cut or _ended_before(record, seen, cut)
            wrong = (
                _differences(record, plan, seen, terms) if outlived else _crashed(record, seen, cut, cut in terms.stops)
            )
            if wrong and not unwritten and not while_away:
                verdict.altered.append(f"{_story(plan, seen)}: {', '.join(wrong)} · record {_short(record)}")
            verdict.recordings += [] if unwritten else _audio(found, record, seen, terms)
            verdict.announcements += [] if unwritten else _announced(found, record, subscriber)
    return verdict


def _ended_before(record: dict[str, Any], seen: Seen, cut: Interval) -> bool:
    """A phone's BYE was the last that a killed PBX wrote down: it died before it could answer it."""
    by = SIDES.get(seen.ended_by) if seen.ended_by in {"caller", "agent"} else None
    in_time = record["ended"] < cut[0] + SECOND
    return by is not None and record["hung_up_by"] == by and record["evidence"] not in CRASHES and in_time


def _name(found: Kept, truth: dict[str, tuple[Plan, Seen]], terms: Terms) -> None:
    """Give nameless records their calls, one each: a CANCEL, or the end of Asterisk, may come before the dialplan has
    read who calls."""
    named = {r["number"] for r in found.calls}
    nobody = {
        number: seen
        for number, (plan, seen) in truth.items()
        if number not in named and (plan.story == "cancels" or terms.while_away(seen))
    }
    open_calls = {n: (_heard(s) + _shift(terms, s.invited_at), _stepped(terms, s)) for n, s in nobody.items()}
    for record in sorted((r for r in found.calls if r["number"] in NAMELESS), key=lambda r: float(r["started"])):
        near = [n for n, (at, step) in open_calls.items() if abs(record["started"] - at) < SECOND + step]
        if near:
            record["number"] = min(near, key=lambda n: abs(record["started"] - open_calls[n][0]))
            del open_calls[record["number"]]


def _heard(seen: Seen) -> float:
    """When the PBX took the INVITE of a call that came to nothing: one that it was away for is sent again, so the
    final answer is nearer to that than the first attempt."""
    return seen.answered_at or seen.ended_at or seen.invited_at


def _touches(seen: Seen, intervals: list[Interval]) -> bool:
    end = seen.ended_at or float("inf")
    return any(seen.invited_at <= until + SECOND and end >= since - SECOND for since, until in intervals)


def _shift(terms: Terms, at: float) -> float:
    return next((step.shift for step in reversed(terms.steps) if step.at <= at), 0.0)


def _stepped(terms: Terms, seen: Seen) -> float:
    """By how much the clock was set during this call."""
    end = seen.ended_at or seen.invited_at
    during = [
        step
        for step in terms.steps
        if step.until and step.at <= end + SECOND and step.until >= seen.invited_at - SECOND
    ]
    if not during:
        return 0.0
    shifts = [_shift(terms, during[0].at - 0.001), *(step.shift for step in during)]
    return max(shifts) - min(shifts)


def _story(plan: Plan, seen: Seen) -> str:
    return f"{plan.number} {plan.story} {seen}"


def _short(record: dict[str, Any]) -> str:
    return json.dumps({k: v for k, v in record.items() if k not in {"id", "number"}}, default=str)


def _harm(plan: Plan, seen: Seen) -> list[str]:
    """What the phones saw, against the plan: did the caller get what he was to get?"""
    wrong = []
    if seen.status not in ({200, 487} if plan.story == "cancels" else {200}):
        wrong.append(f"INVITE got {seen.status}")
    elif seen.answered_at - seen.invited_at > 5 * SECOND:
        wrong.append(f"answered after {seen.answered_at - seen.invited_at:.1f} s")
    if plan.story in {"caller_hangs_up", "agent_hangs_up"}:
        by = plan.story.partition("_")[0]
        if not seen.talk_from:
            wrong.append("reached no agent")
        elif seen.ended_by != by:
            wrong.append(f"ended by {seen.ended_by or 'nobody'}")
    elif plan.story == "leaves_ringing" and not seen.rung:
        wrong.append("rang nowhere")
    return [f"{_story(plan, seen)}: {', '.join(wrong)}"] if wrong else []


def _crashed(record: dict[str, Any], seen: Seen, cut: Interval, hung_up: bool) -> list[str]:
    """Closed in time, with the last evidence and nothing that was not seen."""
    wrong = []
    if record["evidence"] not in CRASHES and not hung_up:
        wrong.append(f"closed by {record['evidence']}")
    if seen.talk_from and record["agent"] not in {seen.agent, None}:
        wrong.append(f"agent {record['agent']}")
    outcomes = {"answered"} if seen.talk else STOPPED if hung_up else {"incomplete"}
    if 0 < seen.talk < SECOND:
        outcomes |= {"incomplete"}
    if seen.picked_up_at and not seen.talk:  # the PBX may have lived to hear it, and no longer
        outcomes |= {"answered"}
    if record["outcome"] not in outcomes:
        wrong.append(f"outcome {record['outcome']}")
    if record["hung_up_by"] not in {None, "system"}:
        wrong.append(f"hung up by {record['hung_up_by']}")
    if record["stored"] > cut[1] + CLOSED_WITHIN_SECONDS:
        wrong.append(f"closed {record['stored'] - cut[1]:.0f} s after it was back")
    return wrong


def _differences(record: dict[str, Any], plan: Plan, seen: Seen, terms: Terms) -> list[str]:
    may = SECOND + _stepped(terms, seen) + seen.audio_late  # phones that nobody ran in time saw everything late
    wanted = _outcomes(plan, seen) | ({"no_agent"} if _touches(seen, terms.phoneless) and not seen.talk else set())
    if _stepped(terms, seen) and not seen.talk:
        wanted |= {"timed_out"}  # app_queue counts a caller's patience by the wall clock
        if seen.ended_by == "pbx" and seen.ended_at - seen.answered_at < SECOND:
            wanted |= {"system_failure"}  # so does Answer(): a step in its few milliseconds ends the call
    wrong = [] if record["outcome"] in wanted else [f"outcome not {'/'.join(wanted)}"]
    if record["outcome"] == "answered" and record["agent"] != seen.agent:
        wrong.append(f"agent not {seen.agent}")
    if record["outcome"] == "answered" and record["hung_up_by"] not in _enders(seen, terms):
        wrong.append(f"hung up by {record['hung_up_by']}")
    wanted_instants = {"started": seen.invited_at, "ended": seen.ended_at}
    for name, at in wanted_instants.items():
        if at and abs(off := record[name] - _shift(terms, at) - at) > may:
            wrong.append(f"{name} {off:+.2f}")
    durations = {"talk_seconds": (seen.talk, seen.talk), **({"wait_seconds": _wait(seen)} if seen.talk_from else {})}
    for name, (least, most) in durations.items():
        if not max(0.0, least - may) <= record[name] <= most + may:
            wrong.append(f"{name} not {least:.2f} to {most:.2f}")
    return wrong


def _enders(seen: Seen, terms: Terms) -> set[str | None]:
    """Who may stand in the record as the one who ended the call."""
    if not seen.ended_by:
        return {None, *SIDES.values()}
    # A PBX that is stopping hangs up too: whose BYE passed it on the way still gets its 200.
    stopping = any(since <= seen.ended_at <= back for since, back in terms.stops)
    return {SIDES[seen.ended_by]} | ({"system"} if stopping else set())


def _wait(seen: Seen) -> tuple[float, float]:
    """The queue is entered after the notice and before the first phone rings: its wait in bounds."""
    return seen.talk_from - seen.rang_at, seen.talk_from - seen.answered_at


def _outcomes(plan: Plan, seen: Seen) -> set[str]:
    if seen.talk_from:
        return {"answered"} if seen.talk > 0.2 else {"answered", "abandoned_ringing"}
    if seen.rung:
        return {"abandoned_ringing"}
    if plan.story in {"cancels", "leaves_notice"}:  # he meant to leave in the notice; we may have been late
        return {"invalid"} if seen.ended_at - seen.answered_at < SECOND else {"invalid", "abandoned_in_queue"}
    return {"abandoned_in_queue"}


def _audio(found: Kept, record: dict[str, Any], seen: Seen, terms: Terms) -> list[str]:
    if (
        not seen.answered_at
        or _touches(seen, terms.deaf)
        or (seen.ended_at - seen.answered_at < SECOND and not seen.talk_from)
    ):
        return []
    kept = found.recordings.get(str(record["id"]), [])
    states = [r["state"] for r in kept]
    if len(states) != 1 or states[0] not in PLAYABLE:
        return [f"{seen.number}: {[(r['state'], r['reason']) for r in kept]}"]
    lasted = seen.ended_at - seen.answered_at
    if (
        not terms.cut(seen)
        and "silent" not in kept[0]["flags"]
        and abs(kept[0]["seconds"] - lasted) > 1.5 * SECOND + _stepped(terms, seen) + seen.audio_late
    ):
        late = f", {seen.audio_late:.2f} s of it sent in bursts" if seen.audio_late else ""
        return [f"{seen.number}: {kept[0]['seconds']:.2f} s of audio, the call lasted {lasted:.2f} s{late}"]
    return []


def _announced(found: Kept, record: dict[str, Any], subscriber: Subscriber | None) -> list[str]:
    """Each event left, arrived at least once unless nobody listened, and first arrivals are in order."""
    rows = found.outbox.get(str(record["id"]), [])
    topics = Counter(row["topic"].rpartition("/")[2] for row in rows)
    wrong = [f"{name} ×{topics[name]}" for name in ("started", "ended") if topics[name] != 1]
    wrong += [f"{row['topic'].rpartition('/')[2]} not published" for row in rows if row["published"] is None]
    if subscriber is not None:
        places = []
        for row in rows:
            place = subscriber.arrived.get(row["event"])
            if place is not None:
                places.append(place)
            elif row["published"] and not subscriber.was_blind(row["published"]):
                wrong.append(f"{row['topic'].rpartition('/')[2]} never arrived")
        if places != sorted(places):
            wrong.append(f"out of order: {places}")
    return [f"{record['number']}: {', '.join(wrong)}"] if wrong else []
