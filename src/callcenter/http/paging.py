"""Cursors for keyset paging: opaque to clients, bound to the query that made them, checked when they return."""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import orjson

from callcenter.errors import InvalidInput

LONGEST = 400


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: the last row's sort value and id."""

    value: datetime | float
    id: UUID


def digest(query: object) -> str:
    """A short name for a query (filters and order); `repr` of frozen dataclasses is their content."""
    return hashlib.sha256(repr(query).encode()).hexdigest()[:16]


def write_cursor(position: Position, query: object) -> str:
    """The cursor that continues after `position`."""
    value = position.value.isoformat() if isinstance(position.value, datetime) else position.value
    packed = orjson.dumps([digest(query), value, str(position.id)])
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def read_cursor(cursor: str, query: object) -> Position:
    """The position in a cursor. Raises `InvalidInput` when it is not ours or is of another query."""
    try:
        packed = base64.urlsafe_b64decode(cursor[:LONGEST] + "=" * (-len(cursor) % 4))
        name, value, row_id = orjson.loads(packed)
        position = Position(_value(value), UUID(row_id))
    except (binascii.Error, ValueError, TypeError, AttributeError, OverflowError):
        raise _refused("it is not one that a list gave out") from None
    if name != digest(query):
        raise _refused("it belongs to a list with other filters or another order")
    return position


def _value(stored: object) -> datetime | float:
    if isinstance(stored, str):
        return datetime.fromisoformat(stored).astimezone(UTC)
    if isinstance(stored, (int, float)) and not isinstance(stored, bool):
        return float(stored)
    raise ValueError(stored)


def _refused(why: str) -> InvalidInput:
    return InvalidInput(where="query.cursor", what=why, mend="send `next` of the page before, with the same filters")
