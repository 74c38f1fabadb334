"""Query parameters are what the description says, no more: a misspelt filter must not widen an answer."""

from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError


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
    """The names of the query parameters in this route's OpenAPI entry."""
    path = request.scope["route"].path
    methods = request.app.openapi()["paths"].get(path, {})
    entry = methods.get(request.method.lower(), methods.get("get", {}))  # HEAD is described by its GET
    return {p["name"] for p in entry.get("parameters", ()) if p["in"] == "query"}
