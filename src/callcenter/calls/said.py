"""What our dialplan says of a call by CELGenUserEvent (dialplans/), and what follows for the call's state."""

import re
from collections.abc import Callable

from callcenter.calls import emergency
from callcenter.calls.recorded import expect
from callcenter.calls.state import CallState
from callcenter.journal.facts import CelFact

MARK = re.compile("[a-z][a-z0-9_]{0,39}")

JOINS = "JOINS"

INTRODUCTIONS = frozenset({"LINE", "REJECTED", "CALLBACK_CALL"})
"""The first thing the dialplan says of a caller from the trunk, once it has cleaned who he says he is, and of a citizen
whom we rang back."""


def _said_line(call: CallState, fact: CelFact, extra: str) -> None:
    call.line = extra


def _said_service(call: CallState, fact: CelFact, extra: str) -> None:
    """What held when the call came in counts; closing time asks again while callers wait."""
    mode, source, reason = (*extra.split(";", 2), "", "")[:3]
    if call.service is None:
        call.service, call.service_source, call.service_reason = mode, source or None, reason or None
    call.note(fact.at, "service", extra)


def _said_notice(call: CallState, fact: CelFact, extra: str) -> None:
    call.notice_played = extra in {"", "SUCCESS"}
    call.note(fact.at, "notice_played", extra)


def _said_recording(call: CallState, fact: CelFact, extra: str) -> None:
    expect(call, extra, fact.at, fact.uniqueid).begun_at = fact.at
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


def _said_menu(call: CallState, fact: CelFact, extra: str) -> None:
    call.menu_choice = extra
    call.note(fact.at, "menu_choice", extra)


def _said_mark(call: CallState, fact: CelFact, extra: str) -> None:
    """`MARK,<mark>[;detail]`: a fact beside the outcome, such as voicemail, callback, complaint or overflow."""
    mark, _, detail = extra.partition(";")
    if MARK.fullmatch(mark):
        call.marks.add(mark)
        call.note(fact.at, mark, detail)
    else:
        call.anomalies.append("mark_unreadable")


def _said_note(call: CallState, fact: CelFact, extra: str) -> None:
    """`NOTE,<kind>[;detail]`: an entry of the timeline alone."""
    kind, _, detail = extra.partition(";")
    call.note(fact.at, kind if MARK.fullmatch(kind) else "note", detail)


def _said_callback(call: CallState, fact: CelFact, extra: str) -> None:
    """`CALLBACK,<number>;<queue>;<place epoch>`: the caller hangs up and keeps his place (dialplans/callback.conf)."""
    call.marks.add("callback")
    call.note(fact.at, "callback", extra)


def _said_callback_call(call: CallState, fact: CelFact, extra: str) -> None:
    """`CALLBACK_CALL,<id>`: this is our call back to him."""
    call.marks.add("callback")
    call.note(fact.at, "callback_call", extra)


def _said_joins(call: CallState, fact: CelFact, extra: str) -> None:
    """`JOINS,<linkedid>`: this channel belongs to that call (dialplans/conference.conf); the tracker merges them."""
    channel = call.channels.get(fact.uniqueid)
    call.note(fact.at, "joined", (channel.agent or channel.number) if channel else "")


USER_EVENTS: dict[str, Callable[[CallState, CelFact, str], None]] = {
    "LINE": _said_line,
    "SERVICE": _said_service,
    "NOTICE_PLAYED": _said_notice,
    "NOTICE_FAILED": _said_notice_failed,
    "RECORDING": _said_recording,
    "QUEUE_RESULT": _said_queue_result,
    "REJECTED": _said_rejected,
    "CLOSED_PLAYED": _said_closed,
    "MENU": _said_menu,
    "MARK": _said_mark,
    "NOTE": _said_note,
    "EMERGENCY_CHAIN": emergency.said_chain,
    "EMERGENCY_UNANSWERED": emergency.said_unanswered,
    "MOBILE": emergency.said_mobile,
    "CALLBACK": _said_callback,
    "CALLBACK_CALL": _said_callback_call,
    JOINS: _said_joins,
}
"""What our dialplan says by CELGenUserEvent (dialplans/)."""
