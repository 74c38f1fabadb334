"""Files below a root, opened step by step from it: no symbolic link on the way is followed, also not one made just now.

openat(2) with O_NOFOLLOW for every step; a path checked first and opened then could have been changed in between.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
PLAIN = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
"""O_NONBLOCK: opening a pipe that somebody put there must not wait for a writer."""


@contextmanager
def folder_below(root: Path, names: list[str], *, make: bool = False) -> Iterator[int]:
    """The descriptor of root/names…; `root` itself may be a link: that is the operator's choice.

    Raises `OSError`: ENOENT without it, ENOTDIR or ELOOP for a link.
    """
    folder = os.open(root, FOLDER)
    try:
        for name in names:
            below = _step(folder, name, make)
            os.close(folder)
            folder = below
        yield folder
    finally:
        os.close(folder)


def _step(folder: int, name: str, make: bool) -> int:
    if make:
        with suppress(FileExistsError):
            os.mkdir(name, 0o750, dir_fd=folder)
        os.fsync(folder)  # also when it was there: who made it may not have come so far
    return os.open(name, FOLDER | os.O_NOFOLLOW, dir_fd=folder)


def open_plain(folder: int, name: str) -> int:
    """A descriptor to read from, to be closed by the caller. Raises `OSError`: ELOOP for a link, EINVAL for no file."""
    file = os.open(name, PLAIN, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "not a plain file", name)
    return file


def everything(root: Path, names: list[str]) -> Iterator[list[tuple[str, int]]]:
    """Path and bytes of all that is below root/names…, a folder at a time; of links themselves, not what they name."""
    with folder_below(root, names) as top:
        for path, folders, files, folder in os.fwalk(".", dir_fd=top, onerror=_raise):
            states = [(name, state) for name in (*files, *folders) if (state := _state(name, folder))]
            place = [*names, *Path(path).parts]
            yield [("/".join([*place, name]), s.st_size) for name, s in states if not stat.S_ISDIR(s.st_mode)]


def _state(name: str, folder: int) -> os.stat_result | None:
    """None when it was removed meanwhile."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _raise(error: OSError) -> None:
    if error.errno != errno.ENOENT:  # removed meanwhile: the walk goes on
        raise error
