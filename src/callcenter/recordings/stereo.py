"""Two legs become one stereo stream: caller left, what the caller heard (prompts, music, agent) right.

The legs are read block by block, so memory stays flat for a call of any length, and as raw samples behind their
headers: a header that a crash left at length 0 does not cut the audio.
"""

import os
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from callcenter.recordings.wav import HEADER_BYTES, SAMPLE_BYTES, WavFile

Block = npt.NDArray[np.int16]
"""(n, 2) samples: left, right"""

FRAME_BYTES = 2 * SAMPLE_BYTES
BLOCK_SAMPLES = 64 * 1024
"""Of each leg at a time: 8 s of audio."""


def samples(caller: WavFile, agent: WavFile) -> int:
    """How long both are together, in samples: the shorter one is followed by silence."""
    return max(caller.audio_bytes, agent.audio_bytes) // SAMPLE_BYTES


def blocks_of_legs(caller: WavFile, agent: WavFile) -> Iterator[Block]:
    """Both legs side by side. Blocking. Raises `OSError`."""
    total = samples(caller, agent)
    with caller.path.open("rb") as left, agent.path.open("rb") as right:
        for leg in (left, right):
            leg.seek(HEADER_BYTES)
            _read_ahead(leg)
        for done in range(0, total, BLOCK_SAMPLES):
            block = np.zeros((min(BLOCK_SAMPLES, total - done), 2), np.int16)
            _fill(block, 0, left)
            _fill(block, 1, right)
            yield block


def blocks_of_stereo(file: WavFile) -> Iterator[Block]:
    """A stereo file of ours. Blocking. Raises `OSError`."""
    with file.path.open("rb") as audio:
        audio.seek(HEADER_BYTES)
        while piece := audio.read(BLOCK_SAMPLES * FRAME_BYTES):
            whole = len(piece) // FRAME_BYTES * 2
            yield np.frombuffer(piece, "<i2", whole).reshape(-1, 2).astype(np.int16, copy=False)


def _fill(block: Block, side: int, leg: BinaryIO) -> None:
    """Half a sample at a leg's end is none."""
    audio = leg.read(len(block) * SAMPLE_BYTES)
    found = np.frombuffer(audio, "<i2", len(audio) // SAMPLE_BYTES)
    block[: len(found), side] = found


def _read_ahead(leg: BinaryIO) -> None:
    os.posix_fadvise(leg.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)


def inspect_file(path: Path) -> WavFile:
    """A file that holds both sides already. Blocking. Raises `ValueError` for what is none, `OSError`."""
    try:
        with wave.open(str(path)) as file:
            if file.getparams()[:3] != (2, 2, 8000):
                raise ValueError(f"{path.name} is no 16-bit stereo file of 8 kHz")
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{path.name}: {error}") from None
    size = path.stat().st_size - HEADER_BYTES
    return WavFile(path, size, size)
