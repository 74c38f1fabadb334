"""What can be done to files. Each way returns what puts it right again, and what must be said of it."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from tests.tampering.site import Small

Undo = Callable[[], None]
Done = tuple[Undo, set[str]]


def files_of(site: Small) -> list[Path]:
    """All sealed files, waiting and archived."""
    return sorted(path for path in site.root.rglob("*.ccr"))


def _put_back(path: Path, content: bytes) -> Undo:
    def undo() -> None:
        path.unlink(missing_ok=True)
        path.write_bytes(content)

    return undo


def flip(site: Small, dice: random.Random) -> Done:
    path = dice.choice(files_of(site))
    content = path.read_bytes()
    changed = bytearray(content)
    changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    path.write_bytes(changed)
    return _put_back(path, content), {"file_differs"}


def truncate(site: Small, dice: random.Random) -> Done:
    path = dice.choice(files_of(site))
    content = path.read_bytes()
    path.write_bytes(content[: dice.randrange(len(content))])
    return _put_back(path, content), {"file_size"}


def append(site: Small, dice: random.Random) -> Done:
    path = dice.choice(files_of(site))
    content = path.read_bytes()
    path.write_bytes(content + dice.randbytes(dice.randrange(1, 100)))
    return _put_back(path, content), {"file_size"}


def replace(site: Small, dice: random.Random) -> Done:
    path, other = dice.sample(files_of(site), 2)
    content = path.read_bytes()
    path.write_bytes(other.read_bytes())
    return _put_back(path, content), {"file_size", "file_differs"}


def swap(site: Small, dice: random.Random) -> Done:
    one, other = dice.sample(files_of(site), 2)
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    back = _put_back(one, first), _put_back(other, second)
    return lambda: [undo() for undo in back] and None, {"file_size", "file_differs"}


def remove(site: Small, dice: random.Random) -> Done:
    path = dice.choice(files_of(site))
    content = path.read_bytes()
    path.unlink()
    return _put_back(path, content), {"file_missing"}


def link(site: Small, dice: random.Random) -> Done:
    """Another file, of the same content even, that is not where the store keeps it."""
    path, elsewhere = dice.choice(files_of(site)), site.root.parent / "elsewhere"
    content = path.read_bytes()
    shutil.move(path, elsewhere)
    path.symlink_to(elsewhere)
    return _put_back(path, content), {"file_unreadable"}


def add(site: Small, dice: random.Random) -> Done:
    folder = dice.choice(files_of(site)).parent
    known = dice.choice(files_of(site)).name.split(".")[0]
    name = dice.choice((f"{uuid4()}.ccr", f"{uuid4()}.{dice.randbytes(4).hex()}.ccr", f"{known}.ogg", "notes.txt"))
    (folder / name).write_bytes(dice.randbytes(50))
    return (folder / name).unlink, {"file_foreign"}


WAYS = (flip, truncate, append, replace, swap, remove, link, add)
