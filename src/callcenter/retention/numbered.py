"""Cursors of lists whose rows have numbers, the latest first."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from callcenter.http.paging import Position, read_cursor, write_cursor

MOST = 2**62
"""The highest number that anybody may ask for: Postgres' bigint holds it."""


def before(cursor: str | None, search: object) -> int | None:
    """The number that a page ends before; None: from the latest on. Raises `InvalidInput`."""
    return min(read_cursor(cursor, search).id.int, MOST) if cursor is not None else None


def numbered(rows: Sequence[dict[str, Any]], limit: int, search: object) -> dict[str, Any]:
    """A page of rows with `id` and `at`, of which one more was asked for than it may hold."""
    items, more = rows[:limit], len(rows) > limit
    following = Position(items[-1]["at"], UUID(int=items[-1]["id"])) if more else None
    return {"items": items, "next": write_cursor(following, search) if following else None}
