"""Passwords and the local key: made once at the first start, below `var/secrets` (folder 0700, files 0600)."""

import contextlib
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from callcenter.agents.pins import new_pin
from callcenter.errors import SetupFailed
from callcenter.settings import Settings


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the local parts prove themselves with. Never logged: `repr` shows none of it."""

    ami_password: str
    agent_passwords: dict[str, str]
    device_names: dict[str, str]
    """Phone's number → its SIP user, `d4f9c2a-1001`: nobody guesses it from the number."""
    api_key: str
    postgres_password: str
    mqtt_password: str
    agent_pins: dict[str, str] = field(default_factory=dict)
    """Agent → the PIN of the first start, for log-in at the phone; Postgres has the present one, hashed."""

    def __repr__(self) -> str:
        return "Secrets(…)"


def load_or_make(settings: Settings) -> Secrets:
    """Read the secrets, making those that are missing. Raises `SetupFailed` when the folder can't be used."""
    folder = settings.secrets_dir
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        return _all_of(settings, folder)
    except OSError as error:
        raise SetupFailed(
            what="Passwords can't be kept", why=str(error), mend=f"make {folder} writable for this user"
        ) from None


def _all_of(settings: Settings, folder: Path) -> Secrets:
    given = settings.ami_password
    return Secrets(
        ami_password=given.get_secret_value() if given else _one(folder / "ami"),
        agent_passwords={agent: _one(folder / f"agent-{agent}", length=9) for agent in settings.phones},
        device_names={agent: f"d{_one(folder / f'device-{agent}', length=3)}-{agent}" for agent in settings.phones},
        api_key=_one(folder / "api-key"),
        postgres_password=_one(folder / "postgres"),
        mqtt_password=_one(folder / "mqtt"),
        agent_pins={agent: _kept(folder / f"pin-{agent}", new_pin) for agent in settings.agents},
    )


def _one(path: Path, *, length: int = 32) -> str:
    """The password in `path`."""
    return _kept(path, lambda: _letters(length))


def _kept(path: Path, make: Callable[[], str]) -> str:
    """The secret in `path`; of two processes that make it at once, both get the same."""
    if not path.exists():
        keep_new(path, f"{make()}\n")
    return path.read_text().strip()


def keep_new(path: Path, text: str) -> None:
    """Write a file that only we may read, durably; who comes second keeps the first one's."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        os.link(fresh, path)
    fresh.unlink()


def _letters(length: int) -> str:
    """`length` random bytes in letters and digits alone: safe in every configuration file and on any phone."""
    return secrets.token_hex(length)
