"""What is told beside audio that leaves the house: what it is, what proves it, who took it and why. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from callcenter.calls.printing import local_time
from callcenter.clock import LOCAL_ZONE
from callcenter.listening.repository import CALL
from callcenter.recordings.encoding import SUFFIXES
from callcenter.recordings.playbacks import Listening

VERSION = 1
FACTS = (
    "id", "call_id", "pbx", "state", "reason", "started_at", "ended_at", "seconds", "flags", "channels", "media_type",
    "bytes", "sha256", "sealed_bytes", "sealed_sha256", "site_key",
)  # fmt: skip
PROOF = ("pbx", "seq", "before", "entry", "hash", "signature")
CSV = (
    "file", "error", "id", "call_id", "started_at", "seconds", "state", "flags", "bytes", "sha256", "sealed_sha256",
    "chain_seq", "chain_hash", "caller_number", "line", "agent", "outcome",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Taken:
    """One recording of a set: under which name, or why its audio is not there."""

    row: Mapping[str, Any]
    file: str | None
    error: str | None = None


def audio_name(row: Mapping[str, Any]) -> str:
    """The hotline's wall clock at its begin and its id: nothing that a caller could have chosen."""
    began = row["started_at"].astimezone(LOCAL_ZONE)
    return f"{began:%Y%m%dT%H%M%S}_{row['id']}{SUFFIXES[row['media_type']]}"


def entry_of(taken: Taken) -> dict[str, Any]:
    """`chain`: hash = SHA-256(before ‖ entry), signed (Ed25519) by the PBX's chain key; null when it is unsealed."""
    row = taken.row
    call = {name: row[f"call_{name}"] for name in CALL} if row["call_outcome"] is not None else None
    chain = {name: row[f"chain_{name}"] for name in PROOF} if row["chain_seq"] is not None else None
    facts = {name: row[name] for name in FACTS}
    return {"file": taken.file, "error": taken.error, "recording": facts, "call": call, "chain": chain}


def manifest(taken: Sequence[Taken], listening: Listening, at: datetime, **more: Any) -> dict[str, Any]:
    """The whole manifest; `more` stands beside the recordings."""
    who = {"by": listening.by, "why": listening.why, "address": listening.address}
    head: dict[str, Any] = {"version": VERSION, "taken": {**who, "at": at, "local_time": local_time(at)}}
    return head | more | {"recordings": [entry_of(each) for each in taken]}


def table(taken: Sequence[Taken]) -> list[list[Any]]:
    """The manifest as rows, header first."""
    return [list(CSV), *([_cell(each, name) for name in CSV] for each in taken)]


def _cell(taken: Taken, name: str) -> Any:
    row = taken.row
    if name in ("file", "error"):
        return getattr(taken, name)
    value = row[name] if name in row else row[f"call_{name}"]
    return " ".join(value) if isinstance(value, list) else value
