"""Administrators change a running hotline: refused, deployed, rolled back, while calls go on."""

import asyncio
import os
import re
import runpy
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio

from callcenter import clock
from callcenter.dialplan.deployments import stored_numbers
from callcenter.journal.facts import CelFact, parse_lines
from callcenter.local import deployment
from callcenter.local.addresses import database_url
from callcenter.local.changing import keep
from callcenter.local.configuration import own_asterisk
from callcenter.local.ports import passing_port
from callcenter.storage.engine import make_engine
from tests.acceptance.evidence import new_caller, record_of
from tests.acceptance.hotline import COMMAND, RunningHotline
from tests.acceptance.phones import dial

ROOT = Path(__file__).parents[2]
ring_steadily = runpy.run_path(str(ROOT / "benchmarks" / "rig" / "calls.py"))["ring_steadily"]
"""The benchmarks' callers: INVITE, some seconds, BYE."""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`asterisk/` and `dialplans/` as the hotline was started with: others may edit the tree meanwhile."""
    return copy_sources(ROOT, tmp_path_factory.mktemp("checkout"))


def copy_sources(source: Path, target: Path) -> Path:
    for name in ("asterisk", "dialplans"):
        shutil.copytree(source / name, target / name)
    return target


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def changed(checkout: Path) -> AsyncIterator[RunningHotline]:
    """A hotline that only these tests change: no menu, so that callers are soon in the queue."""
    async with RunningHotline(queue_timeout_seconds=60) as hotline:
        code, said = await hotline.command("schedule", "open", "--until", "+2h")
        assert code == 0, said
        async with asyncio.timeout(10):
            while "hotline open" not in (await hotline.api.get("/v1/health")).text:
                await asyncio.sleep(0.1)
        yield hotline


@pytest.fixture
def sources(checkout: Path, tmp_path: Path) -> Path:
    """A copy of `asterisk/` and `dialplans/` to change."""
    return copy_sources(checkout, tmp_path)


def edit(path: Path, right: str, wrong: str) -> None:
    text = path.read_text("utf-8")
    assert right in text
    path.write_text(text.replace(right, wrong, 1), "utf-8")


def loaded_files(hotline: RunningHotline) -> dict[str, str]:
    return {path.name: path.read_text() for path in (hotline.settings.asterisk_dir / "etc").glob("*.conf")}


async def asterisk_says(hotline: RunningHotline, command: str) -> str:
    """The running Asterisk's own answer on its console."""
    from callcenter.local.trial import said

    pbx = own_asterisk(hotline.settings)
    return await said(pbx, pbx.configuration, command)


async def test_start_is_on_record(changed: RunningHotline) -> None:
    code, said = await changed.command("dialplan", "history")
    assert code == 0
    assert "started" in said.splitlines()[-1], said


async def test_deployment_is_loaded_called_and_recorded(changed: RunningHotline, sources: Path) -> None:
    more = "\n[addition]\n; Who: nobody. From: nowhere. May reach: nothing.\nexten => s,1,Hangup()\n"
    edit(sources / "dialplans" / "hotline.conf", "\n[say-goodbye]", f"{more}\n[say-goodbye]")
    code, said = await changed.command("dialplan", "deploy", str(sources), "--reason", "an addition")
    assert code == 0, said
    assert "+ [addition] s,1: Hangup()" in said
    assert re.search(r"hotline: passed \(.*SERVICE.*RECORDING NOTICE_PLAYED.*\)", said), said
    assert re.search(r"emergency: passed", said), said
    assert "addition" in await asterisk_says(changed, "dialplan show addition")
    _, listed = await changed.command("dialplan", "history")
    assert "deployed" in listed.splitlines()[0] and "an addition" in listed.splitlines()[0]
    code, said = await changed.command("dialplan", "rollback")
    assert code == 0, said
    assert "no existence" in await asterisk_says(changed, "dialplan show addition")


async def test_broken_dialplan_is_refused(changed: RunningHotline, sources: Path) -> None:
    before = loaded_files(changed)
    edit(sources / "dialplans" / "hotline.conf", "Goto(hotline-menu,s,1)", "Goto(hotline-meno,s,1)")
    code, said = await changed.command("dialplan", "deploy", str(sources))
    assert code == 1
    assert "dialplans/hotline.conf:" in said and "hotline-meno" in said
    assert loaded_files(changed) == before


async def test_change_that_needs_a_restart_is_refused(changed: RunningHotline, sources: Path) -> None:
    before = loaded_files(changed)
    edit(
        sources / "asterisk" / "modules.conf.j2",
        "load = app_playback.so",
        "load = app_playback.so\nload = app_verbose.so",
    )
    code, said = await changed.command("dialplan", "deploy", str(sources))
    assert code == 1
    assert "modules.conf" in said and "start callcenter run" in said
    assert loaded_files(changed) == before


