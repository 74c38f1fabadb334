"""Call events as announcements: topic `calls/<call id>/<event>`, payloads documented in docs/mqtt.md."""

from typing import Any

from callcenter.calls.events import (
    AgentRinging,
    CallAbsorbed,
    CallAnswered,
    CallEnded,
    CallEvent,
    CallQueued,
    CallStarted,
)
from callcenter.calls.model import CallRecord
from callcenter.publishing.outbox import Announcement

SUMMARY_FIELDS = (
    *("pbx", "direction", "line", "caller_number", "caller_name", "did", "started_at", "answered_at", "ended_at"),
    *("wait_seconds", "ring_seconds", "talk_seconds", "hold_seconds", "agent", "outcome", "hung_up_by"),
    "notice_played",
)


def announcement_of(event: CallEvent) -> Announcement | None:
    """The announcement of one event; None for those that concern nobody outside."""
    match event:
        case CallStarted(call_id, at, direction, number, name, did):
            facts = {"direction": direction, "caller_number": number, "caller_name": name, "did": did}
            return _call(str(call_id), "started", at.isoformat(), facts)
        case CallQueued(call_id, at, queue):
            return _call(str(call_id), "queued", at.isoformat(), {"queue": queue})
        case AgentRinging(call_id, at, agent):
            return _call(str(call_id), "ringing", at.isoformat(), {"agent": agent})
        case CallAnswered(call_id, at, agent):
            return _call(str(call_id), "answered", at.isoformat(), {"agent": agent})
        case CallAbsorbed(call_id, into, at):
            return _call(str(call_id), "absorbed", at.isoformat(), {"into": str(into)})
        case CallEnded(record, again):
            facts = summary(record)
            return _call(str(record.id), "amended" if again else "ended", facts["ended_at"], facts)
    return None


def summary(record: CallRecord) -> dict[str, Any]:
    """The record's plain fields, as the API's list shows them."""
    facts = {name: getattr(record, name) for name in SUMMARY_FIELDS}
    return {k: v.isoformat() if hasattr(v, "isoformat") else v for k, v in facts.items()}


def _call(call_id: str, event: str, at: str, facts: dict[str, Any]) -> Announcement:
    payload = {"event": event, "call_id": call_id, "at": at, **facts}
    return Announcement(f"calls/{call_id}/{event}", "call", call_id, payload)
