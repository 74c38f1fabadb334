"""Whose turn it is to be rung back, and what an attempt's record says. Pure.

A citizen who asked for a callback keeps the place that he had in the queue. Asterisk's queue gives the agent who
becomes free to whoever is first in it, at once and without asking us. So while a callback's place is the first, a
*placeholder* stands in the queue for it (context `callback-place`): it takes no agent, but those behind it don't get
the one agent that it stands for. He is rung when that agent is free, and goes before the placeholder when he answers.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from callcenter.callbacks.model import Callback, CallbackState, QueueSight, Request
from callcenter.calls.ids import CALL_PREFIX, PLACEHOLDER_PREFIX

Row = Mapping[Any, Any]
"""A call record as a row of the table `calls`."""

LONGEST_WAIT = timedelta(days=7)
"""A callback that could not be made for so long expires; a person must take it up."""

REQUEST = re.compile(r"([0-9]{5,15});([a-z][a-z0-9-]{0,39});([0-9]{1,11})")

CAUSES = {1: "invalid_number", 17: "busy", 18: "no_answer", 19: "no_answer", 21: "rejected", 28: "invalid_number"}
"""Q.850 causes of a phone that was not answered, in our words."""
ENDS_IT = frozenset({"invalid_number"})
"""Another attempt would end the same way."""


@dataclass(frozen=True, slots=True)
class Turns:
    """What to do now: for whom a place must be kept in the queue, and whom to ring."""

    hold: tuple[int, ...]
    dial: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Next:
    """What an attempt's end makes of its callback."""

    state: CallbackState
    cause: str | None
    next_try_at: datetime


def whose_turn(open_ones: Sequence[Callback], sight: QueueSight, moment: datetime) -> Turns:
    """Of one queue's open callbacks, in the order of their places, whom to keep a place for and whom to ring."""
    ready = [c for c in open_ones if c.state is CallbackState.WAITING and c.next_try_at <= moment]
    joined = {w.uniqueid for w in sight.waiting if w.uniqueid.startswith(CALL_PREFIX)}
    ringing = [c for c in open_ones if c.state is CallbackState.DIALING and c.uniqueid not in joined]
    taken = len(joined) + len(ringing)
    hold, dial = [c.id for c in ringing], []
    for callback in sorted(ready, key=lambda c: (c.place_at, c.id)):
        ahead = _callers_before(sight, callback.place_at)
        if ahead == 0 and len(hold) < sight.members:
            hold.append(callback.id)
        if ahead + taken < sight.free:
            dial.append(callback.id)
            taken += 1
    return Turns(tuple(hold), tuple(dial))


def _callers_before(sight: QueueSight, place_at: datetime) -> int:
    return sum(
        w.since < place_at for w in sight.waiting if not w.uniqueid.startswith((CALL_PREFIX, PLACEHOLDER_PREFIX))
    )


def placeholder_of(uniqueid: str) -> int | None:
    """The callback for which a placeholder stands; None for anybody else."""
    found = re.fullmatch(PLACEHOLDER_PREFIX + r"([0-9]{1,18})-[0-9.]+", uniqueid)
    return int(found[1]) if found else None


def request_of(call: Row) -> Request:
    """What the caller asked for, from his call's record: the dialplan's word, and the queue that he was in.

    A word that can't be read still leaves his own number and the time of his call.
    """
    said = [entry["detail"] for entry in call["timeline"] if entry["kind"] == "callback"]
    found = REQUEST.fullmatch(said[-1]) if said else None
    number, queue, epoch = found.groups() if found else (call["caller_number"], "hotline", "0")
    entered = [visit["entered_at"] for visit in call["queue_visits"]]
    if entered:
        return Request(number, queue, min(datetime.fromisoformat(at) for at in entered))
    return Request(number, queue, datetime.fromtimestamp(int(epoch), UTC) if int(epoch) else call["started_at"])


def after_attempt(callback: Callback, record: Row, moment: datetime, *, most: int, retry: timedelta) -> Next:
    """What follows from the record of an attempt: done, another try, or failed after `most` of them."""
    if record["outcome"] == "answered":
        return Next(CallbackState.DONE, None, callback.next_try_at)
    return after_failure(callback, cause_of(record), moment, most=most, retry=retry)


def after_failure(callback: Callback, cause: str, moment: datetime, *, most: int, retry: timedelta) -> Next:
    """What follows from an attempt that did not end in a talk."""
    if callback.attempts >= most or cause in ENDS_IT:
        return Next(CallbackState.FAILED, cause, callback.next_try_at)
    return Next(CallbackState.WAITING, cause, moment + retry)


def cause_of(record: Row) -> str:
    """Why the attempt did not end in a talk."""
    if record["evidence"] in ("pbx_crash", "silence"):
        return "interrupted"
    leg = next((leg for leg in record["legs"] if leg["uniqueid"] == record["uniqueid"]), None)
    if leg is not None and leg["answered_at"] is None:
        cause = leg["hangup_cause"]
        return CAUSES.get(cause, "no_answer" if cause in (None, 0, 16) else "unreachable")
    return "hung_up" if record["hung_up_by"] == "caller" else "no_agent"
