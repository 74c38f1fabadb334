"""RIFF/WAVE headers as Asterisk writes them (Asterisk 22 formats/format_wav.c): mono, 16-bit PCM, 8 kHz, 44 bytes."""

import struct
from dataclasses import dataclass
from pathlib import Path

HEADER_BYTES = 44
RATE = 8000
SAMPLE_BYTES = 2


@dataclass(frozen=True, slots=True)
class WavFile:
    """What a file's header says beside what is there; `closed` when both agree."""

    path: Path
    said_bytes: int
    audio_bytes: int
    beheaded: bool = False
    """Its first block, header and two seconds of audio, was lost on a full disk; what came later is there"""

    @property
    def begun(self) -> bool:
        """A file on a full disk, or one that Asterisk died over, may have not even a header."""
        return self.said_bytes >= 0

    @property
    def closed(self) -> bool:
        """Asterisk writes the length when it closes the file; until then the header says less than there is."""
        return self.begun and self.audio_bytes - self.said_bytes in {0, 1}

    @property
    def seconds(self) -> float:
        return self.audio_bytes / (RATE * SAMPLE_BYTES)


def header(channels: int, audio_bytes: int) -> bytes:
    """The header of a whole file of ours, 8 kHz and 16 bit. Beyond 4 GiB (37 h of stereo) it says the most it can."""
    frame, said = channels * SAMPLE_BYTES, min(audio_bytes, 0xFFFFFFFF - HEADER_BYTES)
    riff = struct.pack("<4sI8s", b"RIFF", said + HEADER_BYTES - 8, b"WAVEfmt ")
    form = struct.pack("<IHHIIHH", 16, 1, channels, RATE, RATE * frame, frame, 8 * SAMPLE_BYTES)
    return riff + form + struct.pack("<4sI", b"data", said)


def inspect_left(path: Path) -> WavFile:
    """`inspect` for what a crash may have left: Asterisk writes in blocks of 32 KiB; before the first, no header."""
    return inspect(path) if path.stat().st_size >= HEADER_BYTES else WavFile(path, -1, 0)


def inspect(path: Path) -> WavFile:
    """Read the header. Raises `FileNotFoundError`, and `ValueError` for what is no such file."""
    with path.open("rb") as file:
        header = file.read(HEADER_BYTES)
    size = path.stat().st_size
    if is_beheaded(header, size):
        return WavFile(path, size - HEADER_BYTES, size - HEADER_BYTES, beheaded=True)
    if len(header) < HEADER_BYTES or header[:4] != b"RIFF" or header[8:16] != b"WAVEfmt ":
        raise ValueError(f"{path.name}: no WAVE header")
    channels, rate = struct.unpack_from("<HI", header, 22)
    bits, said = struct.unpack_from("<H", header, 34)[0], struct.unpack_from("<I", header, 40)[0]
    if (channels, rate, bits) != (1, RATE, 16):
        raise ValueError(f"{path.name}: {channels} channels, {rate} Hz, {bits} bits; expected 1, 8000, 16")
    return WavFile(path, said, max(size - HEADER_BYTES, 0))


def is_beheaded(header: bytes, size: int) -> bool:
    """Whether a file of so many bytes lacks its first block.

    What stdio can't write it drops, and goes on at the same place: the file begins with later audio. When Asterisk
    closes it, `update_header` (formats/format_wav.c) writes both lengths over that, by which it is known.
    """
    if len(header) < HEADER_BYTES or header[:4] == b"RIFF":
        return False
    lengths = struct.unpack_from("<I", header, 4)[0], struct.unpack_from("<I", header, 40)[0]
    return lengths == (size - 8, size - HEADER_BYTES)
