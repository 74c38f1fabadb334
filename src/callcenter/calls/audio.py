"""From a recording's row to its file: the path comes from the database and must lie in the store."""

import os
import stat
from pathlib import Path
from typing import Any

from callcenter.errors import RecordingMissing, RecordingNotReady

PLAYABLE = ("ready", "silent")


def find_audio(store: Path, row: dict[str, Any]) -> tuple[Path, os.stat_result]:
    """The file of a recording and its facts. Raises `RecordingNotReady` and `RecordingMissing`."""
    if row["state"] == "expected":
        raise RecordingNotReady(key=row["id"], why=row["reason"] or "it is being made")
    if row["state"] not in PLAYABLE or not row["path"]:
        raise RecordingMissing(key=row["id"], why=row["reason"] or f"it is {row['state']}")
    path = inside(store, row["path"])
    if path is None:
        raise RecordingMissing(key=row["id"], why="its path lies outside of the store")
    try:
        facts = path.stat()
    except OSError as error:
        raise RecordingMissing(key=row["id"], why=error.strerror or "it can't be read") from None
    if not stat.S_ISREG(facts.st_mode):
        raise RecordingMissing(key=row["id"], why="it is not a file")
    return path, facts


def inside(store: Path, stored: str) -> Path | None:
    """The real path of a stored one, None when it leads out of the store, by `..` or by a link."""
    try:
        path, root = (store / stored).resolve(), store.resolve()
    except (OSError, ValueError, RuntimeError):
        return None
    return path if path.is_relative_to(root) and path != root else None
