"""How long recordings are kept, as the client decided it. Pure.

Nothing goes by age unless a policy for its kind of call says so. A hold stops it: an open complaint, a disclosure that
is pending, or whatever a person names. What is due is *expired* first and can still be heard; so many days later it is
*destroyed*: its key goes, then its file.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum


class Kind(StrEnum):
    """Kinds of calls that may have terms of their own; the first that fits counts."""

    COMPLAINT = "complaint"
    EMERGENCY = "emergency"
    OUTBOUND = "outbound"
    HOTLINE = "hotline"


class Why(StrEnum):
    """Why something is held."""

    COMPLAINT = "complaint"
    DISCLOSURE = "disclosure"
    OTHER = "other"


class Reason(StrEnum):
    """What decided: a stable name for programs."""

    DUE = "due"
    """It is over its term, or expired long enough: it goes"""
    KIND_UNKNOWN = "kind_unknown"
    """Its call's record is not there"""
    NO_POLICY = "no_policy"
    NEW_POLICY = "new_policy"
    """Its term was set too short a time ago to act"""
    WITHIN_TERM = "within_term"
    HELD = "held"
    WAITING = "waiting"
    """Expired, and to be heard still"""


GRACE_DAYS = 7
"""Between expiry and destruction: time to see from the protocol that a term was wrong."""
NOTICE_DAYS = 2
"""From the local day on which a term is set: a whole day, at least, on which the dry run shows what it will do."""
LEAST_DAYS, MOST_DAYS = 1, 36_525


@dataclass(frozen=True, slots=True)
class Policy:
    """Recordings of one kind of call go `keep_days` after the local day of the call, from the day `acts_on` on."""

    kind: Kind
    keep_days: int
    acts_on: date = date.min


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one recording today, and why."""

    action: str
    """expire, destroy or keep"""
    reason: Reason
    why: str


def kind_of(direction: str, line: str | None, marks: Collection[str]) -> Kind:
    """The kind of a call by its record."""
    if "complaint" in marks:
        return Kind.COMPLAINT
    if line == "emergency":
        return Kind.EMERGENCY
    return Kind.OUTBOUND if direction == "outbound" else Kind.HOTLINE


def due_on(day: date, policy: Policy) -> date:
    """The first local day on which a recording of `day` is over its time."""
    return day + timedelta(days=policy.keep_days + 1)


def judge(
    kind: Kind | None,
    day: date,
    expired_on: date | None,
    policies: Mapping[Kind, Policy],
    held: str | None,
    today: date,
) -> Verdict:
    """What becomes of a recording of that local day. `kind` None: its call's record is not there, nobody can tell."""
    if kind is None:
        return _keep(Reason.KIND_UNKNOWN, "its call's record is not there: its kind is not known")
    policy = policies.get(kind)
    if policy is None:
        return _keep(Reason.NO_POLICY, f"no policy for {kind.value}")
    if today < due_on(day, policy):
        return _keep(Reason.WITHIN_TERM, f"kept until {due_on(day, policy)}")
    if held is not None:
        return _keep(Reason.HELD, f"held: {held}")
    if today < policy.acts_on:
        return _keep(Reason.NEW_POLICY, f"the term for {kind.value} acts from {policy.acts_on} on")
    if expired_on is None:
        why = f"{kind.value}: {policy.keep_days} days are over since {due_on(day, policy)}"
        return Verdict("expire", Reason.DUE, why)
    # what expired by a term that was withdrawn since is seen in this one's time, too, before it goes
    gone_on = max(expired_on, due_on(day, policy), policy.acts_on) + timedelta(days=GRACE_DAYS)
    if today < gone_on:
        return _keep(Reason.WAITING, f"expired on {expired_on}, destroyed from {gone_on} on")
    return Verdict("destroy", Reason.DUE, f"{kind.value}: expired on {expired_on}")


def _keep(reason: Reason, why: str) -> Verdict:
    return Verdict("keep", reason, why)


def ends_before(policies: Mapping[Kind, Policy], today: date) -> dict[Kind, date]:
    """By kind of call that has a term: the first local day whose recordings are within it still."""
    return {kind: today - timedelta(days=policy.keep_days) for kind, policy in policies.items()}
