"""API keys: 256 random bits, shown once; only their SHA-256 is kept.

A random key needs no slow hash, and looking it up by its digest takes as long for a wrong key as for a right one.
"""

import hashlib
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.access import repository
from callcenter.errors import PartUnavailable
from callcenter.http.auth import Owner

FRESH_SECONDS = 5.0
"""A revoked key is refused after so long at the latest."""
WITHOUT_DATABASE_SECONDS = 600.0
"""While the database doesn't answer, a key seen so recently may still ask for the health of the parts."""
REMEMBERED = 1000


def new_key() -> str:
    """A key as clients send it."""
    return f"cc_{secrets.token_urlsafe(32)}"


def fingerprint(key: str) -> str:
    """What the database keeps of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


async def issue(engine: AsyncEngine, name: str, *, may_change: bool) -> str:
    """Make a key for `name` and return it, the only time it is seen. Raises `InvalidInput` on a taken name."""
    key = new_key()
    await repository.add_key(engine, name, fingerprint(key), may_change=may_change)
    return key


async def register(engine: AsyncEngine, name: str, key: str) -> None:
    """Make `key` the key of `name`, whatever it was before: for keys that are kept elsewhere. It may change things."""
    await repository.put_key(engine, name, fingerprint(key), may_change=True)


@dataclass(slots=True)
class _Known:
    owner: Owner
    checked_at: float


class KeyRing:
    """Answers whose a key is, from memory for a few seconds, else from the database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def owner(self, key: str) -> Owner | None:
        """Whose the key is, None for unknown and revoked ones. Raises `PartUnavailable`."""
        digest = fingerprint(key)
        known = self._known.get(digest)
        age = time.monotonic() - known.checked_at if known else 0.0
        if known and age < FRESH_SECONDS:
            return known.owner
        try:
            owner = await repository.key_owner(self._engine, digest)
        except PartUnavailable:
            if known and age < WITHOUT_DATABASE_SECONDS:
                return known.owner
            raise
        self._remember(digest, owner)
        return owner

    def _remember(self, digest: str, owner: Owner | None) -> None:
        self._known.pop(digest, None)
        if owner is None:
            return
        self._known[digest] = _Known(owner, time.monotonic())
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
