"""What a file is: its size and, when asked, the SHA-256 of its bytes. Blocking; hashing leaves Python's lock."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from callcenter.recordings.anchored import folder_below, open_plain

BUFFER_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as it is."""

    size: int
    sha256: str | None
    """None when only its size was asked for"""
    fault: str = ""
    """Why it can't be read; then the rest says nothing"""


def look_below(root: Path, names: list[str], files: Sequence[str], *, whole: bool) -> list[Seen | None]:
    """Files directly in root/names…, the folder opened once; None for what is not there. Raises `OSError` for it."""
    buffer = memoryview(bytearray(BUFFER_BYTES))  # one for all: a fresh one a file costs as much as hashing 100 kB
    with folder_below(root, names) as folder:
        return [_look(folder, file, buffer if whole else None) for file in files]


def _look(folder: int, name: str, buffer: memoryview | None) -> Seen | None:
    """None for a name that would leave the folder, too."""
    if not name or "/" in name or "\0" in name:
        return None
    try:
        file = open_plain(folder, name)
        try:
            return _hashed(file, buffer) if buffer is not None else Seen(os.fstat(file).st_size, None)
        finally:
            os.close(file)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Seen(0, None, error.strerror or str(error))


def _hashed(file: int, buffer: memoryview) -> Seen:
    digest, size = hashlib.sha256(), 0
    while read := os.readv(file, [buffer]):
        digest.update(buffer[:read])
        size += read
    return Seen(size, digest.hexdigest())
