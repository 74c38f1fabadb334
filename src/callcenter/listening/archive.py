"""The file of an export as it grows: audio files, then what describes them. Blocking; its owner alone may read it."""

import hashlib
import os
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Self

from callcenter.listening.download import member

PIECE = 1 << 20


class Archive:
    """Use as a context; without `finish` nothing is left behind."""

    def __init__(self, path: Path, part: Path) -> None:
        self._path, self._part = path, part
        self._sums: list[str] = []

    def __enter__(self) -> Self:
        self._part.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(descriptor, "w+b")
        self._zip = zipfile.ZipFile(self._file, "w")
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError, ValueError):  # in the midst of a file it can't be closed
            self._zip.close()
        self._file.close()
        self._part.unlink(missing_ok=True)

    @property
    def size(self) -> int:
        return self._file.tell()

    def add(self, name: str, at: datetime, source: IO[bytes], sha256: str) -> None:
        """A whole file. Raises `OSError`."""
        source.seek(0)
        with self._zip.open(member(name, at), "w", force_zip64=True) as file:
            for piece in iter(lambda: source.read(PIECE), b""):
                file.write(piece)
        self._sums.append(f"{sha256}  {name}\n")

    def finish(self, at: datetime, texts: Mapping[str, bytes]) -> int:
        """Describe it, put it in its place, return its size. Raises `OSError`."""
        for name, text in texts.items():
            self._zip.writestr(member(name, at), text)
            self._sums.append(f"{hashlib.sha256(text).hexdigest()}  {name}\n")
        self._zip.writestr(member("SHA256SUMS", at), "".join(self._sums))
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        size = self._file.tell()
        self._part.replace(self._path)
        return size
