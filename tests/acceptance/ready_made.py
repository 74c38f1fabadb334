"""What each home makes at its first start, made once a process and laid into the next ones before they start.

Prompts and hold music are seven seconds of processor time, an initialised and migrated database three: several dozen
hotlines of a run need not spend them each. Whoever tests the first start itself asks for a fresh hotline.
"""

import asyncio
import atexit
import secrets
import shutil
import subprocess
import tempfile
import threading
from functools import cache
from pathlib import Path

from callcenter.local import addresses, postgres
from callcenter.local.secrets import Secrets
from callcenter.settings import Settings
from callcenter.storage.migrate import migrate_url

SOUNDS = ("prompts", "moh")
"""Folders below Asterisk's data. A prompt's file is named by all that it is made of: others' do no harm."""
PASSWORD = secrets.token_hex(16)
"""The database knows it already when its home does not exist yet."""
_making = threading.Lock()


def choose_password(settings: Settings) -> None:
    """Let the secrets of a new home have the ready-made database's password."""
    settings.secrets_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    (settings.secrets_dir / "postgres").write_text(f"{PASSWORD}\n")


async def lay_database(settings: Settings, made: Secrets) -> None:
    """An empty one in this version's shape, its password in the home's secrets."""
    await asyncio.to_thread(_copy, await asyncio.to_thread(_database), addresses.cluster(settings, made).data)


def lay_sounds(settings: Settings) -> None:
    """Those that hotlines of this process made."""
    for name in SOUNDS:
        if (_folder() / name).exists():
            _copy(_folder() / name, settings.asterisk_dir / "data" / name)


def keep_sounds(settings: Settings) -> None:
    """Those that this hotline made may serve the next ones."""
    for name in SOUNDS:
        _copy(settings.asterisk_dir / "data" / name, _folder() / name)


def _copy(source: Path, target: Path) -> None:
    """What is not there yet, with owners and times."""
    target.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "--archive", "--no-clobber", f"{source}/.", str(target)], check=True)


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="ccm-"))
    folder.chmod(0o711)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _database() -> Path:
    """The data folder of a server that was stopped in order."""
    with _making:
        cluster = postgres.Cluster(_folder() / "pg", _folder() / "pgs", _folder() / "postgres.log", PASSWORD)
        if not cluster.data.exists():
            asyncio.run(_make(cluster))
        return cluster.data


async def _make(cluster: postgres.Cluster) -> None:
    process = await postgres.start(cluster)
    await postgres.ensure_database(cluster)
    await migrate_url(cluster.url())
    await postgres.halt(process)
