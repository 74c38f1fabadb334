"""What our dialplan says of a call by CELGenUserEvent (dialplans/), and what follows for the call's state."""

from collections.abc import Callable

from callcenter.calls.state import CallState
from callcenter.journal.facts import CelFact

INTRODUCTIONS = frozenset({"LINE", "REJECTED"})
"""The first thing the dialplan says of a caller from the trunk, once it has cleaned who he says he is."""


def _said_line(call: CallState, fact: CelFact, extra: str) -> None:
    call.line = extra


def _said_service(call: CallState, fact: CelFact, extra: str) -> None:
    mode, _, source = extra.partition(";")
    call.service, call.service_source = mode, source or None
    call.note(fact.at, "service", extra)


def _said_notice(call: CallState, fact: CelFact, extra: str) -> None:
    call.notice_played = extra in {"", "SUCCESS"}
    call.note(fact.at, "notice_played", extra)


def _said_recording(call: CallState, fact: CelFact, extra: str) -> None:
    call.recordings.append((extra, fact.at))
    call.note(fact.at, "recording_started", extra)


def _said_queue_result(call: CallState, fact: CelFact, extra: str) -> None:
    queue, _, status = extra.partition(";")
    for visit in reversed(call.visits):
        if visit.queue == queue and visit.uniqueid == fact.uniqueid:
            visit.status = visit.status or status or None
            break
    call.note(fact.at, "queue_result", extra)


def _said_rejected(call: CallState, fact: CelFact, extra: str) -> None:
    call.rejected = extra or "rejected"
    call.note(fact.at, "rejected", extra)


def _said_notice_failed(call: CallState, fact: CelFact, extra: str) -> None:
    call.note(fact.at, "notice_failed", extra)
    call.anomalies.append("notice_failed")


def _said_closed(call: CallState, fact: CelFact, extra: str) -> None:
    call.note(fact.at, "closed_played", extra)


USER_EVENTS: dict[str, Callable[[CallState, CelFact, str], None]] = {
    "LINE": _said_line,
    "SERVICE": _said_service,
    "NOTICE_PLAYED": _said_notice,
    "NOTICE_FAILED": _said_notice_failed,
    "RECORDING": _said_recording,
    "QUEUE_RESULT": _said_queue_result,
    "REJECTED": _said_rejected,
    "CLOSED_PLAYED": _said_closed,
}
"""What our dialplan says by CELGenUserEvent (dialplans/)."""
