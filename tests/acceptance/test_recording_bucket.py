"""Recordings in a real bucket: calls while it answers, while it is away, while it hangs, and while we die beside it."""

import asyncio
import hashlib
import io
import json
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest_asyncio

from tests.acceptance.agents import answering
from tests.acceptance.evidence import assert_talk_is_heard, audio_of, new_caller, record_of
from tests.acceptance.hotline import RunningHotline
from tests.acceptance.made import quality
from tests.acceptance.phones import dial
from tests.acceptance.schedules import in_force
from tests.integration.conftest import eventually
from tests.integration.s3_server import S3Server


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def kept_away(s3_server: S3Server) -> AsyncIterator[RunningHotline]:
    """A hotline whose recordings go to a bucket."""
    address = s3_server.address(f"hotline-{uuid4()}")
    store = {
        "recording_store": address.url,
        "recording_store_endpoint": address.endpoint,
        "recording_store_region": address.region,
        "recording_store_key_id": address.access_key_id,
        "recording_store_secret": address.secret_access_key,
    }
    async with RunningHotline(brief=True, agents=("1001",), **store) as hotline:
        code, said = await hotline.command("schedule", "open", "--until", "+1h")
        assert code == 0, said
        await in_force(hotline, "open")
        yield hotline


async def talked(hotline: RunningHotline) -> dict[str, Any]:
    """The record of a call that spoke with an agent for some seconds."""
    number = new_caller()
    async with answering(hotline, "1001"), dial("12333", hotline.sip_server, caller=number) as caller:
        await caller.expect("answered")
        await asyncio.sleep(5)
        caller.send("hangup")
        await caller.expect("ended")
    record = await record_of(hotline, number)
    assert quality(record["recordings"][0]) == "sound"
    return record


async def state_of(hotline: RunningHotline, record: dict[str, Any]) -> str:
    detail = await hotline.api.get(f"/v1/recordings/{record['recordings'][0]['id']}")
    return str(detail.json()["state"])


async def archived(hotline: RunningHotline, *records: dict[str, Any]) -> None:
    async def all_are() -> bool:
        return {await state_of(hotline, record) for record in records} == {"archived"}

    await eventually(all_are, 60)


async def told(hotline: RunningHotline) -> bool:
    alerts = (await hotline.api.get("/v1/alerts")).json()["items"]
    return "recording_store" in {alert["kind"] for alert in alerts}


def waiting(hotline: RunningHotline) -> list[str]:
    """Sealed files on the local disk."""
    return [path.name for path in hotline.settings.sealed_dir.glob("*.ccr")]


async def proven(hotline: RunningHotline) -> None:
    code, said = await hotline.command("recordings", "verify", "--lang", "en")
    assert code == 0, said


async def heard(hotline: RunningHotline, record: dict[str, Any]) -> None:
    assert_talk_is_heard(await audio_of(hotline, record), record)


async def test_a_recording_goes_to_the_bucket(kept_away: RunningHotline, s3_server: S3Server) -> None:
    record = await talked(kept_away)
    await archived(kept_away, record)
    await eventually(lambda: _none(kept_away))
    await heard(kept_away, record)
    async with httpx.AsyncClient() as client:
        day = f"{kept_away.settings.recording_store.removeprefix('s3://recordings/')}"
        listed = await client.get(s3_server.side_door(f"{day}/"), headers={"Accept": "application/json"})
    assert listed.is_success and listed.json()["Entries"], listed.text
    await proven(kept_away)


async def _none(hotline: RunningHotline) -> bool:
    return not waiting(hotline)


async def test_the_bucket_is_away(kept_away: RunningHotline, s3_server: S3Server) -> None:
    """What is recorded meanwhile waits, can be heard, survives our death, and goes there by itself in the end."""
    before = await talked(kept_away)
    await archived(kept_away, before)
    async with away(s3_server):
        first = await talked(kept_away)
        await eventually(lambda: told(kept_away), 20)
        await kept_away.kill("listen")
        second = await talked(kept_away)
        assert [await state_of(kept_away, record) for record in (first, second)] == ["sealed", "sealed"]
        assert len(waiting(kept_away)) == 2
        await heard(kept_away, second)
        address = f"/v1/cdrs/{before['id']}/recordings/{before['recordings'][0]['id']}"
        answer = await kept_away.api.get(address)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        ordered = await kept_away.api.post(
            "/v1/recording-exports", json={"filters": {"agent": "1001"}, "reason": "复核"}
        )
        await asyncio.sleep(2)  # it has asked the store by now, and waits
    await archived(kept_away, first, second)
    await eventually(lambda: _none(kept_away))
    assert not await told(kept_away)
    for record in (before, first, second):
        await heard(kept_away, record)
    await proven(kept_away)
    archive = await exported(kept_away, ordered.json()["id"])
    entries = json.loads(archive.read("manifest.json"))["recordings"]
    assert {each["recording"]["call_id"] for each in entries} >= {record["id"] for record in (before, first, second)}
    for each in entries:
        assert each["error"] is None, each
        assert hashlib.sha256(archive.read(each["file"])).hexdigest() == each["recording"]["sha256"]


@asynccontextmanager
async def away(server: S3Server) -> AsyncIterator[None]:
    """Killed, and there again afterwards."""
    await server.kill()
    try:
        yield
    finally:
        await server.start()


async def exported(hotline: RunningHotline, export: str) -> zipfile.ZipFile:
    address = f"/v1/recording-exports/{export}"

    async def done() -> bool:
        job = (await hotline.api.get(address)).json()
        assert job["state"] in {"queued", "running", "done"}, job
        return bool(job["state"] == "done")

    await eventually(done, 60)
    return zipfile.ZipFile(io.BytesIO((await hotline.api.get(f"{address}/file")).content))


async def test_the_bucket_hangs(kept_away: RunningHotline, s3_server: S3Server) -> None:
    """It takes connections and says nothing: who plays is told so, calls and what is sealed meanwhile take no harm."""
    before = await talked(kept_away)
    await archived(kept_away, before)
    s3_server.freeze()
    try:
        record = await talked(kept_away)
        await heard(kept_away, record)
        address = f"/v1/cdrs/{before['id']}/recordings/{before['recordings'][0]['id']}"
        answer = await kept_away.api.get(address, timeout=30)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        await eventually(lambda: told(kept_away), 60)
    finally:
        s3_server.thaw()
    await archived(kept_away, record)
    await heard(kept_away, before)
    await proven(kept_away)
