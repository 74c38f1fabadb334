"""Which part of a file a Range header asks for (RFC 9110, 14.1.2)."""

import re

from callcenter.errors import RangeNotSatisfiable

_ONE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.IGNORECASE | re.ASCII)


def asked_part(header: str | None, size: int) -> tuple[int, int] | None:
    """The one satisfiable part that is asked for, as [start, end); a list of parts is answered with the whole: None.

    Raises `RangeNotSatisfiable` for a part that the file doesn't have, and for what is not a range.
    """
    if header is None or "," in header:
        return None
    asked = _ONE.fullmatch(header.strip())
    first, last = asked.groups() if asked else ("", "")
    if not (first or last) or not _inside(first, last, size):
        raise RangeNotSatisfiable(range=header[:60], bytes=size)
    if not first:
        return max(size - int(last), 0), size
    return int(first), min(int(last) + 1, size) if last else size


def _inside(first: str, last: str, size: int) -> bool:
    if not first:
        return int(last) > 0 and size > 0
    return int(first) < size and (not last or int(first) <= int(last))