async def test_dialplan_that_hangs_up_is_rolled_back(changed: RunningHotline, sources: Path) -> None:
    """It loads without a word and every rule lets it pass: only a call shows it."""
    before, plan = loaded_files(changed), await asterisk_says(changed, "dialplan show hotline")
    edit(sources / "dialplans" / "hotline.conf", "exten => open,1,Goto(hotline-menu,s,1)", "exten => open,1,Hangup()")
    code, said = await changed.command("dialplan", "deploy", str(sources))
    assert code == 1
    assert "rolled_back: the self-test call failed: hotline: it got no further than NOTICE_PLAYED" in said
    assert loaded_files(changed) == before
    assert await asterisk_says(changed, "dialplan show hotline") == plan


def spoken(hotline: RunningHotline, name: str) -> bytes:
    return (hotline.settings.asterisk_dir / "data" / "sounds" / "zh" / f"{name}.wav").read_bytes()


async def test_prompts_come_and_go_with_the_deployment(changed: RunningHotline, sources: Path) -> None:
    """A new wording is in the difference and in force; going back brings back the sound of before."""
    before = spoken(changed, "goodbye")
    edit(sources / "dialplans" / "prompts" / "hotline.toml", 'zh = "感谢您的来电，再见。"', 'zh = "再见。"')
    _, said = await changed.command("dialplan", "diff", str(sources))
    assert "~ prompt zh/goodbye: 感谢您的来电，再见。 → 再见。" in said.splitlines()
    code, said = await changed.command("dialplan", "deploy", str(sources), "--reason", "shorter")
    assert code == 0, said
    shorter = spoken(changed, "goodbye")
    assert len(shorter) < len(before)
    edit(sources / "dialplans" / "hotline.conf", "exten => open,1,Goto(hotline-menu,s,1)", "exten => open,1,Hangup()")
    edit(sources / "dialplans" / "prompts" / "hotline.toml", 'zh = "再见。"', 'zh = "再会，再会，再会。"')
    code, said = await changed.command("dialplan", "deploy", str(sources))
    assert code == 1 and "rolled_back" in said
    assert spoken(changed, "goodbye") == shorter
    code, said = await changed.command("dialplan", "rollback")
    assert code == 0, said
    assert "~ prompt zh/goodbye: 再见。 → 感谢您的来电，再见。" in said
    assert spoken(changed, "goodbye") == before


async def test_difference_hides_passwords(changed: RunningHotline, sources: Path) -> None:
    edit(sources / "asterisk" / "pjsip.conf.j2", "password = {{ phone.password }}", "password = x{{ phone.password }}")
    edit(sources / "asterisk" / "queues.conf.j2", "maxlen = 100", "maxlen = 90")
    code, said = await changed.command("dialplan", "diff", str(sources))
    assert code == 0
    assert "~ queues.conf [hotline] maxlen: 100 → 90" in said
    assert re.search(r"~ pjsip.conf \[.*-1001\] auth password: \*\*\*", said)
    kept = "".join(p.read_text() for p in (changed.settings.asterisk_dir / "deployments").glob("*.json"))
    assert not any(password in said + kept for password in changed.agents.values())


async def test_self_test_rings_nobody_and_is_no_traffic(changed: RunningHotline, sources: Path) -> None:
    async with changed.phone("1001") as phone:
        edit(sources / "asterisk" / "queues.conf.j2", "maxlen = 100", "maxlen = 90")
        code, said = await changed.command("dialplan", "deploy", str(sources))
        assert code == 0, said
        assert [e for e in phone.events if e["event"] in ("incoming", "ringing", "answered")] == []
    async with asyncio.timeout(20):
        while True:
            items = (await changed.api.get("/v1/cdrs", params={"mark": "self_test"})).json()["items"]
            if {"hotline", "emergency"} <= {item["line"] for item in items}:
                break
            await asyncio.sleep(0.2)
    assert {item["outcome"] for item in items} == {"invalid"}


async def test_call_before_a_moved_step_is_waited_for(changed: RunningHotline, sources: Path) -> None:
    """A step put before Queue() moves the step after it: whoever waits there would go on at a wrong one."""
    edit(
        sources / "dialplans" / "queue-hotline.conf.j2",
        "exten => join,1,Set(PATIENCE=",
        "exten => join,1,Set(CHANGED=yes)\n same => n,Set(PATIENCE=",
    )
    async with changed.phone("1001"), dial("12333", changed.sip_server, caller=new_caller()):
        async with asyncio.timeout(20):
            while "1 calls" not in (shown := await asterisk_says(changed, "queue show hotline")):
                assert shown
                await asyncio.sleep(0.2)
        code, said = await changed.command("dialplan", "deploy", str(sources), "--wait", "1")
        assert code == 1
        assert "stand where steps would move" in said, said
    code, said = await changed.command("dialplan", "deploy", str(sources), "--wait", "20")
    assert code == 0, said
    code, said = await changed.command("dialplan", "rollback")
    assert code == 0, said


