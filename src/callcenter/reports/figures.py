"""The traffic report's rules: pure. docs/figures.md says the same in words; a change there is a new version here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from callcenter.calls.model import Line, Outcome, Service
from callcenter.errors import ReportUnbalanced

DEFINITION = "traffic/1"

SHORT_SECONDS = 5.0
"""An abandoned call that waited less is a short abandon."""

WITHIN_SECONDS = (15.0, 90.0)


class Slice(StrEnum):
    """The lines of the report; each inbound call is in exactly one."""

    HOTLINE = "hotline"
    """the hotline in service hours (open or duty): the contract's figures are about these"""
    HOTLINE_OUTSIDE_HOURS = "hotline_outside_hours"
    HOTLINE_HOURS_UNKNOWN = "hotline_hours_unknown"
    EMERGENCY = "emergency"
    OTHER = "other"
    """numbers that are no service of ours"""


NOT_INBOUND = (Outcome.INVALID, Outcome.CLOSED, Outcome.BLOCKED)
ABANDONED = (Outcome.ABANDONED_IN_QUEUE, Outcome.ABANDONED_RINGING)
OFFERED = (Outcome.ANSWERED, *ABANDONED, Outcome.TIMED_OUT, Outcome.QUEUE_FULL, Outcome.NO_AGENT)
"""Calls that were put to the agents: they came to a queue, even to a full or empty one."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Calls of one local day that are alike. Waits are seconds, summed."""

    day: date
    line: str | None
    service: str | None
    outcome: str
    calls: int
    wait_seconds: float = 0.0
    within_15: int = 0
    within_90: int = 0
    short: int = 0


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure with what it was made of; `value` is None when there was nothing to divide by."""

    name: str
    unit: str
    """calls, ratio or seconds"""
    value: float | None
    numerator: float
    denominator: float | None
    definition: str = DEFINITION


@dataclass(frozen=True, slots=True)
class Row:
    """A day, or the total (`day` None): the ledger of each slice, and the figures."""

    day: date | None
    received: int
    ledger: Mapping[Slice, Mapping[Outcome, int]]
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True)
class TrafficReport:
    """Local days [since, until), each with its row, and their total."""

    since: date
    until: date
    days: tuple[Row, ...]
    total: Row


def slice_of(line: str | None, service: str | None) -> Slice:
    """Where a call belongs."""
    if line == Line.EMERGENCY:
        return Slice.EMERGENCY
    if line != Line.HOTLINE:
        return Slice.OTHER
    if service in (Service.OPEN, Service.DUTY):
        return Slice.HOTLINE
    return Slice.HOTLINE_OUTSIDE_HOURS if service == Service.CLOSED else Slice.HOTLINE_HOURS_UNKNOWN


def make_report(
    since: date, until: date, days: Sequence[date], tallies: Sequence[Tally], received: Mapping[date, int]
) -> TrafficReport:
    """The report from tallies and an independent count of the calls received each day.

    Raises `ReportUnbalanced` when the outcomes don't add up to the calls received.
    """
    rows = tuple(_row(day, [t for t in tallies if t.day == day], received.get(day, 0)) for day in days)
    total = _row(None, tallies, sum(received.values()))
    if total.received != sum(row.received for row in rows):
        raise ReportUnbalanced(
            slice=f"{since}/{until}",
            numbers=f"received {total.received}, but {sum(r.received for r in rows)} on its days",
        )
    return TrafficReport(since, until, rows, total)


def _row(day: date | None, tallies: Sequence[Tally], received: int) -> Row:
    ledger = {part: dict.fromkeys(Outcome, 0) for part in Slice}
    for tally in tallies:
        if tally.outcome in set(Outcome):
            ledger[slice_of(tally.line, tally.service)][Outcome(tally.outcome)] += tally.calls
    hotline = [t for t in tallies if slice_of(t.line, t.service) is Slice.HOTLINE]
    figures = {figure.name: figure for figure in _figures(ledger[Slice.HOTLINE], hotline)}
    _check(day, ledger, figures, received)
    return Row(day, received, ledger, figures)


def _figures(outcomes: Mapping[Outcome, int], tallies: Iterable[Tally]) -> Iterable[Figure]:
    answered = outcomes[Outcome.ANSWERED]
    inbound = sum(outcomes.values()) - sum(outcomes[o] for o in NOT_INBOUND)
    spoke = [t for t in tallies if t.outcome == Outcome.ANSWERED]
    short = sum(t.short for t in tallies if t.outcome in ABANDONED)
    offered = sum(outcomes[o] for o in OFFERED) - short
    within_15, within_90 = sum(t.within_15 for t in spoke), sum(t.within_90 for t in spoke)
    yield _count("inbound", inbound)
    yield _count("answered", answered)
    yield _count("lost", inbound - answered)
    yield _ratio("loss_rate", inbound - answered, inbound)
    yield _ratio("connection_rate", answered, inbound)
    yield from _speed("answered_within_15", within_15, inbound)
    yield from _speed("answered_within_90", within_90, inbound)
    yield from _speed("answered_beyond_90", answered - within_90, inbound)
    yield _ratio("service_level_15", within_15, offered)
    yield _ratio("abandonment", sum(outcomes[o] for o in ABANDONED) - short, offered)
    yield _ratio("asa", round(sum(t.wait_seconds for t in spoke), 3), answered, unit="seconds")


def _speed(name: str, calls: int, inbound: int) -> Iterable[Figure]:
    yield _count(name, calls)
    yield _ratio(f"{name}_rate", calls, inbound)


def _count(name: str, calls: int) -> Figure:
    return Figure(name, "calls", calls, calls, None)


def _ratio(name: str, numerator: float, denominator: int, unit: str = "ratio") -> Figure:
    value = round(numerator / denominator, 6) if denominator else None
    return Figure(name, unit, value, numerator, denominator)


def _check(
    day: date | None,
    ledger: Mapping[Slice, Mapping[Outcome, int]],
    figures: Mapping[str, Figure],
    received: int,
) -> None:
    """A report that does not balance is not issued."""
    known = sum(sum(outcomes.values()) for outcomes in ledger.values())
    numbers = {name: figure.numerator for name, figure in figures.items()}
    faults = []
    if known != received:
        faults.append(f"received {received}, outcomes add up to {known}")
    if not 0 <= numbers["answered_within_15"] <= numbers["answered_within_90"] <= numbers["answered"]:
        faults.append(
            f"answered {numbers['answered']:.0f}, within 90 s {numbers['answered_within_90']:.0f}, "
            f"within 15 s {numbers['answered_within_15']:.0f}"
        )
    if min(numbers["lost"], numbers["abandonment"]) < 0:
        faults.append(f"lost {numbers['lost']:.0f}, abandoned {numbers['abandonment']:.0f}")
    if faults:
        raise ReportUnbalanced(slice=day or "the whole period", numbers="; ".join(faults))
