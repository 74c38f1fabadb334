"""Deployments on record: a file each beside Asterisk, so that one can go back with no database, and a row each in it.

What is kept holds no password: each known secret stands as a name, and is filled in anew on the way back, so that a
roll-back does not bring back a password that was changed since.
"""

import base64
import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.dialplan.placing import replace_file
from callcenter.dialplan.sounds import Sound, Sounds
from callcenter.dialplan.tables import deployments
from callcenter.errors import NotFound

KEPT = 30
"""Deployments kept beside Asterisk; the database keeps all."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment. `files` maps names to texts with secrets named instead of said."""

    number: int
    made_by: str
    at: datetime
    files: Mapping[str, str]
    changes: tuple[str, ...]
    result: str
    """deployed, rolled_back (a step failed) or started (written by `callcenter run`)"""
    reason: str = ""
    why: str = ""
    """Of a roll-back: what failed"""
    self_test: tuple[str, ...] = ()
    back_to: int | None = None
    """The deployment that this one brought back"""
    sounds: Sounds = field(default_factory=dict)
    """Prompts that were put in force with the files; none: those of before stayed"""

    @property
    def fingerprint(self) -> str:
        """Changes when a file or a prompt does."""
        return fingerprint(self.files, self.sounds)

    @property
    def in_force(self) -> bool:
        """Whether its files were left in force."""
        return self.result != "rolled_back"


def fingerprint(files: Mapping[str, str], sounds: Sounds) -> str:
    """SHA-256 over names and texts, and over the prompts' own fingerprints."""
    digest = hashlib.sha256()
    for name, text in sorted([*files.items(), *((key, sound.made) for key, sound in sounds.items())]):
        digest.update(f"{name}\0{text}\0".encode())
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Vault:
    """The secrets of this installation: hidden in what is kept, filled in on the way back."""

    secrets: Mapping[str, str] = field(repr=False)
    """Name → secret"""

    def hide(self, files: Mapping[str, str]) -> dict[str, str]:
        hidden = dict(files)
        for name, secret in sorted(self.secrets.items(), key=lambda item: -len(item[1])):
            hidden = {file: text.replace(secret, f"<<secret {name}>>") for file, text in hidden.items()}
        return hidden

    def reveal(self, files: Mapping[str, str]) -> dict[str, str]:
        shown = dict(files)
        for name, secret in self.secrets.items():
            shown = {file: text.replace(f"<<secret {name}>>", secret) for file, text in shown.items()}
        return shown


class Archive:
    """The folder of deployments beside Asterisk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def all(self) -> list[Deployment]:
        """Oldest first; a torn file counts as none."""
        return [d for path in sorted(self.folder.glob("*.json")) if (d := _read(path))]

    def next_number(self) -> int:
        return max((d.number for d in self.all()), default=0) + 1

    def get(self, number: int) -> Deployment:
        """Raises `NotFound`."""
        found = next((d for d in self.all() if d.number == number), None)
        if found is None:
            raise NotFound(kind="deployment", key=number)
        return found

    def before(self) -> Deployment:
        """The last one in force before the present one. Raises `NotFound`."""
        forced = [d for d in self.all() if d.in_force]
        earlier = [d for d in forced[:-1] if d.fingerprint != forced[-1].fingerprint]
        if not earlier:
            raise NotFound(kind="earlier", key="deployment")
        return earlier[-1]

    def add(self, deployment: Deployment) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        facts = {**asdict(deployment), "at": deployment.at.isoformat(), "files": pack(deployment.files)}
        replace_file(self.folder / f"{deployment.number:08d}.json", json.dumps(facts, ensure_ascii=False))
        for old in sorted(self.folder.glob("*.json"))[:-KEPT]:
            old.unlink()


def pack(files: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Name → SHA-256 and compressed text, as kept in files and rows."""
    return {name: {"sha256": _sha(text), "zlib": _squeezed(text)} for name, text in files.items()}


def unpack(packed: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {name: zlib.decompress(base64.b64decode(kept["zlib"])).decode() for name, kept in packed.items()}


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _squeezed(text: str) -> str:
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def _read(path: Path) -> Deployment | None:
    try:
        facts = json.loads(path.read_text("utf-8"))
        return Deployment(
            **{
                **facts,
                "at": datetime.fromisoformat(facts["at"]),
                "files": unpack(facts["files"]),
                "sounds": {key: Sound(**sound) for key, sound in facts.get("sounds", {}).items()},
                "changes": tuple(facts["changes"]),
                "self_test": tuple(facts["self_test"]),
            }
        )
    except (OSError, ValueError, KeyError, TypeError, zlib.error):
        return None


async def store(connection: AsyncConnection, pbx: str, made: Iterable[Deployment]) -> None:
    """Put deployments into the database; those that are there already stay as they are."""
    for d in made:
        row = {**asdict(d), "pbx": pbx, "fingerprint": d.fingerprint, "files": pack(d.files)}
        await connection.execute(insert(deployments).values(row).on_conflict_do_nothing())


async def stored_numbers(connection: AsyncConnection, pbx: str) -> list[int]:
    """Numbers of the deployments that the database has, oldest first."""
    rows = select(deployments.c.number).where(deployments.c.pbx == pbx).order_by(deployments.c.number)
    return list((await connection.execute(rows)).scalars())
