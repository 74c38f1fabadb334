"""Whom a server runs as: Postgres refuses root, and a broker needs none of root's powers."""

import contextlib
import os
import pwd
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from callcenter.errors import SetupFailed

DAC_OVERRIDE, DAC_READ_SEARCH, SETPCAP = 1, 2, 8
"""Bit numbers in linux/capability.h."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who owns the server's files, and the command prefix that runs it as that user."""

    uid: int
    gid: int
    prefix: tuple[str, ...] = ()

    def own(self, *paths: Path) -> None:
        """Hand the paths over; nothing to do when we run as that user anyway."""
        for path in paths:
            if os.geteuid() == 0:
                os.chown(path, self.uid, self.gid)

    def own_all(self, *folders: Path) -> None:
        """Hand over whole trees; links themselves, never what they lead to.

        What is theirs already is left alone: even a vain chown changes a file's `st_ctime`, and recordings are judged
        by it (`Flag.ALTERED`).
        """
        if os.geteuid() != 0:
            return
        for path in (path for folder in folders for path in (folder, *folder.rglob("*"))):
            with contextlib.suppress(FileNotFoundError):
                there = path.lstat()
                if (there.st_uid, there.st_gid) != (self.uid, self.gid):
                    os.chown(path, self.uid, self.gid, follow_symlinks=False)


def least_privileged(users: Sequence[str], *folders: Path) -> Identity:
    """Ourselves when not root, else the first of `users` that exists, able to reach the folders."""
    if os.geteuid() != 0:
        return Identity(os.geteuid(), os.getegid())
    account = _first_account(users)
    prefix = ("setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups")
    return Identity(account.pw_uid, account.pw_gid, (*prefix, *_reaching(folders)))


def _first_account(users: Sequence[str]) -> pwd.struct_passwd:
    for name in users:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise SetupFailed(
        what="No user to run servers as",
        why=f"none of {', '.join(users)} exists",
        mend="run make run as a plain user",
    )


def _reaching(folders: Sequence[Path]) -> tuple[str, ...]:
    """A private parent (0700) stays private: the server gets the one capability that passes it instead.

    The secure bit lets it count for access(2), too, by which initdb looks for its programs.
    """
    parents = {parent for folder in folders for parent in folder.resolve().parents}
    if all(parent.stat().st_mode & 0o001 for parent in parents if parent.exists()):
        return ()
    held = _held_capabilities()
    name = _passing_capability(held)
    bits = ("--securebits=+no_setuid_fixup",) if held >> SETPCAP & 1 else ()
    return (f"--inh-caps=+{name}", f"--ambient-caps=+{name}", *bits)


def _held_capabilities() -> int:
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("CapEff")).split()[1], 16)


def _passing_capability(held: int) -> str:
    if held >> DAC_READ_SEARCH & 1:
        return "dac_read_search"
    if held >> DAC_OVERRIDE & 1:
        return "dac_override"
    raise SetupFailed(
        what="Servers can't reach this folder",
        why="a parent folder is private and root lacks the capability to pass it",
        mend="set CALLCENTER_HOME to a folder that others may pass (mode 0711)",
    )