async def test_deployment_under_load_loses_no_call(changed: RunningHotline, sources: Path) -> None:
    """5 calls a second for 20 s; the deployment comes in the middle, and a talk that began before goes on."""
    edit(sources / "asterisk" / "queues.conf.j2", "maxlen = 100", "maxlen = 80")
    more = "\n[during-load]\n; Who: nobody. From: nowhere. May reach: nothing.\nexten => s,1,Hangup()\n"
    edit(sources / "dialplans" / "hotline.conf", "\n[say-goodbye]", f"{more}\n[say-goodbye]")
    number = new_caller()
    async with changed.phone("1002") as agent, dial("12333", changed.sip_server, caller=number) as caller:
        agent.send("auto 0.2")
        await agent.expect("answered", within=30)
        agent.send("auto -1")
        ringing = asyncio.create_task(ring_steadily(changed.settings.sip_port, 5, 100, 3.0))
        await asyncio.sleep(5)
        code, said = await changed.command("dialplan", "deploy", str(sources), "--wait", "0")
        callers = await ringing
        assert code == 0, said
        assert len(callers) == 100 and all(c.hung_up_at for c in callers)
        with suppress(AssertionError):
            await agent.expect("ended", within=0.1)
            raise RuntimeError("the talk was cut")
        caller.send("hangup")
    record = await record_of(changed, number)
    assert record["outcome"] == "answered" and record["talk_seconds"] > 20
    async with asyncio.timeout(30):
        while True:
            params = {"number": "1300000*", "limit": 200}
            items = (await changed.api.get("/v1/cdrs", params=params)).json()["items"]
            if len(items) >= 100:
                break
            await asyncio.sleep(0.2)
    assert len(items) == 100
    assert {item["outcome"] for item in items} <= {"abandoned_in_queue", "abandoned_ringing", "invalid"}
    assert "during-load" in await asterisk_says(changed, "dialplan show during-load")


@pytest.mark.parametrize("number", ["12333", "12334", "999"])
async def test_simulated_path_is_the_real_one(changed: RunningHotline, number: str) -> None:
    """What the dialplan tells the journal on the way, in order: of a real call, and of one that is only reckoned."""
    now = clock.now().astimezone(clock.LOCAL_ZONE).strftime("%Y-%m-%d %H:%M:%S")
    code, said = await changed.command("dialplan", "simulate", "--dial", number, "--at", now, "--queue", "TIMEOUT")
    assert code == 0, said
    assert said.startswith("from the running Asterisk")
    reckoned = re.findall(r"— journal: (\w+),", said)
    caller = new_caller()
    async with changed.phone("1003"), dial(number, changed.sip_server, caller=caller) as phone:
        if number == "999":
            await phone.expect("ended")
        else:
            await asyncio.sleep(9)  # the notice, then in the queue or ringing
    facts, _ = parse_lines("cel", changed.settings.cel_path.read_bytes(), 0)
    cel = [fact for fact in facts if isinstance(fact, CelFact)]
    linked = next(f.linkedid for f in cel if f.number == caller)
    root = [f for f in cel if f.uniqueid == linked and f.type == "USER_DEFINED"]
    real = [f.user_event for f in root if f.user_event != "MARK"]
    assert len(real) >= (1 if number == "999" else 4)
    assert reckoned[: len(real)] == real


async def test_simulation_answers_without_asterisk(tmp_path: Path) -> None:
    """The make-up Saturday of 10 October 2026, from the rendered files of a home that never ran."""
    process = await asyncio.create_subprocess_exec(
        *(COMMAND, "dialplan", "simulate", "--dial", "12333", "--at", "2026-10-10 10:00", "--press", "1"),
        env={**os.environ, "CALLCENTER_HOME": str(tmp_path), "CALLCENTER_AMI_PORT": str(passing_port())},
        stdout=asyncio.subprocess.PIPE,
    )
    said = (await process.communicate())[0].decode()
    assert said.startswith("from the files, because"), said
    assert "workday-2026-10-10" in said and "journal: MENU,1" in said
    assert said.rstrip().endswith("end: an agent of hotline answers")


async def test_reload_that_did_not_happen_is_noticed(changed: RunningHotline, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are there and Asterisk has not taken them in: as if its reload had failed without a word."""
    pbx = own_asterisk(changed.settings)
    before = deployment.files_in(pbx.site.etc_dir)
    more = before["hotline.conf"] + "\n[unseen]\nexten => s,1,Hangup()\n"
    monkeypatch.setattr(deployment, "to_reload", lambda changed, new: [])
    made = await deployment.put_in_force(pbx, deployment.Wish(deployment.State({**before, "hotline.conf": more})))
    assert made.result == "rolled_back"
    assert "[unseen] s,1: sent Hangup(), loaded nothing" in made.why
    assert deployment.files_in(pbx.site.etc_dir) == before


async def test_only_one_deployment_at_a_time(changed: RunningHotline, sources: Path) -> None:
    with deployment.only_one(changed.settings):
        code, said = await changed.command("dialplan", "deploy", str(sources))
    assert code == 1
    assert "Another deployment is at work" in said


async def test_deployments_are_in_the_database(changed: RunningHotline) -> None:
    assert await keep(changed.settings)
    kept = deployment.archive_of(changed.settings).all()
    engine = make_engine(database_url(changed.settings))
    async with engine.connect() as connection:
        assert await stored_numbers(connection, changed.settings.pbx) == [d.number for d in kept]
    await engine.dispose()
    assert kept
