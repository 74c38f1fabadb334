"""Errors as RFC 9457 problem answers: one table from error to status, `code` stable for programs."""

from collections.abc import Mapping
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from callcenter import errors

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"

STATUS: dict[type[errors.CallcenterError], int] = {
    errors.Unauthenticated: 401,
    errors.NotAllowed: 403,
    errors.NotFound: 404,
    errors.RecordingNotReady: 409,
    errors.RecordingMissing: 410,
    errors.RangeNotSatisfiable: 416,
    errors.InvalidInput: 422,
    errors.ReportUnbalanced: 500,
    errors.PartUnavailable: 503,
    errors.StoreRefused: 503,
}

TITLES = {
    400: "The request can't be read",
    401: "An API key is needed",
    403: "Not allowed",
    404: "Not found",
    405: "This address does not know that method",
    409: "Not ready yet",
    410: "There is no audio",
    416: "No such part of the file",
    422: "The request can't be answered as it is",
    500: "Something went wrong here",
    503: "A part of the service is not available",
}

CODES = {400: "unreadable_request", 404: "not_found", 405: "method_not_allowed"}
"""For what the framework refuses itself."""

CHALLENGES = ('Basic realm="callcenter", charset="UTF-8"', 'Bearer realm="callcenter"')
"""A header line each: Chromium takes a line for one challenge and would not ask for a password."""


class Fault(BaseModel):
    """One thing wrong with the request."""

    where: str = Field(examples=["query.limit"])
    what: str = Field(examples=["Input should be less than or equal to 1000"])


class Problem(BaseModel):
    """RFC 9457 problem details; `code` is stable, texts may change."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(examples=["urn:callcenter:problem:not_found"])
    title: str = Field(examples=["Not found"])
    status: int = Field(examples=[404])
    code: str = Field(examples=["not_found"])
    detail: str = Field(examples=["There is no call 0b8f2c1e-5d1c-4b0a-8b57-3f2f5a0e8a11"])
    errors: list[Fault] | None = None


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    faults: list[dict[str, str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem answer."""
    body: dict[str, Any] = {
        "type": f"urn:callcenter:problem:{code}",
        "title": TITLES.get(status, "Refused"),
        "status": status,
        "code": code,
        "detail": detail,
    }
    if faults is not None:
        body["errors"] = faults
    all_headers = {"Cache-Control": "no-store", **(headers or {})}
    return Response(orjson.dumps(body), status, all_headers, MEDIA_TYPE)


def of_error(error: errors.CallcenterError) -> Response:
    """The answer for an error of ours."""
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    headers = {}
    if status in (409, 503):
        headers["Retry-After"] = "2"
    if status == 416:
        headers["Content-Range"] = f"bytes */{error.facts['bytes']}"
    if status >= 500:
        log.warning("request failed", code=error.code, error=str(error))
    answer = problem(status, error.code, str(error), headers=headers)
    for challenge in CHALLENGES if status == 401 else ():
        answer.headers.append("WWW-Authenticate", challenge)
    return answer


def _of_validation(error: RequestValidationError) -> Response:
    faults = [{"where": ".".join(map(str, e["loc"])), "what": e["msg"]} for e in error.errors()]
    detail = "; ".join(f"{f['where']}: {f['what']}" for f in faults)
    return problem(422, errors.InvalidInput.code, detail, faults=faults)


def _of_framework(error: HTTPException) -> Response:
    code = CODES.get(error.status_code, "refused")
    return problem(error.status_code, code, str(error.detail), headers=error.headers)


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem answer; what is unforeseen says nothing of our inside."""

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, errors.CallcenterError)
        return of_error(error)

    async def validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return _of_validation(error)

    async def framework(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return _of_framework(error)

    async def unforeseen(request: Request, error: Exception) -> Response:
        return problem(500, errors.CallcenterError.code, "The log says more.")

    app.add_exception_handler(errors.CallcenterError, ours)
    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(HTTPException, framework)
    app.add_exception_handler(Exception, unforeseen)
