"""Is what a growing file has grown by all zeros? Blocking, and cheap: sound is told from the last bytes alone."""

import os
from pathlib import Path

from callcenter.recordings.wav import HEADER_BYTES

PROBE_BYTES = 512
LONGEST = 64 * 1024
"""Two of Asterisk's blocks: what came before them was seen at an earlier look"""
_ZEROS = bytes(LONGEST)


def is_empty(path: Path, before: int, size: int) -> bool | None:
    """Whether its bytes from `before` to `size` are zero; None when there are none, or they can't be read."""
    start = max(before, HEADER_BYTES, size - LONGEST)
    if start >= size:
        return None
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _zero(file, max(start, size - PROBE_BYTES), size) and _zero(file, start, size)
    except OSError:
        return None
    finally:
        os.close(file)


def _zero(file: int, start: int, end: int) -> bool:
    data = os.pread(file, end - start, start)
    return data == _ZEROS[: len(data)]
