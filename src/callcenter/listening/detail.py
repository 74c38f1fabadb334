"""One recording as the API and its page show it. Pure."""

from typing import Any

from callcenter.listening.markers import markers_of
from callcenter.listening.repository import CALL, RECORDING
from callcenter.recordings.model import State

CHAIN = ("pbx", "seq", "hash", "signature")


ANSWERED = "the caller's channel was answered"


def _expected(row: dict[str, Any]) -> dict[str, Any]:
    """The first step of every life is the row's own begin: it is kept once."""
    return {"state": State.EXPECTED.value, "at": row["started_at"].isoformat(), "cause": ANSWERED}


def detail_of(row: dict[str, Any]) -> dict[str, Any]:
    """From the row that `repository.find_row` gives."""
    call = {name: row[f"call_{name}"] for name in CALL} if row["call_outcome"] is not None else None
    expected = (row["ended_at"] - row["started_at"]).total_seconds() if row["ended_at"] else None
    known = expected is not None and row["seconds"] is not None
    return {
        **{name: row[name] for name in RECORDING},
        "call": call,
        "life": [_expected(row), *row["life"]],
        "markers": markers_of(row["call_timeline"] or [], row["started_at"], row["seconds"]),
        "heard": row["heard"],
        "expected_seconds": expected,
        "difference_seconds": round(row["seconds"] - expected, 3) if known and expected is not None else None,
        "site_key": row["site_key"],
        "sealed_sha256": row["sealed_sha256"],
        "chain": {name: row[f"chain_{name}"] for name in CHAIN} if row["chain_seq"] is not None else None,
    }
