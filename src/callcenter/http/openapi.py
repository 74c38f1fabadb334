"""The API's description: complete, with every problem answer, the ways to show a key, and examples."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from callcenter.http.problems import MEDIA_TYPE, TITLES, Problem

DESCRIPTION = """
Call records, recordings, reports and the live view of a telephone hotline.

Every request shows an API key (`callcenter apikeys add NAME`): as `Authorization: Bearer KEY`, as `X-API-Key: KEY`,
or as the password of HTTP Basic with any user name (for browsers). Errors are RFC 9457 problems; their `code` is
stable. Instants are UTC in answers; in parameters, dates and times without zone are Asia/Shanghai. Unknown and
repeated query parameters are refused. Intervals are [from, until).
"""

TAGS = [
    {"name": "calls", "description": "Call records (话单) and recordings (录音)."},
    {"name": "recordings", "description": "Found and heard (录音查询): search, play, download, export, who listened."},
    {"name": "retention", "description": "How long recordings are kept (保存期限), holds, what would go, what went."},
    {"name": "callbacks", "description": "Callbacks (回拨) and the worklist of whom we owe a call (待回访)."},
    {"name": "routing", "description": "Whom the hotline refuses (黑名单), and who serves which queue."},
    {"name": "alerts", "description": "What somebody must know of (告警)."},
    {"name": "reports", "description": "Traffic reports (日报 周报 月报) and what they rest on; see docs/figures.md."},
    {"name": "live", "description": "What happens now, as server-sent events."},
    {"name": "roster", "description": "Who is on duty for the emergency line (应急值班), and the hand-over log."},
    {"name": "schedule", "description": "Calendar, opening hours, overrides and duty periods, and what they decide."},
    {"name": "health", "description": "How each part of the service is."},
]

SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "basic": {"type": "http", "scheme": "basic", "description": "any user name; the key is the password"},
}

CODE_EXAMPLES = {
    400: ("unreadable_request", "There was an error parsing the body"),
    401: ("unauthenticated", "No API key was sent; send a key as …"),
    403: ("not_allowed", "That is for others; ask for another key"),
    404: ("not_found", "There is no call 0b8f2c1e-5d1c-4b0a-8b57-3f2f5a0e8a11"),
    409: ("recording_not_ready", "Recording 5f0c… is not ready yet: it is being made; try again in a few seconds"),
    410: ("recording_missing", "There is no audio for recording 5f0c…: Asterisk wrote no file"),
    416: ("range_not_satisfiable", "bytes=99999- is not a part of 4000 bytes"),
    422: ("invalid_input", "query.limit: Input should be less than or equal to 1000"),
    500: ("report_unbalanced", "The report for 2026-11-23 does not balance and is not issued: received 12, …"),
    503: ("unavailable", "database is not available: Connection refused; see that Postgres runs …"),
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route for these problem answers."""
    return {status: _problem_response(status) for status in statuses}


def _problem_response(status: int) -> dict[str, Any]:
    code, detail = CODE_EXAMPLES[status]
    example = {
        "type": f"urn:callcenter:problem:{code}", "title": TITLES[status], "status": status, "code": code,
        "detail": detail,
    }  # fmt: skip
    schema = {"$ref": "#/components/schemas/Problem"}
    answer: dict[str, Any] = {
        "description": TITLES[status],
        "content": {MEDIA_TYPE: {"schema": schema, "example": example}},
    }
    if status == 401:
        answer["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}, "required": True}}
    return answer


def describe(app: FastAPI) -> None:
    """Make `app.openapi()` the complete description, made once."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _complete(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(app: FastAPI) -> dict[str, Any]:
    described = get_openapi(title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes, tags=TAGS)
    components = described.setdefault("components", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = components.setdefault("schemas", {})
    schemas |= {**problem.pop("$defs", {}), "Problem": problem}
    components["securitySchemes"] = SECURITY_SCHEMES
    for operation in (each for path in described["paths"].values() for each in path.values()):
        if "requestBody" in operation:
            operation["responses"].setdefault("400", _problem_response(400))
    described["security"] = [{name: []} for name in SECURITY_SCHEMES]
    return described
