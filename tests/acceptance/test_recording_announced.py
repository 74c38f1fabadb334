"""The policy `announce`: while recordings can't be written, callers hear that they may not be recorded, and are served.

Their recordings can't hold that, so it is heard at the caller's own phone.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest_asyncio

from callcenter.ami import actions
from callcenter.ami.connection import AmiClient
from callcenter.ami.faults import AmiFault
from callcenter.ami.model import Address
from tests.acceptance.agents import answering, samples_heard
from tests.acceptance.evidence import Audio, new_caller, record_of
from tests.acceptance.hearing import heard_in_order, not_heard
from tests.acceptance.made import quality
from tests.acceptance.phones import Softphone, dial
from tests.acceptance.small_disk import inside, keep_full, on_small_disk, over, raised, standing, within
from tests.drills.site import DrillHotline

HOTLINE, EMERGENCY = "12333", "12334"
SOON = 2.0
SETTINGS = {"agents": ("1001", "1002", "1003"), "queue_timeout_seconds": 60, "menu": False, "callback": False}
TOLD = "recording_failure_told"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def announcing() -> AsyncIterator[DrillHotline]:
    async with on_small_disk(recording_failure="announce", **SETTINGS) as hotline:
        yield hotline


@asynccontextmanager
async def full(hotline: DrillHotline) -> AsyncIterator[None]:
    """Not a byte of room on the recordings' disk; afterwards there is again."""
    balloon = inside(hotline) / "balloon"
    filling = asyncio.create_task(keep_full(balloon))
    try:
        await within(SOON, raised(hotline, "recording_spool"))
        yield
    finally:
        filling.cancel()
        await asyncio.gather(filling, return_exceptions=True)
        balloon.unlink()


@asynccontextmanager
async def listening(hotline: DrillHotline, line: str, number: str, folder: Path) -> AsyncIterator[Softphone]:
    """A caller who keeps what he hears."""
    folder.mkdir()
    async with dial(line, hotline.sip_server, caller=number, record=folder) as caller:
        await caller.expect("answered")
        yield caller


async def until_pushed(hotline: DrillHotline) -> None:
    """Until the dialplan knows the policy."""
    own = hotline.settings
    client = AmiClient(Address(own.ami_host, own.ami_port, own.ami_username, hotline.secrets.ami_password))
    connected = asyncio.create_task(client.run())
    try:
        async with asyncio.timeout(10):
            while not await policy(client):
                await asyncio.sleep(0.1)
    finally:
        connected.cancel()
        await asyncio.gather(connected, return_exceptions=True)


async def policy(client: AmiClient) -> bool:
    """Whether it is there; without a connection or a key there is none."""
    with suppress(AmiFault):
        return bool(await client.collect(actions.db_get_tree("callcenter/recording")))
    return False


def heard_at(folder: Path) -> Audio:
    return Audio([], samples_heard(folder))


async def hang_up(caller: Softphone) -> None:
    caller.send("hangup")
    await caller.expect("ended")


def told(record: dict[str, Any]) -> bool:
    """Its mark and its timeline say the same."""
    marked, noted = TOLD in record["marks"], TOLD in {entry["kind"] for entry in record["timeline"]}
    assert marked is noted, record
    return marked


async def test_the_disk_is_full(announcing: DrillHotline, tmp_path: Path) -> None:
    """Who talks or waits goes on and is marked, but not interrupted; who calls now is told, and reaches an agent."""
    hotline = announcing

    async def both_stall() -> bool:
        alert = (await standing(hotline)).get("recording_stalled", {"facts": {"calls": 0}})
        return bool(alert["facts"]["calls"] == 2)

    talking, waiting, calling, urgent = (new_caller() for _ in range(4))
    folders = {number: tmp_path / number for number in (talking, waiting, calling, urgent)}
    async with (
        answering(hotline, "1001") as phone,
        listening(hotline, HOTLINE, talking, folders[talking]) as talker,
    ):
        await phone.expect("answered", within=30)
        async with listening(hotline, HOTLINE, waiting, folders[waiting]) as waiter:
            await asyncio.sleep(4)
            async with full(hotline):
                await within(12, both_stall)
                async with listening(hotline, HOTLINE, calling, folders[calling]) as caller:
                    async with listening(hotline, EMERGENCY, urgent, folders[urgent]) as emergency:
                        await asyncio.sleep(14)  # both prompts
                        await hang_up(emergency)
                    async with answering(hotline, "1002") as second, answering(hotline, "1003") as third:
                        await second.expect("answered", within=30)
                        await third.expect("answered", within=30)
                        await asyncio.sleep(2)
                        await hang_up(caller)
                        await hang_up(waiter)
                await hang_up(talker)
    await within(SOON, over(hotline, "recording_spool"))
    for number in (calling, urgent):
        heard_in_order(hotline, heard_at(folders[number]), "recording-failure")
    for number in (talking, waiting):
        not_heard(hotline, heard_at(folders[number]), "recording-failure")
    records = {number: await record_of(hotline, number, within=60) for number in folders}
    assert {n: told(r) for n, r in records.items()} == {talking: False, waiting: False, calling: True, urgent: True}
    assert [records[n]["outcome"] for n in (talking, waiting, calling)] == ["answered"] * 3
    for number in (talking, waiting, calling):
        assert "unwatched" in records[number]["recordings"][0]["flags"], records[number]["recordings"]
    for number in (calling, urgent):
        (recording,) = records[number]["recordings"]
        assert (recording["state"], recording["reason"]) == ("absent", "nothing could be written while the call was up")


async def test_the_folder_is_gone(announcing: DrillHotline, tmp_path: Path) -> None:
    hotline, number = announcing, new_caller()
    spool = inside(hotline) / "spool"
    spool.rename(spool.with_name("elsewhere"))
    try:
        await within(SOON, raised(hotline, "recording_spool"))
        await until_pushed(hotline)
        async with (
            answering(hotline, "1001") as phone,
            listening(hotline, HOTLINE, number, tmp_path / number) as caller,
        ):
            await phone.expect("answered", within=30)
            await asyncio.sleep(3)
            await hang_up(caller)
    finally:
        spool.with_name("elsewhere").rename(spool)
    await within(SOON, over(hotline, "recording_spool"))
    heard_in_order(hotline, heard_at(tmp_path / number), "recording-failure")
    record = await record_of(hotline, number, within=60)
    assert told(record) and record["outcome"] == "answered"
    (recording,) = record["recordings"]
    assert (recording["state"], recording["flags"]) == ("absent", ["unwatched"])


async def test_afterwards_nobody_is_told(announcing: DrillHotline, tmp_path: Path) -> None:
    number = new_caller()
    async with (
        answering(announcing, "1001") as phone,
        listening(announcing, HOTLINE, number, tmp_path / number) as caller,
    ):
        await phone.expect("answered", within=30)
        await asyncio.sleep(4)
        await hang_up(caller)
    not_heard(announcing, heard_at(tmp_path / number), "recording-failure")
    record = await record_of(announcing, number)
    assert not told(record)
    assert quality(record["recordings"][0]) == "sound"
