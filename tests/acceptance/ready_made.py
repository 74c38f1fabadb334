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
from callcenter.local.migration import bring_up_to_date
from callcenter.local.secrets import Secrets
from callcenter.settings import Settings

SOUNDS = ("prompts", "moh")
"""Folders below Asterisk's data. A prompt's file is named by all that it is made of: others' do no harm."""
PASSWORD, KEY = secrets.token_hex(16), secrets.token_hex(32)
"""The database knows them already when its home does not exist yet: the server's, and a key of the API, `local`."""
_making = threading.Lock()


def choose_secrets(settings: Settings) -> None:
    """Let a new home have those that the ready-made database knows."""
    settings.secrets_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, secret in (("postgres", PASSWORD), ("api-key", KEY)):
        (settings.secrets_dir / name).write_text(f"{secret}\n")


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
    await bring_up_to_date(cluster.url(), "local", KEY)
    await postgres.halt(process)
