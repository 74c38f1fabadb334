"""JSON as the API writes it: instants in UTC with Z, ids as text."""

from typing import Any
from uuid import UUID

import orjson
from starlette.responses import Response

OPTIONS = orjson.OPT_UTC_Z


def _encode(value: Any) -> str:
    """asyncpg's UUID is a subclass, which orjson leaves to us."""
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(type(value).__name__)


def to_json(body: Any, options: int = 0) -> bytes:
    """A body as JSON bytes. Raises `TypeError` on what JSON can't hold."""
    return orjson.dumps(body, default=_encode, option=OPTIONS | options)


def json_answer(body: Any, status: int = 200, **headers: str) -> Response:
    """A JSON answer that no cache keeps; header names are given with _ for -."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(to_json(body), status, {"Cache-Control": "no-store", **named}, "application/json")
