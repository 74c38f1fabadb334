"""Walks along the chains, entry by entry, and says where they are not what they must be. Pure.

After a fault the walk goes on from what stands there, so that one change is said once.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from callcenter.recordings.chain import GENESIS, Head, canonical, hash_of, is_signed
from callcenter.recordings.deviations import Deviation


class ChainWalk:
    """Takes rows of `recording_chain` in the order of pbx and seq.

    With `every` all signatures are checked, else each chain's last one: it vouches for all before it.
    """

    def __init__(self, public: Ed25519PublicKey, *, every: bool) -> None:
        self._public, self._every = public, every
        self._row: Any = None
        self._next, self._before = 1, GENESIS
        self.began: dict[str, datetime | None] = {}
        """Of each chain's PBX, as the first entry that is there says it; None when it says nothing"""

    def step(self, row: Any) -> Iterator[Deviation]:
        """What is wrong with this row in this place."""
        if self._row is None or row.pbx != self._row.pbx:
            yield from self.finish()
            self._next, self._before = 1, GENESIS
            self.began[row.pbx] = _instant(facts_of(row.entry).get("at"))
        if row.seq != self._next:
            yield _at(row, "gap", f"entry {self._next}", f"entry {row.seq}")
        if (digest := self._digest(row)) != row.hash:
            yield _at(row, "hash", digest, row.hash)
        yield from _place(row)
        if self._every:
            yield from self._signature(row)
        self._row, self._next, self._before = row, row.seq + 1, row.hash

    def finish(self) -> Iterator[Deviation]:
        """The end of a chain: its last signature."""
        if self._row is not None and not self._every:
            yield from self._signature(self._row)

    def _digest(self, row: Any) -> str:
        try:
            return hash_of(self._before, row.entry)
        except ValueError:  # what stands as the hash before is no hash: it was told there
            return str(row.hash)

    def _signature(self, row: Any) -> Iterator[Deviation]:
        if not is_signed(self._public, Head(row.pbx, row.seq, row.hash, row.signature)):
            yield _at(row, "signature", "a signature of the site's key", row.signature[:32])


def facts_of(entry: str) -> dict[str, Any]:
    """An entry's facts; none when it is no entry at all."""
    try:
        facts = orjson.loads(entry)
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _instant(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        return None
    return moment if moment.tzinfo else None


def _place(row: Any) -> Iterator[Deviation]:
    """What an entry says of itself, against where it stands."""
    facts = facts_of(row.entry)
    if not facts or not _is_canonical(facts, row.entry):
        yield _at(row, "entry_unreadable", "an entry as canonical JSON", row.entry[:80])
        return
    said = [facts.get(name) for name in ("pbx", "seq", "kind", "recording")]
    stands = [row.pbx, row.seq, row.kind, str(row.recording_id) if row.recording_id else None]
    if said != stands:
        yield _at(row, "place", " ".join(map(str, said)), " ".join(map(str, stands)))


def _is_canonical(facts: dict[str, Any], entry: str) -> bool:
    try:
        return canonical(facts) == entry
    except (TypeError, ValueError):
        return False


def _at(row: Any, kind: str, expected: str, found: str) -> Deviation:
    recording = str(row.recording_id) if row.recording_id else None
    return Deviation(kind, expected, found, row.pbx, row.seq, recording)
