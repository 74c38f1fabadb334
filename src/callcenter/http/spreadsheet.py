"""CSV that spreadsheets open as it is meant: UTF-8 with BOM, CRLF, nothing that they would compute."""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

MEDIA_TYPE = "text/csv; charset=utf-8"
BOM = "\ufeff"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""A cell that begins so is a formula to a spreadsheet; the full-width ones to some East Asian ones."""


def cell(value: Any) -> Any:
    """A value as CSV shows it; text that a spreadsheet would compute gets a leading apostrophe."""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA_STARTS) else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value


def lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """Rows as CSV bytes."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([[cell(v) for v in row] for row in rows])
    return text.getvalue().encode()


async def stream(header: Sequence[str], batches: AsyncIterator[Sequence[Sequence[Any]]]) -> AsyncIterator[bytes]:
    """The whole file, piece by piece: memory is one batch."""
    yield BOM.encode() + lines([header])
    async for batch in batches:
        yield lines(batch)


class LineEnds:
    """Turns the LF that ends a line into CRLF in CSV that comes in pieces; line ends inside quoted cells stay."""

    def __init__(self) -> None:
        self._quoted = False

    def feed(self, piece: bytes) -> bytes:
        """The piece with its line ends. A doubled quote leaves the cell and enters it again."""
        parts = piece.split(b'"')
        outside = slice(1 if self._quoted else 0, None, 2)
        parts[outside] = [part.replace(b"\n", b"\r\n") for part in parts[outside]]
        self._quoted ^= len(parts) % 2 == 0
        return b'"'.join(parts)
