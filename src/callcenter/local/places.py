"""Where the local parts keep what they need: below `var/`, but for sockets, whose paths must be short."""

import hashlib
import os
import shutil
import stat
import tempfile
from ipaddress import ip_address
from pathlib import Path

from callcenter.errors import SetupFailed
from callcenter.settings import Settings

SOCKET_PATH_BYTES = 107
"""sun_path of unix(7) less its closing NUL."""
LONGEST_SOCKET_NAME = len("/pg/.s.PGSQL.5432.lock")
LEAST_FREE_BYTES = 300_000_000
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not bound to


def run_dir(settings: Settings) -> Path:
    """Notes on running processes and ports."""
    return settings.var_dir / "run"


def log_dir(settings: Settings) -> Path:
    """What the parts print."""
    return settings.var_dir / "log"


def socket_dir(settings: Settings) -> Path:
    """The folder for Unix sockets: below `var/run`, or a private one in /tmp when that path is too long."""
    usual = run_dir(settings) / "s"
    if len(os.fsencode(usual)) + LONGEST_SOCKET_NAME <= SOCKET_PATH_BYTES:
        return usual
    mark = hashlib.sha256(os.fsencode(settings.home)).hexdigest()[:10]
    return Path(tempfile.gettempdir()) / f"callcenter-{os.geteuid()}-{mark}"


def prepare(settings: Settings) -> None:
    """Make the folders. Raises `SetupFailed` when they can't be ours, or when the disk is nearly full."""
    try:
        for folder in (settings.var_dir, run_dir(settings), settings.recordings_dir):
            _make(folder, 0o711)
        for folder in (log_dir(settings), settings.asterisk_dir, settings.spool_dir):
            _make(folder, 0o700)
        sockets = socket_dir(settings)
        sockets.mkdir(exist_ok=True, mode=0o711)
        _must_be_ours(sockets)
    except OSError as error:
        raise SetupFailed(
            what="The folders can't be made",
            why=f"{error.filename}: {error.strerror}",
            mend="set CALLCENTER_HOME to a folder that this user may write",
        ) from None
    _must_have_room(settings.home)


def _make(folder: Path, mode: int) -> None:
    """Others on the machine may pass (0711: servers run as other users) or not even that (0700: people's calls)."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(mode)


def _must_be_ours(folder: Path) -> None:
    """In /tmp anybody may have made it first: then its sockets would be theirs."""
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise SetupFailed(
            what="The folder for sockets is not ours",
            why=f"{folder} belongs to user {status.st_uid}",
            mend="remove it, or set CALLCENTER_HOME to a folder with a shorter path",
        )
    folder.chmod(0o711)


def _must_have_room(home: Path) -> None:
    free = shutil.disk_usage(home).free
    if free < LEAST_FREE_BYTES:
        raise SetupFailed(
            what="The disk is full",
            why=f"{free // 1_000_000} MB are free at {home}, {LEAST_FREE_BYTES // 1_000_000} MB are needed to start",
            mend="make room, or set CALLCENTER_HOME to another disk",
        )


def is_loopback(host: str) -> bool:
    """Whether the address is this machine's alone; a name is looked up by nobody, so only `localhost` counts."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def api_url(settings: Settings) -> str:
    """The API's address for programs on this machine."""
    host = WILDCARDS.get(settings.http_bind, settings.http_bind)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.http_port}"
