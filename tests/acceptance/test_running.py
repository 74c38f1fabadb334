"""Starting, stopping, crashing, starting beside: what an administrator does on a bad day."""

import asyncio
import json
import shutil
import signal
import time

from callcenter.local.places import run_dir
from callcenter.local.processes import Process, is_alive, last_lines, recall, until
from tests.acceptance.hotline import RunningHotline


async def test_every_part_is_up(hotline: RunningHotline) -> None:
    answer = await hotline.api.get("/v1/health")
    assert answer.status_code == 200, answer.text


async def test_agents_are_printed_for_scripts(hotline: RunningHotline) -> None:
    code, said = await hotline.command("agents", "--json")
    assert code == 0
    accounts = json.loads(said)
    assert [a["number"] for a in accounts] == ["1001", "1002", "1003", "1004", "1010"]
    assert {a["port"] for a in accounts} == {hotline.settings.sip_port}


async def test_doctor_finds_nothing(hotline: RunningHotline) -> None:
    code, said = await hotline.command("doctor")
    assert code == 0, said


async def test_second_run_is_refused(hotline: RunningHotline) -> None:
    code, said = await hotline.command("run")
    assert code == 1
    assert f"runs from {hotline.home} already (process {hotline.run.pid})" in said


async def test_part_that_dies_is_started_again(hotline: RunningHotline) -> None:
    for part in ("mosquitto", "listen", "api"):
        before = hotline.process(part)
        await hotline.kill(part)
        await renewed(hotline, part, before)
        code, said = await hotline.command("wait", "--ready")
        assert code == 0, said


async def renewed(hotline: RunningHotline, part: str, before: Process) -> None:
    """Wait until another process is this part."""
    async with asyncio.timeout(20):
        while recall(run_dir(hotline.settings) / f"{part}.pid") in (None, before):
            await asyncio.sleep(0.1)


async def test_crash_keeps_asterisk_and_start_is_quick() -> None:
    """kill -9 of `callcenter run`: Asterisk and its calls go on, and the next start takes it over."""
    async with RunningHotline(fresh=True) as hotline:
        asterisk, listen, api = (hotline.process(part) for part in ("asterisk", "listen", "api"))
        hotline.run.send_signal(signal.SIGKILL)
        await hotline.run.wait()
        began_at = time.monotonic()
        await hotline.begin()
        await renewed(hotline, "listen", listen)
        assert not is_alive(listen), "two listeners on one journal"
        await renewed(hotline, "api", api)  # the old one may answer for a moment, and would pass for the new
        code, said = await hotline.command("wait", "--ready")
        assert code == 0, said
        print(f"ready again after {time.monotonic() - began_at:.1f} s")
        assert hotline.process("asterisk") == asterisk
        await hotline.stop()
        print(f"stopped after {time.monotonic() - began_at:.1f} s")
        assert not is_alive(asterisk)


async def test_ports_in_use_are_named_before_anything_starts(hotline: RunningHotline) -> None:
    other = RunningHotline(http_port=hotline.settings.http_port, sip_port=hotline.settings.sip_port)
    code, said = await other.command("run")
    assert code == 1
    assert "CALLCENTER_HTTP_PORT" in said and "CALLCENTER_SIP_PORT" in said
    assert "CALLCENTER_AMI_PORT" not in said
    assert other.processes() == []
    shutil.rmtree(other.home)


async def test_stopped_while_it_starts_leaves_nothing() -> None:
    hotline = RunningHotline(fresh=True)
    await hotline.begin()
    assert await until(lambda: _says(hotline, "started in"), 60), last_lines(hotline.output)
    await hotline.stop()
    assert hotline.run.returncode == 0
    shutil.rmtree(hotline.home)


async def _says(hotline: RunningHotline, words: str) -> bool:
    return words in hotline.output.read_text()
