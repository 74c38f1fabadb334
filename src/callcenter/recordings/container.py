"""The file of a sealed recording: AES-256-GCM in chunks, so that any part can be read without the rest.

Layout: 24 bytes of header (`CCR1`, log2 of the chunk's size, 3 zero bytes, the recording's id), then chunks of 64 KiB
of audio, each followed by its tag of 16 bytes; the last one may be shorter, or empty. The construction is STREAM
(Hoang, Reyhanitabar, Rogaway, Vizár 2015; as in the age format): a chunk's nonce is its number in 11 bytes and one byte
that says whether it is the last, the header is authenticated with each. So a chunk that was changed, moved, left out,
taken from another recording, or cut off behind is refused. The key serves one file only: no nonce comes twice.
"""

import hashlib
from collections.abc import Iterator
from typing import BinaryIO
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"CCR1"
CHUNK_BITS = 16
CHUNK = 1 << CHUNK_BITS
TAG = 16
STORED_CHUNK = CHUNK + TAG
HEADER_BYTES = 24
KEY_BYTES = 32
SUFFIX = ".ccr"


class Damaged(Exception):
    """The file is not what was sealed"""


def header(recording: UUID) -> bytes:
    return MAGIC + bytes((CHUNK_BITS, 0, 0, 0)) + recording.bytes


def sealed_size(audio_bytes: int) -> int:
    """How many bytes a sealed file of so much audio has."""
    return HEADER_BYTES + audio_bytes + TAG * max(-(-audio_bytes // CHUNK), 1)


def audio_size(sealed_bytes: int) -> int:
    """How many bytes of audio a sealed file of that size holds. Raises `Damaged` for a size that none has."""
    body = sealed_bytes - HEADER_BYTES
    whole, rest = divmod(body, STORED_CHUNK)
    if body < TAG or 0 < rest < TAG:
        raise Damaged(f"{sealed_bytes} bytes are no sealed recording")
    audio = whole * CHUNK + max(rest - TAG, 0)
    if rest == TAG and whole:
        raise Damaged(f"{sealed_bytes} bytes are no sealed recording")
    return audio


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes((last,))


class Sealer:
    """Writes one sealed file. What `write` gets is audio as it will be played; `close` says what was stored."""

    def __init__(self, file: BinaryIO, recording: UUID, key: bytes) -> None:
        self._file, self._header, self._cipher = file, header(recording), AESGCM(key)
        self._waiting = bytearray()
        self._number = 0
        self._plain, self._stored = hashlib.sha256(), hashlib.sha256()
        self.audio_bytes = self.sealed_bytes = 0
        self._put(self._header)

    def write(self, audio: bytes) -> int:
        """Take some audio. Raises `OSError`."""
        self._plain.update(audio)
        self.audio_bytes += len(audio)
        self._waiting += audio
        while len(self._waiting) > CHUNK:  # the last chunk is known to be the last only at the end
            self._seal(bytes(self._waiting[:CHUNK]), last=False)
            del self._waiting[:CHUNK]
        return len(audio)

    def close(self) -> None:
        """Seal what is left. The file itself stays open."""
        self._seal(bytes(self._waiting), last=True)
        self._waiting.clear()

    @property
    def audio_sha256(self) -> str:
        return self._plain.hexdigest()

    @property
    def sealed_sha256(self) -> str:
        return self._stored.hexdigest()

    def _seal(self, chunk: bytes, *, last: bool) -> None:
        self._put(self._cipher.encrypt(_nonce(self._number, last=last), chunk, self._header))
        self._number += 1

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._stored.update(data)
        self.sealed_bytes += len(data)


class Part:
    """Which stored bytes hold the audio [start, end) of a sealed file, and how to open them."""

    def __init__(self, recording: UUID, key: bytes, sealed_bytes: int, start: int = 0, end: int | None = None) -> None:
        self._header, self._cipher = header(recording), AESGCM(key)
        size = audio_size(sealed_bytes)
        self.start, self.end = start, size if end is None else min(end, size)
        self._count = max(-(-size // CHUNK), 1)
        self._first = min(start // CHUNK, self._count - 1)
        self._after = min(max(-(-self.end // CHUNK), self._first + 1), self._count)
        self.stored_start = HEADER_BYTES + self._first * STORED_CHUNK
        self.stored_end = min(HEADER_BYTES + self._after * STORED_CHUNK, sealed_bytes)

    @property
    def numbers(self) -> range:
        """The chunks that are needed."""
        return range(self._first, self._after)

    def open(self, number: int, stored: bytes) -> bytes:
        """The audio of this part in one stored chunk. Raises `Damaged`."""
        try:
            nonce = _nonce(number, last=number == self._count - 1)
            chunk = self._cipher.decrypt(nonce, stored, self._header)
        except InvalidTag:
            raise Damaged(f"chunk {number} is not what was sealed") from None
        begins = number * CHUNK
        return chunk[max(self.start - begins, 0) : max(self.end - begins, 0)]


def stored_chunks(part: Part, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Open the stored bytes [`part.stored_start`, `part.stored_end`), in pieces of any size. Raises `Damaged`."""
    waiting = bytearray()
    numbers = iter(part.numbers)
    for piece in pieces:
        waiting += piece
        while len(waiting) >= STORED_CHUNK:
            yield part.open(next(numbers), bytes(waiting[:STORED_CHUNK]))
            del waiting[:STORED_CHUNK]
    for number in numbers:
        yield part.open(number, bytes(waiting))
        waiting.clear()
