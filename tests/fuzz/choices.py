"""Decisions drawn from bytes, so that a fuzzer's bytes become a story. Small and ours: it also runs without atheris."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Choices:
    """One decision after the other; when the bytes have run out, each is the first of its options."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        """Whether bytes are left."""
        return self._at < len(self._data)

    def number(self, below: int) -> int:
        """A number from 0 on; one byte where that suffices, else two."""
        size = 1 if below <= 256 else 2
        drawn = self.take(size)
        return int.from_bytes(drawn, "little") % below

    def pick(self, options: Sequence[T]) -> T:
        return options[self.number(len(options))]

    def take(self, size: int) -> bytes:
        """The next bytes, fewer at the end."""
        drawn = self._data[self._at : self._at + size]
        self._at += size
        return drawn

    def short(self, longest: int) -> bytes:
        """Up to `longest` bytes, their number drawn first."""
        return self.take(self.number(longest + 1))

    def text(self, longest: int) -> str:
        """Any text, lone surrogates included."""
        return self.short(longest).decode("utf-8", "surrogateescape")

    def rest(self) -> bytes:
        return self.take(len(self._data))
