"""Two legs become one stereo file: caller left, what the caller heard (prompts, music, agent) right.

The legs are read block by block, so memory stays flat for a call of any length, and as raw samples behind their
headers: a header that a crash left at length 0 does not cut the audio. No program is started for it: ffmpeg needs 70 ms
of CPU to begin, more than Asterisk needs for a whole short call (docs/performance.md).
"""

import audioop
import hashlib
import os
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from callcenter.recordings.wav import HEADER_BYTES, RATE, SAMPLE_BYTES, WavFile, header

BLOCK_BYTES = 64 * 1024
"""Of each leg at a time: 4 s of audio, a tenth of a millisecond of work."""


@dataclass(frozen=True, slots=True)
class StereoFile:
    path: Path
    seconds: float
    bytes: int
    sha256: str


def join_legs(caller: WavFile, agent: WavFile, target: Path) -> StereoFile:
    """Write `target` (16-bit PCM stereo, 8 kHz) atomically; the shorter leg is followed by silence.

    Blocking. Raises `OSError`; then `target` is untouched.
    """
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    part = target.with_suffix(".part")
    try:
        sha256, size = _write(caller, agent, part)
        _put_in_place(part, target)
    finally:
        part.unlink(missing_ok=True)
    return StereoFile(target, round(max(_samples(caller), _samples(agent)) / RATE, 3), size, sha256)


def kept_file(target: Path) -> StereoFile | None:
    """The file that an earlier try moved into place; None when there is none.

    The legs are removed once the database has the note. A database that forgot it again (a failover to a standby that
    was behind, a restored backup) must not make us forget the audio.
    """
    try:
        with target.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = os.fstat(file.fileno()).st_size
        with wave.open(str(target), "rb") as audio:
            return StereoFile(target, round(audio.getnframes() / audio.getframerate(), 3), size, digest)
    except (FileNotFoundError, wave.Error, EOFError):
        return None


def _samples(leg: WavFile) -> int:
    return leg.audio_bytes // SAMPLE_BYTES


def _write(caller: WavFile, agent: WavFile, part: Path) -> tuple[str, int]:
    """Write the file, make it durable; its SHA-256 and size."""
    digest, size = hashlib.sha256(), 0
    with part.open("wb") as file:
        part.chmod(0o600)
        for piece in _pieces(caller, agent):
            file.write(piece)
            digest.update(piece)
            size += len(piece)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest(), size


def _pieces(caller: WavFile, agent: WavFile) -> Iterator[bytes]:
    """The stereo file from its header to its end."""
    left_bytes = max(_samples(caller), _samples(agent)) * SAMPLE_BYTES
    yield header(2, left_bytes * 2)
    with caller.path.open("rb") as left, agent.path.open("rb") as right:
        for leg in (left, right):
            leg.seek(HEADER_BYTES)
        for done in range(0, left_bytes, BLOCK_BYTES):
            length = min(BLOCK_BYTES, left_bytes - done)
            yield audioop.add(
                audioop.tostereo(_block(left, length), SAMPLE_BYTES, 1, 0),
                audioop.tostereo(_block(right, length), SAMPLE_BYTES, 0, 1),
                SAMPLE_BYTES,
            )


def _block(leg: BinaryIO, length: int) -> bytes:
    """Exactly so many bytes; silence where the leg has no more. Half a sample at its end is none."""
    audio = leg.read(length)
    return audio[: len(audio) // SAMPLE_BYTES * SAMPLE_BYTES].ljust(length, b"\0")


def _put_in_place(part: Path, target: Path) -> None:
    part.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
