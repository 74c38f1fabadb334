"""Holiday Monday, make-up Saturday: real calls at a shifted clock, by the pushed word and by the rendered one."""

import asyncio
import os
import signal
from typing import Any

from tests.acceptance.evidence import new_caller, record_of
from tests.acceptance.hotline import RunningHotline
from tests.acceptance.phones import dial

SEEN = 2.5
"""Seconds until every process has read the new clock (`clock.READ_EVERY_SECONDS`)"""


async def ring(hotline: RunningHotline) -> str:
    """A citizen who hangs up as soon as the hotline has answered; his number."""
    caller = new_caller()
    async with dial(hotline.settings.hotline_number, hotline.sip_server, caller=caller) as phone:
        await phone.expect("answered")
    return caller


async def decided(hotline: RunningHotline, caller: str) -> tuple[Any, ...]:
    record = await record_of(hotline, caller, within=40)
    return record["service"], record["service_source"], record["service_reason"], record["started_at"][:10]


async def move(hotline: RunningHotline, wall: str) -> None:
    hotline.set_clock(wall)
    await asyncio.sleep(SEEN)


async def test_holiday_and_makeup_day_with_and_without_us() -> None:
    async with RunningHotline(clock="2026-10-05 10:00") as hotline:
        pushed_monday = await ring(hotline)
        listen = hotline.process("listen").pid
        os.kill(listen, signal.SIGSTOP)  # as good as dead, but not started again
        try:
            await move(hotline, "2026-10-06 10:00")
            holiday = await ring(hotline)
            await move(hotline, "2026-10-10 10:00")
            makeup = await ring(hotline)
            await move(hotline, "2026-10-10 17:00")
            evening = await ring(hotline)
            await move(hotline, "2026-10-11 10:00")
            sunday = await ring(hotline)
        finally:
            os.kill(listen, signal.SIGCONT)
        assert await decided(hotline, pushed_monday) == ("closed", "pushed", "holiday-2026-10-05", "2026-10-05")
        assert await decided(hotline, holiday) == ("closed", "rendered", "holiday-2026-10-06", "2026-10-06")
        assert await decided(hotline, makeup) == ("open", "rendered", "workday-2026-10-10", "2026-10-10")
        assert await decided(hotline, evening) == ("closed", "rendered", "workday-2026-10-10", "2026-10-10")
        assert await decided(hotline, sunday) == ("closed", "rendered", "hours", "2026-10-11")


async def test_makeup_saturday_is_open() -> None:
    async with RunningHotline(clock="2026-10-10 10:00") as hotline:
        caller = await ring(hotline)
        assert await decided(hotline, caller) == ("open", "pushed", "workday-2026-10-10", "2026-10-10")
