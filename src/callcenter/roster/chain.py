"""The rules of the roster: which chain holds at an instant, what may be entered, where nobody is on duty. Pure."""

import re
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from callcenter.alerts.model import Alert, Severity
from callcenter.errors import InvalidInput
from callcenter.roster.model import Gap, HandOver, Shift, Step

MOST_STEPS = 9
"""The dialplan counts steps in one digit."""
MOST_MEMBERS = 8
SECONDS = range(5, 301)
LONGEST_CHAIN = 200
"""Characters: with two instants it stays below the 255 that AMI's DBGet can read back (Asterisk `main/db.c`)."""
LONGEST_SHIFT = timedelta(days=31)
FARTHEST = timedelta(days=400)
LONGEST_TEXT = 2000
LONGEST_NAME = 60
LOOK_AHEAD = timedelta(hours=24)
GAP_KIND, GAP_KEY = "roster_gap", "emergency"

_MOBILE = re.compile(r"m[0-9]{5,15}")
_STEP = re.compile(r"([0-9]{1,3}):([0-9m&,+]{1,200})")
_MEND_STEPS = "write 20:1001&1002;30:m13800138000 - seconds, then phones (1001) or mobiles (m13800138000)"


def fallback(agents: Sequence[str], mobiles: Sequence[str], seconds: int) -> tuple[Step, ...]:
    """What rings while no shift holds: every agent's phone, then the mobiles as well."""
    steps = (Step(tuple(agents), seconds), Step(tuple(f"m{number}" for number in mobiles), seconds))
    return tuple(step for step in steps if step.members)


def shift_at(shifts: Sequence[Shift], moment: datetime) -> Shift | None:
    """The shift that holds at `moment`; None: the fallback rings."""
    return next((shift for shift in shifts if shift.withdrawn_at is None and shift.covers(moment)), None)


def gaps(shifts: Sequence[Shift], since: datetime, until: datetime) -> tuple[Gap, ...]:
    """The parts of [since, until) that no shift covers, in order."""
    found: list[Gap] = []
    here = since
    for shift in sorted((s for s in shifts if s.withdrawn_at is None), key=lambda s: s.starts_at):
        if shift.starts_at > here:
            found.append(Gap(here, min(shift.starts_at, until)))
        here = max(here, shift.until)
        if here >= until:
            return tuple(gap for gap in found if gap.since < gap.until)
    return tuple(gap for gap in (*found, Gap(here, until)) if gap.since < gap.until)


def gap_alert(shifts: Sequence[Shift], moment: datetime) -> Alert | None:
    """What to warn of: a roster is in use, and the next 24 h are not covered. `shifts` reach back 30 days."""
    found = gaps(shifts, moment, moment + LOOK_AHEAD)
    if not found or not any(shift.withdrawn_at is None for shift in shifts):
        return None
    severity = Severity.CRITICAL if found[0].since <= moment else Severity.WARNING
    facts = {"since": found[0].since.isoformat(), "until": found[0].until.isoformat()}
    return Alert(GAP_KIND, GAP_KEY, severity, facts)


def read_steps(text: str) -> tuple[Step, ...]:
    """Steps as people write them, `20:1001&1002;30:m13800138000`. Raises `InvalidInput`."""
    steps = []
    for part in text.strip().strip(";").split(";"):
        read = _STEP.fullmatch(re.sub(r"\s", "", part))
        if read is None:
            raise InvalidInput(where=f"step {part[:40]!r}", what="can't be read", mend=_MEND_STEPS)
        members = tuple(member for member in re.split("[&,+]", read[2]) if member)
        steps.append(Step(members, int(read[1])))
    return tuple(steps)


def write_steps(steps: Sequence[Step]) -> str:
    """Steps as the dialplan reads them (AstDB `emergency/shift/<id>`)."""
    return ";".join(f"{step.seconds}:{'&'.join(step.members)}" for step in steps)


def check_shift(shift: Shift, others: Sequence[Shift], phones: Collection[str], moment: datetime) -> None:
    """Raises `InvalidInput` for a shift that may not be entered at `moment`; `phones` are ours."""
    _check_span(shift, moment)
    _check_steps(shift.steps, phones)
    check_text("note", shift.note, LONGEST_TEXT)
    for other in others:
        if other.withdrawn_at is None and other.starts_at < shift.until and shift.starts_at < other.until:
            what = f"overlaps shift {other.id}, {other.starts_at:%Y-%m-%d %H:%M} to {other.until:%Y-%m-%d %H:%M} UTC"
            raise InvalidInput(where="shift", what=what, mend="withdraw that one first, or choose other times")


def check_hand_over(given: HandOver) -> None:
    """Raises `InvalidInput` for a hand-over that says nothing."""
    check_text("from", given.from_member, LONGEST_NAME)
    check_text("to", given.to_member, LONGEST_NAME)
    check_text("note", given.note, LONGEST_TEXT)
    check_text("open_matters", given.open_matters, LONGEST_TEXT)
    if not given.from_member.strip() or not given.to_member.strip():
        raise InvalidInput(where="hand-over", what="from or to is empty", mend="say who hands over to whom")
    if not given.note.strip() and not given.open_matters.strip():
        raise InvalidInput(where="hand-over", what="it says nothing", mend="write a note, or what is still open")


def check_text(where: str, text: str, longest: int) -> None:
    """Raises `InvalidInput` for text that is too long, or holds what is no text."""
    odd = any(not (letter.isprintable() or letter in "\r\n\t") for letter in text)
    if len(text) > longest or odd:
        what = f"longer than {longest} characters, or with control characters"
        raise InvalidInput(where=where, what=what, mend="shorten it, and write plain text")


def _check_span(shift: Shift, moment: datetime) -> None:
    if shift.until <= shift.starts_at:
        raise InvalidInput(where="shift", what="it ends before it begins", mend="give a later end")
    if shift.until <= moment:
        raise InvalidInput(where="shift", what="it lies in the past", mend="enter shifts that are still to come")
    if shift.until - shift.starts_at > LONGEST_SHIFT:
        raise InvalidInput(where="shift", what="it lasts more than 31 days", mend="enter several")
    if shift.starts_at - moment > FARTHEST or moment - shift.starts_at > LONGEST_SHIFT:
        raise InvalidInput(where="shift", what="it begins too far away", mend="check the year")


def _check_steps(steps: Sequence[Step], phones: Collection[str]) -> None:
    if not 1 <= len(steps) <= MOST_STEPS:
        raise InvalidInput(where="steps", what=f"{len(steps)} of them", mend=f"give 1 to {MOST_STEPS}")
    for step in steps:
        if step.seconds not in SECONDS:
            mend = f"ring {SECONDS.start} to {SECONDS.stop - 1} seconds"
            raise InvalidInput(where="steps", what=f"{step.seconds} seconds", mend=mend)
        if not 1 <= len(step.members) <= MOST_MEMBERS:
            raise InvalidInput(where="steps", what=f"{len(step.members)} members", mend=f"name 1 to {MOST_MEMBERS}")
        for member in step.members:
            _check_member(member, phones)
    if len(write_steps(steps)) > LONGEST_CHAIN:
        raise InvalidInput(where="steps", what="the chain is too long", mend="name fewer people or steps")


def _check_member(member: str, phones: Collection[str]) -> None:
    if member not in phones and not _MOBILE.fullmatch(member):
        mend = f"name one of {', '.join(sorted(phones)[:12])}, or a mobile as m13800138000"
        raise InvalidInput(where="steps", what=f"{member[:20]!r} is no phone of ours and no mobile", mend=mend)
