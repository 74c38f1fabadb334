"""GET /v1/health: how each part is, from its own word and its silence."""

import time
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.responses import Response

from callcenter import __version__, clock
from callcenter.errors import PartUnavailable
from callcenter.http.encoding import json_answer
from callcenter.http.openapi import problems
from callcenter.storage.heartbeat import STALE_AFTER_SECONDS
from callcenter.storage.reading import reading
from callcenter.storage.tables import heartbeats

router = APIRouter(tags=["health"])

ANSWER_SECONDS = 2.0
"""A database that hangs must not make this hang: who asks for the health waits least of all."""
EXPECTED = ("asterisk", "ami", "journal", "recording", "mqtt", "control")
"""What `callcenter listen` of this PBX reports; one that never did is down, not unknown."""


class Part(BaseModel):
    """One part of the service."""

    pbx: str | None = Field(examples=["hotline"], description="null: the API's own parts")
    part: str = Field(examples=["asterisk"])
    ok: bool
    detail: str = Field(examples=["22.10.1, up 2 h"], description="what is up, or why not")
    at: datetime = Field(description="when the part said so")


class Health(BaseModel):
    """All parts; `ok` when every one is."""

    ok: bool
    parts: list[Part]


@router.get(
    "/v1/health", summary="Ask how each part is", response_model=Health,
    responses={
        503: {"model": Health, "description": "At least one part is down, or the key could not be checked",
              "content": problems(503)[503]["content"]},
        **problems(401, 422),
    },
)  # fmt: skip
async def health(request: Request) -> Response:
    """Each part: ok, or why not. 200 when all are ok, else 503 with the same body."""
    parts = await read_parts(request.app.state.engine, request.app.state.pbx)
    whole = all(part["ok"] for part in parts)
    return json_answer({"ok": whole, "parts": parts}, 200 if whole else 503)


async def read_parts(engine: AsyncEngine, pbx: str) -> list[dict[str, Any]]:
    """Every part's state: ours, the database's, and those that report of themselves."""
    own = [_part(None, "api", True, f"version {__version__}")]
    began = time.perf_counter()
    try:
        reported = await _reported(engine)
    except PartUnavailable as error:
        unknown = [_part(pbx, part, False, "not known: the database does not say") for part in EXPECTED]
        return [*own, _part(None, "database", False, str(error)), *unknown]
    took = (time.perf_counter() - began) * 1000
    own.append(_part(None, "database", True, f"answered in {took:.1f} ms"))
    return [*own, *reported, *_silent(pbx, {part["part"] for part in reported if part["pbx"] == pbx})]


async def _reported(engine: AsyncEngine) -> list[dict[str, Any]]:
    age = func.extract("epoch", func.now() - heartbeats.c.at).label("age")
    async with reading(engine, within=ANSWER_SECONDS) as connection:
        rows = await connection.execute(select(heartbeats, age).order_by(heartbeats.c.pbx, heartbeats.c.part))
        return [_heard(row) for row in rows.mappings()]


def _heard(row: Any) -> dict[str, Any]:
    if row["age"] > STALE_AFTER_SECONDS:
        detail = f"silent for {row['age']:.0f} s; its last word: {row['detail']}"
        return _part(row["pbx"], row["part"], False, detail, row["at"])
    return _part(row["pbx"], row["part"], row["ok"], row["detail"], row["at"])


def _silent(pbx: str, heard: set[str]) -> list[dict[str, Any]]:
    why = "never reported; does callcenter listen run?"
    return [_part(pbx, part, False, why) for part in EXPECTED if part not in heard]


def _part(pbx: str | None, part: str, ok: bool, detail: str, at: datetime | None = None) -> dict[str, Any]:
    return {"pbx": pbx, "part": part, "ok": ok, "detail": detail, "at": at or clock.now()}
