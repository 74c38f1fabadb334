"""Can Asterisk write its recordings? Asked the only way that tells: by writing a block into its folder. Blocking."""

import os
from dataclasses import dataclass
from pathlib import Path

from callcenter.recordings.own_disk import OwnDisk

BLOCK = b"\0" * 4096


@dataclass(frozen=True, slots=True)
class Place:
    """Where a folder lies: another one under the same name is not the one that Asterisk's open files are in."""

    device: int
    inode: int


def probe(folder: Path, known: Place | None, disk: OwnDisk) -> tuple[Place | None, str | None]:
    """Where the folder lies, and why nothing can be written there (None: it can).

    Finds a full disk and a used-up quota (ENOSPC, EDQUOT), one that is read-only (EROFS, also after errors of the
    disk), a folder that is gone or was mounted over, and one whose own `disk` is not mounted.
    """
    try:
        disk.must_be_there()
        facts = folder.stat()
        place = Place(facts.st_dev, facts.st_ino)
        if known is not None and place.device != known.device:
            return place, f"{folder} lies on another disk than before"
        _write(folder / f".probe-{os.getpid()}")
    except OSError as error:
        return known, f"{error.strerror or error}: {folder}"
    return place, None


def _write(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        written = os.write(descriptor, BLOCK)
        if written < len(BLOCK):
            raise OSError(28, "No space left on device")
    finally:
        os.close(descriptor)
        path.unlink(missing_ok=True)
