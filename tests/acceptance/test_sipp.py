"""Stories of a provider whose SIP is allowed but unusual, told by SIPp: each leaves the one right record."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from callcenter.local import programs
from callcenter.local.ports import passing_port
from tests.acceptance.agents import agents_hotline, answering
from tests.acceptance.evidence import instant, new_caller, record_of
from tests.acceptance.hotline import RunningHotline

SCENARIOS = Path(__file__).with_name("sipp")
TRUNK = "127.0.0.9"
GIVES_UP_SECONDS = 32
"""RFC 3261, 13.3.1.4: 64 times T1 after the 200 that nobody acknowledged"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def phones() -> AsyncIterator[RunningHotline]:
    async with agents_hotline(recording_pause=False) as hotline:
        yield hotline


async def tell(hotline: RunningHotline, scenario: str, number: str, folder: Path) -> str:
    """Run SIPp for one call from that number; what it saw of errors, empty when all went as the scenario says."""
    (folder / "callers.csv").write_text(f"SEQUENTIAL\n{number}\n")
    port, media = passing_port(), passing_port()
    process = await asyncio.create_subprocess_exec(
        programs.require("sipp"), hotline.sip_server, "-sf", str(SCENARIOS / f"{scenario}.xml"),
        "-inf", str(folder / "callers.csv"), "-s", "12333", "-m", "1", "-i", TRUNK, "-p", str(port),
        "-mi", TRUNK, "-mp", str(media), "-timeout", "70", "-trace_err", "-error_file", str(folder / "errors"),
        "-nostdin", "-default_behaviors", "all,-abortunexp",
        env={**os.environ, "TERM": "dumb"}, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    code = await process.wait()
    errors = (folder / "errors").read_text() if (folder / "errors").exists() else ""
    return errors if code else ""


@pytest.mark.parametrize("scenario", ["late_offer", "repeated_invite"])
async def test_a_call_is_a_call(phones: RunningHotline, tmp_path: Path, scenario: str) -> None:
    """He hears the notice, is answered, talks, and hangs up 6 s after the 200."""
    number = new_caller()
    async with answering(phones, "1001") as agent:
        wrong = await tell(phones, scenario, number, tmp_path)
        assert wrong == ""
        answered, ended = await agent.expect("answered"), await agent.expect("ended")
    record = await record_of(phones, number)
    assert (record["outcome"], record["agent"], record["hung_up_by"]) == ("answered", "1001", "caller")
    assert record["talk_seconds"] == pytest.approx(ended["at"] - answered["at"], abs=0.9)
    assert [r["flags"] for r in record["recordings"]] == [["caller_silent"]]  # SIPp sends no audio
    assert record["anomalies"] == []


async def test_the_answer_is_never_acknowledged(phones: RunningHotline, tmp_path: Path) -> None:
    """Asterisk ends it after 32 s: the agent is free again, and the record says that neither of the two hung up."""
    number, began = new_caller(), time.time()
    async with answering(phones, "1001") as agent:
        wrong = await tell(phones, "no_ack", number, tmp_path)
        assert wrong == ""
        answered, ended = await agent.expect("answered"), await agent.expect("ended")
    record: dict[str, Any] = await record_of(phones, number)
    assert (record["outcome"], record["agent"], record["hung_up_by"]) == ("answered", "1001", "system")
    assert record["talk_seconds"] == pytest.approx(ended["at"] - answered["at"], abs=0.9)
    assert GIVES_UP_SECONDS - 2 < instant(record["ended_at"]) - began < GIVES_UP_SECONDS + 8  # SIPp starts within it
