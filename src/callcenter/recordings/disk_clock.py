"""The clock that a folder's files get their times from: another machine's for a folder on a network. Blocking."""

import os
import time
from contextlib import suppress
from pathlib import Path


def ahead_of(folder: Path) -> float:
    """By how many seconds our clock is ahead of it; 0 when nothing can be written there to ask it."""
    path = folder / f".clock-{os.getpid()}"
    with suppress(OSError):
        try:
            path.touch(0o600)
            return time.time() - path.stat().st_ctime
        finally:
            path.unlink(missing_ok=True)
    return 0.0
