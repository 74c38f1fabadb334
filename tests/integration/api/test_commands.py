"""`callcenter cdrs`, `report` and `apikeys` as people and scripts call them."""

import asyncio
import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.integration.api.conftest import MONDAY
from typer.testing import CliRunner

from callcenter import clock
from callcenter.cli import app
from callcenter.errors import CallcenterError
from callcenter.retention.model import NOTICE_DAYS
from callcenter.retention.verdicts import local_day

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


async def test_retention(command: Any, add_call: Any, add_recording: Any) -> None:
    """Terms, holds and the dry run as the API has them; reasons are required and kept."""
    call = await add_call(started_at=MONDAY - timedelta(days=400))
    began = MONDAY - timedelta(days=400) + timedelta(seconds=2)
    recording = await add_recording(call, state="archived", started_at=began, seconds=50.0, bytes=1000)
    code, acts_on, _ = await command("retention", "set", "hotline", "365", "--reference", "letter of 2026-12-01")
    day = local_day(clock.now()) + timedelta(days=NOTICE_DAYS)
    assert (code, acts_on) == (0, f"{day}\n")
    _, today, _ = await command("retention", "dry-run", "--lang", "en")
    _, then, _ = await command("retention", "dry-run", "--day", f"{day}", "--lang", "en")
    _, by_day, _ = await command("retention", "dry-run", "--try", "hotline", "365", "--by-day", "--lang", "en")
    assert "its new term does not act yet" in folded(today) and "expire" not in folded(today)
    assert "over its term" in folded(then) and "2025-10-19" in folded(by_day)
    words = ("--why", "complaint", "--note", "[b]x", "--reference", "7")
    _, number, _ = await command("retention", "hold", f"{recording}", *words)
    assert "held" in folded((await command("retention", "dry-run", "--day", f"{day}", "--lang", "en"))[1])
    assert (await command("retention", "release", number.strip(), "--reason", "closed"))[0] == 0
    _, holds, _ = await command("retention", "holds", "--all", "--lang", "en")
    assert "closed" in folded(holds)
    assert "[b]x" in folded(holds)
    assert (await command("retention", "end", "hotline", "--reason", "a mistake"))[0] == 0
    assert "a mistake" in folded((await command("retention", "policies", "--lang", "en"))[1])
    assert "a day in the next" in (await command("retention", "dry-run", "--day", "2999-01-01"))[2]
    assert "is no day" in (await command("retention", "dry-run", "--day", "soon"))[2]


def folded(table: str) -> str:
    """A table's words, however its cells were broken into lines: a column after the other is too much to ask."""
    rows = [line.split("│") for line in table.splitlines() if "│" in line]
    columns = [" ".join(" ".join(cells[n].strip() for cells in rows if n < len(cells)).split()) for n in range(20)]
    return " ".join(columns)
