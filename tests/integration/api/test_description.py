"""The API against its own description: schemathesis, bounded and repeatable."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from callcenter.calls.tables import calls

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
    "response_headers_conformance,negative_data_rejection,unsupported_method,ignored_auth"
)
"""Not positive_data_acceptance: filters that are well formed may still contradict one another."""


async def test_schemathesis_finds_nothing(api: Any, call_row: Any, tmp_path: Path) -> None:
    async with api.engine.begin() as connection:
        await connection.execute(insert(calls), [call_row() for _ in range(20)])
    command = [
        Path(sys.executable).parent / "schemathesis", "run", f"{api.url}/openapi.json", "-H", 
        f"Authorization: Bearer {api.key}",
        "--exclude-path", "/v1/live", "--exclude-path", "/v1/health", "--checks", CHECKS, 
        "--phases", "examples,fuzzing",
        "--max-examples", "25", "--seed", "20261122", "--generation-database", "none", "--no-color",
    ]  # fmt: skip
    ran = await asyncio.to_thread(
        subprocess.run, command, cwd=tmp_path, capture_output=True, text=True, timeout=400,
        env={**os.environ, "NO_COLOR": "1"}, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]


async def test_the_description_is_complete(api: Any) -> None:
    described = (await api.client.get("/openapi.json")).json()
    assert {"/v1/cdrs", "/v1/reports/traffic", "/v1/live", "/v1/health", "/v1/alerts"} <= set(described["paths"])
    assert set(described["components"]["securitySchemes"]) == {"bearer", "header", "basic"}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            assert {"401", "503"} <= set(operation["responses"]), (method, path)
            for status, response in operation["responses"].items():
                assert response["description"], (path, status)
                if status in ("401", "404", "422"):
                    assert "application/problem+json" in response["content"], (path, status)
            if method != "get":
                assert "403" in operation["responses"], (method, path)


async def test_what_a_route_takes_is_what_the_description_says(api: Any) -> None:
    described = (await api.client.get("/openapi.json")).json()["paths"]
    for path, methods in described.items():
        for method, operation in methods.items():
            names = sorted(p["name"] for p in operation.get("parameters", ()) if p["in"] == "query")
            answer = await api.client.request(method, path, params={"nonsense": "1"})
            known = f"nonsense: unknown parameter; known are: {', '.join(names) or 'none'}"
            assert answer.status_code == 422, (method, path)
            assert known in answer.json()["detail"], (method, path)


async def test_a_request_is_not_kept_waiting_for_the_description(api: Any) -> None:
    """It takes a second to make, in which nobody else would be answered."""
    assert (await api.client.get("/v1/cdrs", params={"limit": "1"})).status_code == 200
    assert api.app.openapi_schema is None
