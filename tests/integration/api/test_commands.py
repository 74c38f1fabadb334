"""`callcenter cdrs`, `report` and `apikeys` as people and scripts call them."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from callcenter.cli import app
from callcenter.errors import CallcenterError

PROGRAM = Path(sys.executable).parent / "callcenter"


@pytest.fixture
def settings_of_test(database_url: str, tmp_path: Path) -> dict[str, str]:
    return {"CALLCENTER_HOME": str(tmp_path), "CALLCENTER_DATABASE_URL": database_url}


@pytest.fixture
def command(settings_of_test: dict[str, str]) -> Any:
    """Runs `callcenter …` in a thread of its own: exit code, output, the error it would print."""

    async def run(*words: str) -> tuple[int, str, str]:
        result = await asyncio.to_thread(CliRunner().invoke, app, words, env=settings_of_test)
        assert result.exception is None or isinstance(result.exception, CallcenterError)
        return result.exit_code, result.stdout_bytes.decode("utf-8-sig"), str(result.exception or "")

    return run


async def test_a_fault_is_one_line_and_exit_code_1(settings_of_test: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        PROGRAM, "cdrs", "--line", "sales", env={**os.environ, **settings_of_test}, stderr=asyncio.subprocess.PIPE
    )
    _, error = await process.communicate()
    assert process.returncode == 1
    assert error.decode() == "callcenter: --line: 'sales' is not known; choose of hotline, emergency\n"


async def test_cdrs(command: Any, add_call: Any) -> None:
    call_id = await add_call(caller_name="\x1b[31m王小明")
    code, table, _ = await command("cdrs", "--number", "138*")
    assert code == 0
    assert all(word in table for word in ("话单", "13800138000", "2026-11-23 09:00:00", "已接听"))
    assert "\x1b" not in table
    code, listed, _ = await command("cdrs", "--json", "--outcome", "answered")
    assert [call["id"] for call in json.loads(listed)] == [str(call_id)]


async def test_report(command: Any, add_call: Any) -> None:
    await add_call()
    code, table, _ = await command("report", "--period", "week", "--date", "2026-11-25")
    assert code == 0
    assert all(word in table for word in ("呼损率", "总呼入数", "2026-11-29", "合计", "–"))
    code, packed, _ = await command("report", "--date", "2026-11-23", "--format", "json", "--lang", "en")
    assert json.loads(packed)["total"]["figures"]["inbound"]["label"] == "Inbound"
    code, rows, _ = await command("report", "--date", "2026-11-23", "--format", "csv")
    assert rows.splitlines()[-1].startswith("total,1,1,1,0,")
    await add_call(outcome="eaten_by_the_dog")
    code, _, error = await command("report", "--date", "2026-11-23")
    assert code == 1
    assert "does not balance" in error


async def test_apikeys(command: Any) -> None:
    code, key, _ = await command("apikeys", "add", "desk")
    assert (code, len(key.strip())) == (0, 46)
    assert (await command("apikeys", "add", "desk"))[0] == 1
    assert (await command("apikeys", "add", "a b; c"))[0] == 1
    assert (await command("apikeys", "revoke", "desk"))[0] == 0
    _, listed, _ = await command("apikeys", "list")
    assert "desk" in listed
    assert key.strip() not in listed
