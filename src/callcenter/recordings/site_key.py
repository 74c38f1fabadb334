"""The site's key pair: whoever records has the public half alone, whoever may listen has the private one.

Each file's own key is wrapped for it by HPKE (RFC 9180: X25519, HKDF-SHA256, AES-256-GCM), bound to its recording.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from callcenter.errors import InvalidInput

SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def fingerprint(public: X25519PublicKey) -> str:
    """Names a site's key: the first 16 bytes of its SHA-256."""
    return hashlib.sha256(public.public_bytes_raw()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class PublicHalf:
    """Wraps keys; can't unwrap one."""

    key: X25519PublicKey

    @property
    def name(self) -> str:
        return fingerprint(self.key)

    def wrap(self, file_key: bytes, recording: UUID) -> bytes:
        return SUITE.encrypt(file_key, self.key, info=_bound_to(recording))


class PrivateHalves:
    """The private keys of a site: every `*.pem` of a folder. Old ones stay, for what they have sealed.

    A key that is not known is looked for once more: it may have been put there since.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keys: dict[str, X25519PrivateKey] = {}

    def unwrap(self, wrapped: bytes, name: str, recording: UUID) -> bytes:
        """A file's key. Raises `LookupError` when we have not the site's key of that name, or it does not fit."""
        try:
            return SUITE.decrypt(wrapped, self._named(name), info=_bound_to(recording))
        except (InvalidTag, ValueError):
            raise LookupError("the file's key was changed") from None

    def _named(self, name: str) -> X25519PrivateKey:
        if name not in self._keys:
            try:
                keys = [_private(path) for path in sorted(self._folder.glob("*.pem"))]
            except InvalidInput as error:
                raise LookupError(str(error)) from None
            self._keys = {fingerprint(key.public_key()): key for key in keys}
        if name not in self._keys:
            raise LookupError(f"the site's key {name} is not here")
        return self._keys[name]


def _bound_to(recording: UUID) -> bytes:
    return b"callcenter recording " + recording.bytes


def new_private() -> str:
    """A fresh private key as PEM."""
    return X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_of(private: Path) -> str:
    """The public half of the key in a PEM file, as PEM. Raises `InvalidInput`."""
    public = _private(private).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def load_public(path: Path) -> PublicHalf:
    """Raises `InvalidInput`."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InvalidInput(where=str(path), what=str(error), mend="give a PEM file with an X25519 public key") from None
    if not isinstance(key, X25519PublicKey):
        raise InvalidInput(where=str(path), what="no X25519 key", mend="give a PEM file with an X25519 public key")
    return PublicHalf(key)


def _private(path: Path) -> X25519PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise InvalidInput(where=str(path), what=str(error), mend="give an X25519 private key as PEM") from None
    if not isinstance(key, X25519PrivateKey):
        raise InvalidInput(where=str(path), what="no X25519 key", mend="give an X25519 private key as PEM")
    return key
