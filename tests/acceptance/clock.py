"""A clock that tests can set: libfaketime, preloaded into every process of one hotline, reads its shift from a file."""

import os
import shutil
import subprocess
import tempfile
import time
from datetime import datetime
from pathlib import Path

from callcenter.clock import LOCAL_ZONE
from callcenter.local import programs

READ_EVERY_SECONDS = 1
"""A process looks at the file so often."""
SHARED = Path("/dev/shm")


class ShiftedClock:
    """The wall clock (Asia/Shanghai) of one hotline; monotonic clocks and file times stay what they are."""

    def __init__(self, wall: str) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="cc-clock-"))
        self._folder.chmod(0o755)  # Asterisk's user reads it, too
        self._file = self._folder / "shift"
        self.shift = 0.0
        """Seconds that this clock is ahead of the machine's"""
        self.set(wall)
        self._shared = self._share()

    def close(self) -> None:
        """Remove what is left of it."""
        shutil.rmtree(self._folder)
        for name in self._shared:
            (SHARED / name).unlink()

    def set(self, wall: str) -> None:
        """Let it be `2026-10-10 10:00` now; processes see it within a second."""
        moment = datetime.fromisoformat(wall).replace(tzinfo=LOCAL_ZONE)
        self.shift = moment.timestamp() - time.time()
        fresh = self._folder / "fresh"
        fresh.write_text(f"{self.shift:+.3f}\n")
        fresh.chmod(0o644)
        fresh.replace(self._file)

    def environment(self) -> dict[str, str]:
        """What a process started with this clock needs."""
        return {
            **self._preloaded(),
            "PYTHONPATH": os.pathsep.join(
                filter(None, [str(Path(__file__).with_name("preloaded")), os.environ.get("PYTHONPATH")])
            ),
            "FAKETIME_SHARED": "/{} /{}".format(self._shared[0].removeprefix("sem."), self._shared[1]),
        }

    def _share(self) -> tuple[str, str]:
        """libfaketime's semaphore and memory, opened to servers that run as other users than we.

        Each process would make its own; but setpriv makes them as root, and the server that it becomes finds their
        names in its environment and may not open them. A killed process leaves them behind for all.
        """
        maker = subprocess.Popen(["sleep", "60"], env={**os.environ, **self._preloaded()})
        names = (f"sem.faketime_sem_{maker.pid}", f"faketime_shm_{maker.pid}")
        deadline = time.monotonic() + 10
        while not all((SHARED / name).exists() for name in names):
            assert time.monotonic() < deadline, "libfaketime made no shared memory"
        time.sleep(0.1)  # until it has filled them
        maker.kill()
        maker.wait()
        for name in names:
            (SHARED / name).chmod(0o666)
        return names

    def _preloaded(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": programs.require_faketime(),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": str(READ_EVERY_SECONDS),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
