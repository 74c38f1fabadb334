"""What a call is like after a time in which its PBX was not seen (`journal.sightings`). Pure.

Only what was seen is claimed: a channel that is gone ended when it was last known to be up, and nobody is said to have
hung up; a bridge or queue that is new began when it was seen. A call that had facts to miss carries the anomaly
`blind_interval`, whatever closes it later.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from callcenter.calls.state import CallState, Channel, Visit
from callcenter.clock import from_epoch
from callcenter.journal.facts import CelFact

ANOMALY = "blind_interval"


def instant(extra: Any, name: str) -> datetime | None:
    """An instant in a line's own JSON; None when there is none."""
    value = extra.get(name)
    try:
        return from_epoch(float(value)) if isinstance(value, int | float) else None
    except (ValueError, OverflowError, OSError):
        return None


@dataclass(frozen=True, slots=True)
class Interval:
    """From `since` until `until` nothing was seen; `alive` are the channels up then, `boot` is Asterisk's start."""

    since: datetime
    until: datetime
    alive: frozenset[str]
    boot: datetime


def interval_of(fact: CelFact) -> Interval | None:
    """What a BLIND_INTERVAL line says; None when it is unreadable: then nothing is taken for gone."""
    since, boot, alive = instant(fact.extra, "since"), instant(fact.extra, "boot"), fact.extra.get("alive")
    if since is None or boot is None or not isinstance(alive, str):
        return None
    return Interval(since, fact.at, frozenset(alive.split()), boot)


def end_gone(call: CallState, interval: Interval) -> bool:
    """End the channels of a running call that are up no more; whether none is left."""
    if ANOMALY not in call.anomalies:
        call.anomalies.append(ANOMALY)
        call.note(interval.until, ANOMALY, interval.since.isoformat())
    for channel in call.channels.values():
        if channel.ended_at is None and channel.uniqueid not in interval.alive:
            _lose(channel, interval.since)
    if not call.has_live_channel():
        return True
    for channel in (c for c in call.channels.values() if c.lost):
        for spell in (*channel.stays, *channel.music):
            spell.end = spell.end or channel.ended_at
    return False


def _lose(channel: Channel, since: datetime) -> None:
    """What it was in stays open when the whole call is over: however short, that it talked was seen."""
    ends = (stay.end or stay.start for stay in channel.stays)
    known = [channel.started_at, channel.answered_at or since, *ends, since]
    channel.ended_at, channel.lost = max(known), True


def find_again(channel: Channel) -> None:
    """A channel taken for gone that says something was not gone: its end was on its way, and tells when it was."""
    for spell in (*channel.stays, *channel.music):
        if spell.end == channel.ended_at:
            spell.end = None
    channel.ended_at, channel.lost = None, False


def take_sight(call: CallState, fact: CelFact) -> None:
    """Make a channel what Asterisk's list says of it, where we knew nothing or something else."""
    channel, since = call.channels[fact.uniqueid], instant(fact.extra, "since") or fact.at
    if "start_missing" in call.anomalies and channel.started_at == fact.at:
        channel.started_at = min(fact.at, instant(fact.extra, "started_at") or fact.at)
        call.known_id = None
    if fact.extra.get("up") is True:
        channel.answered_at = channel.answered_at or fact.at
    _take_queue(call, fact, since)
    for stay in channel.stays:
        if stay.end is None and stay.bridge != fact.extra.get("bridge_id"):
            stay.end = max(stay.start, since)


def _take_queue(call: CallState, fact: CelFact, since: datetime) -> None:
    running = [v for v in call.visits if v.uniqueid == fact.uniqueid and v.left_at is None]
    queue = fact.app_data.partition(",")[0] if fact.app == "Queue" else ""
    for visit in running:
        if visit.queue != queue:
            visit.left_at = max(visit.entered_at, since)
    if queue and not any(visit.queue == queue for visit in running):
        call.visits.append(Visit(fact.uniqueid, queue, fact.at))
        call.note(fact.at, "queue_entered", queue)
