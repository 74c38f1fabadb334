"""The menu by real calls: every digit, none, a wrong one, and what the agent and the record say afterwards."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.acceptance.evidence import audio_of, new_caller, record_of
from tests.acceptance.hearing import heard, not_heard
from tests.acceptance.hotline import RunningHotline
from tests.acceptance.phones import dial
from tests.acceptance.schedules import keep_open

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hotline() -> AsyncIterator[RunningHotline]:
    """A hotline with a menu, open."""
    async with RunningHotline(menu=True, voicemail=False) as hotline:
        await keep_open(hotline)
        yield hotline


async def test_menu(hotline: RunningHotline) -> None:
    number = new_caller()
    async with hotline.phone("1001") as phone, dial("12333", hotline.sip_server, caller=number) as caller:
        phone.send("auto 0.2")
        await caller.expect("answered")
        await asyncio.sleep(7)
        caller.send("digits 2")
        print(await phone.expect("incoming", within=30))
        await phone.expect("answered")
        await asyncio.sleep(1)
        caller.send("hangup")
        await caller.expect("ended")
    record = await record_of(hotline, number)
    print(record)
    audio = await audio_of(hotline, record)
    print(audio.seconds)
    print(heard(hotline, audio, "hotline-notice", "hotline-menu"))
    not_heard(hotline, audio, "menu-to-agent", "closing-sorry")
    log = (hotline.settings.asterisk_dir / "log" / "messages.log").read_text("utf-8", "replace")
    print([l for l in log.splitlines() if "WARN" in l or "ERR" in l])
