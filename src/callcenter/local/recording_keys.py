"""The keys of the recordings: made at the first start where the settings name none, read by who needs which.

The listener reads the public half and signs the chain; the API reads the private halves. Where they are different
machines, each is given only its own.
"""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from callcenter.errors import InvalidInput, SetupFailed
from callcenter.local.secrets import keep_new
from callcenter.recordings.chain import Signer
from callcenter.recordings.site_key import new_private, public_of
from callcenter.recordings.store import Store, StoreAddress, open_store
from callcenter.settings import Settings

MEND = "give an Ed25519 key as PEM, or let callcenter run make one"


def ensure(settings: Settings) -> None:
    """Make what is missing, unless the settings name a place of the administrator's. Raises `SetupFailed`."""
    try:
        if settings.recording_public_key is None and settings.recording_private_keys is None:
            _ensure_pair(settings.public_key_path, settings.private_keys_dir)
        if settings.recording_chain_key is None:
            _ensure_chain_key(settings.chain_key_path)
    except OSError as error:
        raise SetupFailed(what="Keys can't be kept", why=str(error), mend=f"make {settings.var_dir} writable") from None


def chain_public_path(chain_key: Path) -> Path:
    """The public half of the chain's key lies beside it: who verifies needs no more."""
    return chain_key.with_name(f"{chain_key.stem}.pub.pem")


def load_signer(settings: Settings) -> Signer:
    """Raises `InvalidInput`."""
    return Signer(load_chain_private(settings.chain_key_path))


def load_chain_private(path: Path) -> Ed25519PrivateKey:
    """Raises `InvalidInput`."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise InvalidInput(where=str(path), what=str(error), mend=MEND) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidInput(where=str(path), what="no Ed25519 key", mend=MEND)
    return key


def load_chain_public(settings: Settings) -> Ed25519PublicKey:
    """Raises `InvalidInput`."""
    path = chain_public_path(settings.chain_key_path)
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InvalidInput(where=str(path), what=str(error), mend=MEND) from None
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidInput(where=str(path), what="no Ed25519 key", mend=MEND)
    return key


def _ensure_pair(public: Path, folder: Path) -> None:
    """The private half first: nothing may be sealed for a key that was not kept."""
    if public.exists():
        return
    private = folder / "site.pem"
    _keep(private, new_private())
    _keep(public, public_of(private))


def _ensure_chain_key(path: Path) -> None:
    if path.exists() and chain_public_path(path).exists():
        return
    _keep(path, _pem(Ed25519PrivateKey.generate()))
    open_half = load_chain_private(path).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    _keep(chain_public_path(path), open_half.decode())


def _pem(key: Ed25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _keep(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    keep_new(path, text)


def store_of(settings: Settings) -> Store:
    """Where sealed recordings are kept. Raises `InvalidInput`."""
    return open_store(
        StoreAddress(
            settings.recording_store or str(settings.recordings_dir),
            settings.recording_store_endpoint,
            settings.recording_store_region,
            settings.recording_store_key_id,
            settings.recording_store_secret.get_secret_value(),
            settings.recording_store_plain_http,
        )
    )
