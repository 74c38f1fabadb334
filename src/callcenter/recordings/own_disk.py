"""Are a call's files not there because their disk isn't? From before it is known whether they have one. Blocking.

A machine that starts may start us before it has mounted the recordings' disk. The empty folder below must not be taken
for calls of which nothing was recorded.
"""

import errno
from contextlib import suppress
from pathlib import Path


class OwnDisk:
    """Of the folder that holds spool/ and sealed/. A note beside it is there while it was last seen on its own disk."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._note = folder, folder.with_name(f".{folder.name}-disk")

    def remember(self) -> None:
        """Take down that the folder has a disk of its own, if it has."""
        with suppress(OSError):
            if self._is_own():
                self._note.touch()

    def must_be_there(self) -> None:
        """Raises `OSError`: the folder had a disk of its own and is on another one now, or is gone."""
        if self._note.exists() and not self._is_own():
            why = f"their disk is not mounted (if they have none any more, remove {self._note})"
            raise OSError(errno.ENODEV, why, str(self._folder))

    def _is_own(self) -> bool:
        return self._folder.stat().st_dev != self._note.parent.stat().st_dev
