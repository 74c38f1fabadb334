"""The programs that are not Python: found on the machine, else installed (root), else unpacked (nobody special)."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from callcenter.errors import SetupFailed
from callcenter.local import debian
from callcenter.local.debian import Prefix, Say

PACKAGES = {
    "ffmpeg": ("ffmpeg",),
    "mosquitto": ("mosquitto",),
    "espeak-ng": ("espeak-ng",),
    "sipp": ("sip-tester",),
    "faketime": ("faketime",),
}
"""Program to Debian packages."""

TO_RUN = ("ffmpeg", "mosquitto", "espeak-ng")
TO_TEST = (*TO_RUN, "sipp", "faketime")

ASTERISK_FLOOR = (22, 10, 1)
"""Earlier ones have faults in AMI and recording that this product leans on being mended."""
ASTERISK_SUITES = ("forky", "sid")
ASTERISK_PACKAGES = ("asterisk", "asterisk-modules", "asterisk-core-sounds-en")
SYSTEM_FOLDERS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def wrappers_dir() -> Path:
    """Where unpacked programs appear under their usual names."""
    return debian.software_dir() / "bin"


def search_path() -> str:
    """PATH, what Debian keeps from a plain user's PATH, and what was unpacked."""
    return f"{os.environ.get('PATH', '')}:{SYSTEM_FOLDERS}:{wrappers_dir()}"


def find(program: str) -> str | None:
    """The program's path, None when it is not on this machine."""
    return shutil.which(program, path=search_path())


def require(program: str) -> str:
    """The program's path. Raises `SetupFailed`."""
    found = find(program)
    if not found:
        raise SetupFailed(what=f"{program} is missing", why="it is not on this machine", mend="run make setup")
    return found


def require_faketime() -> str:
    """The path of libfaketime for programs with threads: preloaded, it shifts their clock. Raises `SetupFailed`."""
    library = "usr/lib/*/faketime/libfaketimeMT.so.1"
    for prefix in (Prefix(Path("/")), debian.prefix_for(debian.own_suite(), PACKAGES["faketime"])):
        if found := prefix.find(library):
            return str(found)
    raise SetupFailed(what="libfaketime is missing", why="tests with a shifted clock need it", mend="run make test")


def provide(programs: Iterable[str], say: Say) -> None:
    """Bring what is missing. Raises `SetupFailed` when the machine can do neither."""
    missing = [program for program in programs if not find(program)]
    if missing and os.geteuid() == 0:
        say(f"installing {', '.join(missing)} …")
        try:
            debian.install([package for program in missing for package in PACKAGES[program]])
        except SetupFailed as fault:
            say(f"apt could not install them ({fault.facts['why']}); unpacking instead")
    for program in missing:
        if not find(program):
            _unpack_one(program, say)


def _unpack_one(program: str, say: Say) -> None:
    prefix = debian.unpack(debian.own_suite(), PACKAGES[program], say)
    path = prefix.find(f"usr/bin/{program}") or prefix.find(f"usr/sbin/{program}")
    if not path:
        raise SetupFailed(
            what=f"{program} is missing", why=f"Debian's package has none in {prefix.root}", mend="report it"
        )
    voices = prefix.find("usr/lib/*/espeak-ng-data")
    environment = {"ESPEAK_DATA_PATH": str(voices.parent)} if voices else {}
    command = prefix.command(str(path.relative_to(prefix.root)))
    debian.write_wrapper(wrappers_dir() / program, command, environment)


@dataclass(frozen=True, slots=True)
class Asterisk:
    """An installed or unpacked Asterisk: how to run it, where its modules and XML documentation are."""

    command: tuple[str, ...]
    modules_dir: Path
    documentation_dir: Path
    version: str


def provide_asterisk(say: Say) -> Asterisk:
    """The machine's own when it is new enough, else Debian's, unpacked. Raises `SetupFailed`."""
    return find_asterisk() or _unpack_asterisk(say)


def find_asterisk() -> Asterisk | None:
    """The Asterisk that would run now, without fetching anything."""
    installed = shutil.which("asterisk", path=f"{os.environ.get('PATH', '')}:{SYSTEM_FOLDERS}")
    if installed:
        machines = _asterisk_at(Prefix(Path("/")), (installed,))
        if machines:
            return machines
    for suite in ASTERISK_SUITES:
        prefix = debian.prefix_for(suite, ASTERISK_PACKAGES)
        if prefix.root.is_dir():
            return _asterisk_at(prefix, prefix.command("usr/sbin/asterisk"))
    return None


def _asterisk_at(prefix: Prefix, command: tuple[str, ...]) -> Asterisk | None:
    version = asterisk_version(command)
    modules = prefix.find("usr/lib/*/asterisk/modules") or prefix.find("usr/lib/asterisk/modules")
    texts = prefix.find("usr/share/asterisk/documentation") or prefix.find("var/lib/asterisk/documentation")
    if not version or version_numbers(version) < ASTERISK_FLOOR or not modules or not texts:
        return None
    return Asterisk(command, modules, texts, version)


def asterisk_version(command: tuple[str, ...]) -> str:
    """`22.10.1` of `Asterisk 22.10.1~dfsg+~cs6.17…`; empty when it doesn't run."""
    try:
        said = subprocess.run([*command, "-V"], capture_output=True, text=True, check=True, timeout=10).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    match = re.search(r"Asterisk (?:certified/)?(\d+(?:\.\d+)*)", said)
    return match[1] if match else ""


def version_numbers(version: str) -> tuple[int, ...]:
    """`22.10.1` as numbers, so that 22.9 sorts before 22.10."""
    return tuple(int(part) for part in version.split("."))


def _unpack_asterisk(say: Say) -> Asterisk:
    faults = []
    for suite in ASTERISK_SUITES:
        try:
            prefix = debian.unpack(suite, ASTERISK_PACKAGES, say)
        except SetupFailed as fault:
            faults.append(str(fault))
            continue
        unpacked = _asterisk_at(prefix, prefix.command("usr/sbin/asterisk"))
        if unpacked:
            return unpacked
        faults.append(f"{prefix.root} holds no Asterisk that runs here")
    raise SetupFailed(
        what="Asterisk 22.10.1 or newer is missing",
        why=" | ".join(faults),
        mend="install one on PATH, or run callcenter listen and callcenter api beside your own:"
        " set CALLCENTER_AMI_HOST, CALLCENTER_DATABASE_URL and CALLCENTER_MQTT_URL",
    )
