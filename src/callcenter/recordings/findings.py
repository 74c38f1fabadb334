"""What became of a recording, as its row, its entry in the chain and its announcement say it. Pure."""

from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from callcenter.publishing.outbox import Announcement
from callcenter.recordings import judging
from callcenter.recordings.chain import json_sha256
from callcenter.recordings.judging import Facts
from callcenter.recordings.legs import Found
from callcenter.recordings.model import EXCUSED, QUIET, Flag, State, Step
from callcenter.recordings.pauses import Pause, in_text, is_silent, pauses_of
from callcenter.recordings.sealing import Sealed

ENTRY_VERSION = 1


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a recording."""

    state: State
    steps: tuple[Step, ...]
    reason: str | None = None
    flags: tuple[Flag, ...] = ()
    sealed: Sealed | None = None


def of_sealed(row: Any, found: Found | None, sealed: Sealed, at: datetime) -> Finding:
    """`found` are the legs it was made of; None when they are gone, or it is older than seals are."""
    pauses = pauses_of(row.life, row.started_at, sealed.seconds)
    facts = facts_of(row, found, sealed.seconds, pauses)
    peaks = b64decode(sealed.peaks)
    unheard = judging.unheard_share(peaks, facts.talk_from or 0.0, facts.talk_seconds)
    flags = judging.flags_of(sealed.seconds, sealed.heard, unheard, facts)
    if not all(is_silent(pause, sealed.heard["gaps"]) for pause in pauses):
        flags.append(Flag.PAUSE_HEARD)
    reason = judging.in_words(flags, sealed.seconds, sealed.heard, facts)
    steps = [Step(State.SEALED, at, sealed.file)]
    steps[:0] = [Step(State.VERIFIED, at, reason or "")]
    steps[:0] = _closing(found)
    return Finding(State.SEALED, tuple(steps), reason, tuple(flags), sealed)


def facts_of(row: Any, found: Found | None, seconds: float, pauses: Sequence[Pause]) -> Facts:
    """What the record says beside the audio of so many seconds."""
    over = (row.ended_at - row.started_at).total_seconds() if row.ended_at else None
    talk_from = (row.talk_at - row.started_at).total_seconds() if row.talk_at else None
    legs = sum(leg.begun for leg in found.files) if found else 2
    closed = found.closed if found else True
    after = _changed_after(row, found, seconds)
    beheaded = found is not None and found.beheaded
    unreadable = found.unreadable if found else ()
    talk = row.talk_seconds or 0.0
    return Facts(over, talk_from, talk, closed, legs, pauses, after, beheaded, unreadable, _excused(row.life))


def was_seen(life: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the watch saw both files grow."""
    return any(step["state"] == State.RECORDING for step in life)


def _excused(life: Sequence[Mapping[str, Any]]) -> set[Flag]:
    quiet = {str(step["cause"]) for step in life if step["state"] == QUIET}
    sides = {"caller": Flag.CALLER_SILENT, "agent": Flag.AGENT_SILENT}
    return {flag for side, flag in sides.items() if EXCUSED.format(side=side) in quiet}


def _changed_after(row: Any, found: Found | None, seconds: float) -> float:
    """Of a recording that was seen to be made: who brings files from elsewhere gives them their times."""
    if found is None or row.ended_at is None or not was_seen(row.life):
        return 0.0
    over = max(row.ended_at, row.started_at + timedelta(seconds=seconds))
    return float((found.changed_at - over).total_seconds())


def _closing(found: Found | None) -> list[Step]:
    if found is None:
        return []
    if found.closed:
        mended = [Step("repaired", found.closed_at, judging.BEHEADED)] if found.beheaded else []
        return [Step(State.CLOSED, found.closed_at, "Asterisk closed both files"), *mended]
    sizes = ", ".join(
        f"{leg.path.name}: {leg.audio_bytes} bytes, header {max(leg.said_bytes, 0)}" for leg in found.files
    )
    return [Step(State.CLOSED, found.closed_at, "the last audio"), Step("repaired", found.closed_at, sizes)]


def values_of(finding: Finding) -> dict[str, Any]:
    """The row's new columns; `life` and `flags` are added to what is there."""
    sealed = finding.sealed
    values: dict[str, Any] = {
        "state": finding.state.value,
        "reason": finding.reason,
        "flags": [flag.value for flag in finding.flags],
        "life": [step.as_json() for step in finding.steps],
    }
    if sealed is not None:
        values |= {name: getattr(sealed, name) for name in SEALED_COLUMNS}
        values |= {"path": sealed.file, "channels": 2, "heard": sealed.heard, "store": None}
    return values


SEALED_COLUMNS = ("media_type", "seconds", "bytes", "sha256", "sealed_bytes", "sealed_sha256")


def entry_of(row: Any, finding: Finding, flags: Sequence[str], life: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the chain holds of it: whole numbers and text, nothing of a caller."""
    facts: dict[str, Any] = {"v": ENTRY_VERSION, "kind": finding.state.value, "recording": str(row.id)}
    facts |= {"name": row.name, "started_at": row.started_at.isoformat(), "at": finding.steps[-1].at.isoformat()}
    facts |= {"flags": " ".join(flags), "reason": finding.reason or ""}
    facts["life_sha256"] = json_sha256(life)
    sealed = finding.sealed
    if sealed is not None:
        facts |= {name: getattr(sealed, name) for name in SEALED_COLUMNS if name != "seconds"}
        facts |= {"milliseconds": round(sealed.seconds * 1000), "site_key": sealed.site_key}
        facts["pauses"] = in_text(pauses_of(row.life, row.started_at, sealed.seconds))
        facts["heard_sha256"] = json_sha256(sealed.heard)
        facts["wrapped_sha256"] = sha256(b64decode(sealed.wrapped)).hexdigest()
        facts["peaks_sha256"] = sha256(b64decode(sealed.peaks)).hexdigest()
    return facts


def announcement_of(row: Any, finding: Finding) -> Announcement:
    """For those who follow the call."""
    payload = {
        "event": "recording",
        "call_id": str(row.call_id),
        "at": finding.steps[-1].at.isoformat(),
        "recording_id": str(row.id),
        "state": finding.state.value,
        "reason": finding.reason,
        "flags": [flag.value for flag in finding.flags],
        "seconds": finding.sealed.seconds if finding.sealed else None,
    }
    return Announcement(f"calls/{row.call_id}/recording", "call", str(row.call_id), payload)
