"""Query parameters are what the description says, no more: a misspelt filter must not widen an answer."""

from typing import Any

from fastapi import Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
from fastapi.params import Cookie, Header, Path

ELSEWHERE = (Path, Header, Cookie)
"""Where else than in the query a parameter may be; fields of a model of query parameters say nothing."""


async def known_parameters(request: Request) -> None:
    """Refuse parameters that the route's own OpenAPI entry doesn't name, and repeated ones."""
    known = _described(request)
    names = [name for name, _ in request.query_params.multi_items()]
    faults: list[dict[str, Any]] = []
    for name in dict.fromkeys(names):
        if name not in known:
            faults.append(_fault(name, f"unknown parameter; known are: {', '.join(sorted(known)) or 'none'}"))
        elif names.count(name) > 1:
            faults.append(_fault(name, "given more than once"))
    if faults:
        raise RequestValidationError(faults)


def _fault(name: str, message: str) -> dict[str, Any]:
    return {"type": "unknown", "loc": ("query", name), "msg": message, "input": None}


def _described(request: Request) -> set[str]:
    """The names of the query parameters in this route's OpenAPI entry, or in that of a HEAD's GET.

    Taken from where FastAPI takes them: the whole description takes a second, in which nobody would be answered.
    """
    fields = get_flat_params(request.scope["route"].dependant)
    return {field.alias for field in fields if not isinstance(field.field_info, ELSEWHERE)}
