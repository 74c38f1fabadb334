"""One recording is made: legs joined, listened to, encoded, encrypted, in one pass. Blocking; runs in the worker.

Nothing of it is kept unless all of it succeeded. Beside the sealed file lies a note of what it is, with its wrapped
key: should the database forget the recording (a failover to a standby that was behind), the audio is not lost.
"""

import base64
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

import numpy as np
import orjson

from callcenter.recordings import hearing, stereo
from callcenter.recordings.container import KEY_BYTES, SUFFIX, Sealer
from callcenter.recordings.encoding import MEDIA_TYPES, Format, encoder
from callcenter.recordings.site_key import PublicHalf
from callcenter.recordings.wav import RATE, WavFile

NOTE_SUFFIX = ".json"


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a sealed file is."""

    recording: str
    file: str
    """Its name in the folder of sealed files"""
    seconds: float
    media_type: str
    bytes: int
    """Of the audio, as it is played"""
    sha256: str
    sealed_bytes: int
    sealed_sha256: str
    site_key: str
    wrapped: str
    """The file's key for the site, base64"""
    heard: dict[str, Any]
    peaks: str
    """base64"""


def seal(
    recording: UUID, blocks: Iterator[stereo.Block], samples: int, folder: Path, format: Format, site: PublicHalf
) -> Sealed:
    """Make the sealed file and its note in `folder`. Raises `OSError`; then nothing is left behind."""
    name = f"{recording}.{secrets.token_hex(4)}{SUFFIX}"  # two that seal the same never write the same file
    listener, key = hearing.Listener(RATE), secrets.token_bytes(KEY_BYTES)
    with _durable(folder / name) as file:
        sealer = Sealer(file, recording, key)
        writer = encoder(format, sealer, max(samples, 1))
        for block in chain(blocks, [np.zeros((1, 2), np.int16)] if not samples else []):
            listener.hear(block)
            writer.encode(block)
        writer.close()
        sealer.close()
    heard = asdict(listener.finish())
    _forget_digits(heard)
    peaks = base64.b64encode(heard.pop("peaks")).decode()
    sealed = Sealed(
        str(recording), name, round(samples / RATE, 3), MEDIA_TYPES[format], sealer.audio_bytes, sealer.audio_sha256,
        sealer.sealed_bytes, sealer.sealed_sha256, site.name, base64.b64encode(site.wrap(key, recording)).decode(),
        heard, peaks,
    )  # fmt: skip
    _note(folder, sealed)
    return sealed


def _forget_digits(heard: dict[str, Any]) -> None:
    """When keys were pressed is known; which ones can be heard by whoever may listen, and is kept nowhere else."""
    for side in ("left", "right"):
        heard[side]["digits"] = [{"at": key["at"], "seconds": key["seconds"]} for key in heard[side]["digits"]]


def seal_legs(recording: UUID, legs: tuple[WavFile, WavFile], folder: Path, format: Format, site: PublicHalf) -> Sealed:
    """`seal` for the two legs of a call."""
    return seal(recording, stereo.blocks_of_legs(*legs), stereo.samples(*legs), folder, format, site)


def kept(folder: Path, recording: UUID) -> Sealed | None:
    """What an earlier try made of it: its note, the latest of several; None when there is none that can be read."""
    for path in sorted(folder.glob(f"{recording}.*{NOTE_SUFFIX}"), key=lambda p: p.stat().st_mtime, reverse=True):
        with suppress(OSError, ValueError, TypeError):
            return Sealed(**orjson.loads(path.read_bytes()))
    return None


def recordings_in(folder: Path) -> set[str]:
    """Recordings of which there is a sealed file."""
    return {path.name.partition(".")[0] for path in folder.glob(f"*{SUFFIX}")}


def forget_other_tries(folder: Path, sealed: Sealed) -> None:
    """Remove what earlier tries made of the same recording: somebody died before he could note it."""
    for path in folder.glob(f"{sealed.recording}.*{SUFFIX}"):
        if path.name != sealed.file:
            path.unlink(missing_ok=True)


def is_whole(path: Path, sealed: Sealed) -> bool:
    """Whether the file is what its note says."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sealed.sealed_sha256
    except OSError:
        return False


def note_of(file: str) -> str:
    return file.removesuffix(SUFFIX) + NOTE_SUFFIX


def _note(folder: Path, sealed: Sealed) -> None:
    with _durable(folder / note_of(sealed.file)) as file:
        file.write(orjson.dumps(asdict(sealed)))


class _durable:
    """A file that is there whole and on the disk, or not at all."""

    def __init__(self, path: Path) -> None:
        self._path, self._part = path, path.with_name(f".{path.name}.part")

    def __enter__(self) -> BinaryIO:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(descriptor, "wb")
        return self._file

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._file.flush()
                os.fsync(self._file.fileno())
            self._close()
            if kind is None:
                self._part.replace(self._path)
                sync_folder(self._path.parent)
        finally:
            self._close()
            self._part.unlink(missing_ok=True)

    def _close(self) -> None:
        with suppress(OSError):  # what could not be written was said by flush
            self._file.close()


def sync_folder(folder: Path) -> None:
    """Make the names in it durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
