"""Recordings are watched from their first second: on a small disk of its own, full, read-only, gone, put right again.

Each fault is told within 2 s (`SOON`): by alert, in health and in the recording's life.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio

from tests.acceptance.agents import answering
from tests.acceptance.evidence import new_caller, record_of, records_of
from tests.acceptance.made import quality
from tests.acceptance.phones import dial
from tests.acceptance.rawsip import Invite
from tests.acceptance.small_disk import inside, keep_full, mounted, on_small_disk, over, raised, standing, within
from tests.drills.site import DrillHotline

HOTLINE, EMERGENCY = "12333", "12334"
SOON = 2.0
SETTINGS = {"agents": ("1001", "1002"), "queue_timeout_seconds": 40, "menu": False, "callback": False}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def watched() -> AsyncIterator[DrillHotline]:
    """A hotline whose recordings lie on 48 MB of their own, and which refuses callers when it can't record."""
    async with on_small_disk(recording_failure="refuse", **SETTINGS) as hotline:
        yield hotline


async def test_a_sound_call_raises_nothing(watched: DrillHotline) -> None:
    number = new_caller()
    async with answering(watched, "1001"), dial(HOTLINE, watched.sip_server, caller=number) as caller:
        await caller.expect("answered")
        await asyncio.sleep(6)
        caller.send("hangup")
    record = await record_of(watched, number)
    assert quality(record["recordings"][0]) == "sound"
    assert not {k for k in await standing(watched) if k.startswith("recording_")}


async def test_the_disk_is_full(watched: DrillHotline) -> None:
    """A call that is up goes on; a new one is refused, an emergency call is not; with room again all is well."""
    number, late, urgent = new_caller(), new_caller(), new_caller()
    balloon = inside(watched) / "balloon"
    async with (
        answering(watched, "1001"),
        answering(watched, "1002"),
        dial(HOTLINE, watched.sip_server, caller=number) as caller,
    ):
        await caller.expect("answered")
        await asyncio.sleep(3)
        filling = asyncio.create_task(keep_full(balloon))
        try:
            assert await within(SOON, raised(watched, "recording_spool")) < SOON
            await within(5, raised(watched, "recording_stalled"))  # a file grows every 2.05 s
            async with dial(HOTLINE, watched.sip_server, caller=late) as refused:
                ended = await refused.expect("ended")
                assert ended["code"] >= 500, ended
            async with dial(EMERGENCY, watched.sip_server, caller=urgent) as emergency:
                await emergency.expect("answered")
                emergency.send("hangup")
                await emergency.expect("ended")
        finally:
            filling.cancel()
            await asyncio.gather(filling, return_exceptions=True)
            balloon.unlink()
        await within(SOON, over(watched, "recording_spool"))
        caller.send("hangup")
        await caller.expect("ended")
    record = await record_of(watched, number)
    assert "short" in record["recordings"][0]["flags"] or "unwatched" in record["recordings"][0]["flags"]
    (refused_record,) = await records_of(watched, late)
    assert (refused_record["outcome"], refused_record["recordings"]) == ("system_failure", [])
    (urgent_record,) = await records_of(watched, urgent)
    assert urgent_record["notice_played"] in {True, False}


async def test_the_disk_is_read_only(watched: DrillHotline) -> None:
    """What a disk with errors becomes."""
    folder = str(watched.settings.recordings_dir)
    await mounted(watched, "mount", "-o", "remount,ro", folder)
    try:
        await within(SOON, raised(watched, "recording_spool"))
        said = (await standing(watched))["recording_spool"]["facts"]["why"]
        assert "Read-only" in said
    finally:
        await mounted(watched, "mount", "-o", "remount,rw", folder)
    await within(SOON, over(watched, "recording_spool"))


async def test_the_folder_is_lost(watched: DrillHotline) -> None:
    spool = inside(watched) / "spool"
    spool.rename(spool.with_name("elsewhere"))
    try:
        await within(SOON, raised(watched, "recording_spool"))
    finally:
        spool.with_name("elsewhere").rename(spool)
    await within(SOON, over(watched, "recording_spool"))


async def test_a_file_vanishes(watched: DrillHotline) -> None:
    """While its call runs: told, and the call carries it; what Asterisk still holds can't be had back."""
    number = new_caller()
    async with answering(watched, "1001"), dial(HOTLINE, watched.sip_server, caller=number) as caller:
        await caller.expect("answered")
        await asyncio.sleep(3)
        for path in (inside(watched) / "spool").glob("*.wav"):
            path.unlink()
        await within(SOON, raised(watched, "recording_missing"))
        caller.send("hangup")
        await caller.expect("ended")
    await within(SOON, over(watched, "recording_missing"))
    record = await record_of(watched, number)
    (recording,) = record["recordings"]
    assert (recording["state"], recording["flags"]) == ("absent", ["unwatched"])


async def test_a_caller_who_sends_nothing(watched: DrillHotline) -> None:
    """His line is deaf: told at once, whatever the recording will say later."""
    number = new_caller()
    deaf = asyncio.create_task(Invite(watched.settings.sip_port, HOTLINE, number, seconds=6).send())
    await within(SOON + 1, raised(watched, "recording_one_sided"))
    assert await deaf == 200
    record = await record_of(watched, number)
    assert record["recordings"][0]["flags"] == ["caller_silent"]
