"""Debian packages without root: fetched by apt with folders of its own, unpacked beside the Python environment.

Theory of operation. apt and dpkg-deb need no root when every folder they write is ours. With an empty status file
apt fetches the packages with all they depend on, libc included, so what was unpacked runs through the loader that came
with it and touches nothing of the host. The mirror's address is the machine's own; the signature is checked as always.
A prefix appears by one rename, so it is either whole or not there.
"""

import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from callcenter.errors import SetupFailed
from callcenter.settings import command_prefix

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
LIBRARY_SUBFOLDERS = ("", "pulseaudio", "blas", "lapack")
"""Where Debian keeps libraries that its maintainer scripts would otherwise link or register."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Prefix:
    """A folder with unpacked packages."""

    root: Path

    def command(self, program: str) -> tuple[str, ...]:
        """What runs `usr/bin/ffmpeg` (say) of this prefix: its own loader, its own libraries."""
        loader = _first(self.root, ("usr/lib64/ld-linux-*", "lib64/ld-linux-*", "usr/lib/ld-linux-*", "lib/ld-linux-*"))
        paths = ":".join(str(folder) for folder in self._library_folders())
        return (str(loader), "--library-path", paths, str(self.root / program))

    def _library_folders(self) -> Iterator[Path]:
        for base in sorted((*self.root.glob("usr/lib/*-linux-gnu*"), *self.root.glob("lib/*-linux-gnu*"))):
            yield from (base / name for name in LIBRARY_SUBFOLDERS if (base / name).is_dir())

    def find(self, pattern: str) -> Path | None:
        """The first path that matches, None when nothing does."""
        return next(iter(sorted(self.root.glob(pattern))), None)


def _first(root: Path, patterns: Sequence[str]) -> Path:
    for pattern in patterns:
        for path in root.glob(pattern):
            return path
    raise SetupFailed(what="The unpacked packages don't run", why=f"no loader in {root}", mend="remove that folder")


def software_dir() -> Path:
    """Unpacked software lies beside the Python environment: every home on the machine shares it."""
    return command_prefix() / "debian"


def prefix_for(suite: str, packages: Sequence[str]) -> Prefix:
    """The place of these packages, unpacked or not yet."""
    mark = hashlib.sha256(" ".join((suite, *sorted(packages))).encode()).hexdigest()[:10]
    return Prefix(software_dir() / f"{suite}-{packages[0]}-{mark}")


def unpack(suite: str, packages: Sequence[str], say: Say) -> Prefix:
    """Fetch and unpack the packages with all they need, once. Raises `SetupFailed` with apt's own words."""
    prefix = prefix_for(suite, packages)
    if prefix.root.is_dir():
        return prefix
    with _alone(say):
        if not prefix.root.is_dir():
            say(f"fetching {packages[0]} and what it needs from Debian {suite} …")
            _unpack_into(prefix.root, suite, packages, say)
    return prefix


@contextmanager
def _alone(say: Say) -> Iterator[None]:
    """One unpacking at a time on this environment."""
    software_dir().mkdir(parents=True, exist_ok=True)
    with (software_dir() / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("another set-up is at work, waiting for it …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _unpack_into(target: Path, suite: str, packages: Sequence[str], say: Say) -> None:
    making = Path(tempfile.mkdtemp(prefix=".making-", dir=target.parent))
    try:
        archives = _fetch(making / ".apt", suite, packages)
        say(f"unpacking {len(archives)} packages …")
        for archive in archives:
            _run(["dpkg-deb", "-x", str(archive), str(making)])
        shutil.rmtree(making / ".apt")
        making.chmod(0o755)
        making.rename(target)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _fetch(apt: Path, suite: str, packages: Sequence[str]) -> list[Path]:
    """Download the packages; each mirror of the machine is tried in turn."""
    if not KEYRING.exists():
        raise SetupFailed(
            what="Debian packages can't be verified", why=f"{KEYRING} is missing", mend="install debian-archive-keyring"
        )
    faults = []
    for mirror in mirrors():
        try:
            options = apt_options(apt, f"deb [signed-by={KEYRING}] {mirror} {suite} main")
            _run(["apt-get", *options, "-q", "update"])
            _run(["apt-get", *options, "-q", "-y", "--download-only", "install", *packages])
            return sorted((apt / "cache" / "archives").glob("*.deb"))
        except SetupFailed as fault:
            faults.append(str(fault.facts["why"]))
    why = " | ".join(faults) or "apt knows no Debian mirror"
    raise SetupFailed(
        what=f"{packages[0]} can't be fetched", why=why, mend="check /etc/apt/sources.list and the network"
    )


def mirrors() -> list[str]:
    """Addresses of Debian's main archive as this machine's apt is set up; none is written down here."""
    said = _run(["apt-get", "indextargets", "--format", "$(REPO_URI)|$(COMPONENT)|$(ORIGIN)", "Created-By: Packages"])
    rows = [line.split("|") for line in said.splitlines() if line.count("|") == 2]
    likely = [
        address
        for address, component, origin in rows
        if component == "main" and origin in ("Debian", "") and "security" not in address
    ]
    return list(dict.fromkeys(likely))


def apt_options(apt: Path, source: str) -> list[str]:
    """Write apt's folders below `apt` and return the options that confine it to them."""
    for folder in ("etc", "lists/partial", "cache/archives/partial"):
        (apt / folder).mkdir(parents=True, exist_ok=True)
    (apt / "status").touch()
    (apt / "etc" / "sources.list").write_text(f"{source}\n")
    settings = {
        "Dir::Etc": apt / "etc",
        "Dir::Etc::sourcelist": apt / "etc" / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State": apt,
        "Dir::State::Lists": apt / "lists",
        "Dir::State::status": apt / "status",
        "Dir::Cache": apt / "cache",
        "APT::Sandbox::User": "",
        "Debug::NoLocking": "1",
        "APT::Install-Recommends": "false",
        "Acquire::Check-Valid-Until": "false",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
    }
    return [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]


def own_suite() -> str:
    """The code name of the Debian that runs here (`bookworm`)."""
    for line in Path("/etc/os-release").read_text().splitlines():
        name, _, value = line.partition("=")
        if name == "VERSION_CODENAME":
            return value.strip('"')
    raise SetupFailed(
        what="This is no Debian", why="/etc/os-release names no release", mend="run on Debian 12 or newer"
    )


def install(packages: Sequence[str]) -> None:
    """Install with apt as root. Raises `SetupFailed` with apt's own words."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "-q", "-y", "--no-install-recommends", "install", *packages]
    try:
        _run(command, environment)
    except SetupFailed:
        _run(["apt-get", "-q", "update"], environment)
        _run(command, environment)


def write_wrapper(path: Path, command: Sequence[str], environment: dict[str, str]) -> None:
    """A shell script that runs the command under its usual name, so that whoever looks on PATH finds it."""
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(f'#!/bin/sh\n{exports}exec {shlex.join(command)} "$@"\n')
    fresh.chmod(0o755)
    fresh.replace(path)


def _run(command: Sequence[str], environment: dict[str, str] | None = None) -> str:
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, errors="replace")
    except OSError as error:
        raise SetupFailed(what="Set-up stopped", why=f"{command[0]}: {error.strerror}", mend="run on Debian") from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise SetupFailed(what=f"{command[0]} failed", why=" ".join(said[-3:]), mend="see above")
    return done.stdout
