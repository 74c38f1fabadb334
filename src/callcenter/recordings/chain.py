"""The hash chain: an entry for each thing that became of a recording, each bound to all before it. Pure.

hash = SHA-256(hash before ‖ entry), an entry being canonical JSON (RFC 8785's rules for what we use: sorted names, no
blanks, UTF-8, integers and text alone). The hash is signed (Ed25519, RFC 8032). Whoever changes, removes or adds an
entry must make all later ones anew, and sign them; whoever kept a *head* (a hash with its number) sees it even then.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from callcenter.errors import InvalidInput

GENESIS = hashlib.sha256(b"callcenter recordings").hexdigest()
"""What the first entry follows."""
CONTEXT = b"callcenter chain "


@dataclass(frozen=True, slots=True)
class Head:
    """Where a PBX's chain stands. Kept elsewhere, it proves that nothing before it was changed since."""

    pbx: str
    seq: int
    hash: str
    signature: str

    def as_line(self) -> str:
        """One line of JSON, as it is kept and as `verify` reads it."""
        return orjson.dumps(self, option=orjson.OPT_SORT_KEYS).decode()


@dataclass(frozen=True, slots=True)
class Link:
    """One entry in its place."""

    seq: int
    entry: str
    hash: str
    signature: str


def canonical(facts: Mapping[str, Any]) -> str:
    """An entry as text. Raises `TypeError` on a float: two programs may write it differently."""
    if any(isinstance(value, float) for value in facts.values()):
        raise TypeError("a float has no canonical text")
    return orjson.dumps(dict(facts), option=orjson.OPT_SORT_KEYS).decode()


def json_sha256(value: Any) -> str:
    """Of JSON that a database may have given back: names sorted, no minus before a zero."""
    return hashlib.sha256(orjson.dumps(_without_minus_zero(value), option=orjson.OPT_SORT_KEYS)).hexdigest()


def _without_minus_zero(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_minus_zero(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_minus_zero(each) for each in value]
    return value + 0.0 if isinstance(value, float) else value


def hash_of(before: str, entry: str) -> str:
    return hashlib.sha256(bytes.fromhex(before) + entry.encode()).hexdigest()


def _signed(pbx: str, seq: int, digest: str) -> bytes:
    return CONTEXT + f"{pbx} {seq} {digest}".encode()


class Signer:
    """Extends a PBX's chain."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    def __repr__(self) -> str:
        return "Signer(…)"

    @property
    def public(self) -> Ed25519PublicKey:
        return self._key.public_key()

    def link(self, pbx: str, seq: int, before: str, facts: Mapping[str, Any]) -> Link:
        """The entry number `seq` (from 1), after the hash of the one before."""
        entry = canonical({**facts, "pbx": pbx, "seq": seq})
        digest = hash_of(before, entry)
        return Link(seq, entry, digest, self._key.sign(_signed(pbx, seq, digest)).hex())


def is_signed(public: Ed25519PublicKey, head: Head) -> bool:
    """Whether that key's owner signed the head."""
    try:
        public.verify(bytes.fromhex(head.signature), _signed(head.pbx, head.seq, head.hash))
    except (InvalidSignature, ValueError):
        return False
    return True


def read_head(line: str | bytes) -> Head:
    """A head from its line. Raises `InvalidInput`."""
    try:
        facts = orjson.loads(line)
        head = Head(str(facts["pbx"]), int(facts["seq"]), str(facts["hash"]), str(facts["signature"]))
    except (ValueError, KeyError, TypeError) as error:
        mend = "give lines that callcenter recordings head printed"
        raise InvalidInput(where="heads", what=f"no head of a chain: {error}", mend=mend) from None
    return head
