"""Files put in their places in one step: a reader sees what was there or what is new, never a part."""

import os
import tempfile
from pathlib import Path


def link(path: Path, target: Path) -> None:
    """Make `path` a link to `target`, in one step, whatever it was before."""
    if path.is_symlink() and path.readlink() == target:
        return
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(path)


def replace_file(path: Path, text: str) -> None:
    """Write `text` beside `path` (mode 0600) and rename it: a reader sees the old file or the new one."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".new-", delete=False, encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)


def hard_link(path: Path, target: Path) -> None:
    """Make `path` another name of the file `target`, in one step, whatever it was before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    os.link(target, fresh)
    fresh.replace(path)
