"""Sets of recordings as one ZIP: made in the background, by whoever lives, for who ordered it, and not for ever."""

import asyncio
import csv
import hashlib
import io
import json
import stat
import sys
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, select, update
from tests.integration.api.conftest import MONDAY
from tests.integration.conftest import eventually

from callcenter.access.keys import issue
from callcenter.listening import exporting
from callcenter.listening.exporting import Exporter
from callcenter.recordings.tables import recording_exports, recording_playbacks

WHY = "十一月复核"
EXPORTS = "/v1/recording-exports"


@pytest.fixture
async def three(api: Any, add_call: Any, add_sealed: Any) -> list[dict[str, Any]]:
    """Three recordings with different audio, the last of which has lost its file."""
    call = await add_call()
    made = []
    for n in range(3):
        facts = {"started_at": MONDAY + timedelta(minutes=n), "seconds": 9.0}
        made.append(await add_sealed(call, bytes([n]) * 70_000, **facts))
    (api.settings.sealed_dir / made[2]["path"]).unlink()
    return made


async def _order(api: Any, filters: dict[str, Any] | None = None, reason: str = WHY) -> Any:
    return await api.client.post(EXPORTS, json={"filters": filters or {"agent": "1001"}, "reason": reason})


async def _until(api: Any, export: str, state: str) -> dict[str, Any]:
    async def there() -> Any:
        job = (await api.client.get(f"{EXPORTS}/{export}")).json()
        return job["state"] == state and job

    job: dict[str, Any] = await eventually(there)
    return job


def _files(api: Any) -> list[Path]:
    return sorted(Path(api.settings.var_dir / "exports").glob("*"))


async def test_from_order_to_file(api: Any, three: list[dict[str, Any]]) -> None:
    ordered = await _order(api)
    assert (ordered.status_code, ordered.json()["total"]) == (202, 3)
    job = await _until(api, ordered.json()["id"], "done")
    assert (job["done"], job["total"], job["filters"], job["why"]) == (3, 3, {"agent": "1001"}, WHY)
    answer = await api.client.get(f"{EXPORTS}/{job['id']}/file")
    assert len(answer.content) == job["bytes"]
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    told = {each["recording"]["id"]: each for each in json.loads(archive.read("manifest.json"))["recordings"]}
    for n, row in enumerate(three[:2]):
        assert archive.read(told[str(row["id"])]["file"]) == bytes([n]) * 70_000
    lost = told[str(three[2]["id"])]
    assert lost["file"] is None
    assert "no audio" in lost["error"]
    sums = [line.split("  ") for line in archive.read("SHA256SUMS").decode().splitlines()]
    assert {name for _, name in sums} == set(archive.namelist()) - {"SHA256SUMS"}
    assert all(hashlib.sha256(archive.read(name)).hexdigest() == sha256 for sha256, name in sums)
    rows = list(csv.DictReader(io.StringIO(archive.read("manifest.csv").decode("utf-8-sig"))))
    assert {row["id"] for row in rows} == set(told)
    part = await api.client.get(f"{EXPORTS}/{job['id']}/file", headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, answer.content[10:20])
    (file,) = _files(api)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_not_for_longer_than_it_is_kept(api: Any, three: list[dict[str, Any]]) -> None:
    """From the minute on that it is over, whenever its file is removed."""
    job = await _until(api, (await _order(api)).json()["id"], "done")
    async with api.engine.begin() as connection:
        await connection.execute(update(recording_exports).values(expires_at=func.now()))
    assert (await api.client.get(f"{EXPORTS}/{job['id']}/file")).status_code == 410


async def test_a_fault_of_ours_ends_that_job_alone(
    api: Any, three: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def faulty(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(exporting, "take", faulty)
    job = await _until(api, (await _order(api)).json()["id"], "failed")
    assert job["reason"].endswith("a fault of ours")
    monkeypatch.undo()
    await _until(api, (await _order(api)).json()["id"], "done")


async def test_each_recording_in_it_has_a_playback(api: Any, three: list[dict[str, Any]]) -> None:
    await _until(api, (await _order(api)).json()["id"], "done")
    items = (await api.client.get("/v1/playbacks")).json()["items"]
    assert {each["recording_id"] for each in items} == {str(row["id"]) for row in three[:2]}
    assert {(each["by"], each["why"], each["how"], each["last_second"]) for each in items} == {
        ("test", WHY, "zip", 9.0)
    }


DIES = """
import asyncio, sys
from pathlib import Path
from uuid import UUID
from callcenter.listening import exports
from callcenter.listening.exporting import Exporter
from callcenter.storage.engine import make_engine

class Stuck:
    def open(self, row):
        print("begun", flush=True)
        import time; time.sleep(600)

async def main(url, folder, recording):
    engine = make_engine(url)
    async with engine.begin() as connection:
        await exports.add(connection, "test", "why", "", {}, [UUID(recording)])
    await Exporter(engine, Stuck(), Path(folder)).work()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_job_of_a_process_that_was_killed_is_taken_up(api: Any, three: list[dict[str, Any]]) -> None:
    """One that is heard of is left alone; when its lease is over, its job is done, and its leftovers go."""
    folder, url = api.settings.var_dir / "exports", api.engine.url.render_as_string(hide_password=False)
    arguments = ["-c", DIES, url, str(folder), str(three[0]["id"])]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            assert await process.stdout.readline() == b"begun\n"
    finally:
        process.kill()
        await process.wait()
    (job,) = (await api.client.get(EXPORTS)).json()["items"]
    assert job["state"] == "running"
    other = Exporter(api.engine, api.app.state.player, folder)
    assert not await other.work()
    await other.sweep()
    (part,) = _files(api)
    assert part.suffix == ".part"
    async with api.engine.begin() as connection:
        await connection.execute(update(recording_exports).values(claimed_until=func.now() - timedelta(seconds=1)))
    api.app.state.exporter.nudge()
    assert (await _until(api, job["id"], "done"))["done"] == 1
    await other.sweep()
    (file,) = _files(api)
    assert file.suffix == ".zip"
    assert (await api.client.get(f"{EXPORTS}/{job['id']}/file")).status_code == 200


async def test_two_processes_never_do_the_same(api: Any, three: list[dict[str, Any]]) -> None:
    for _ in range(4):
        await _order(api)
    others = [Exporter(api.engine, api.app.state.player, api.settings.var_dir / "exports") for _ in range(3)]

    async def all_done() -> bool:
        await asyncio.gather(*(each.work() for each in others))
        return {job["state"] for job in (await api.client.get(EXPORTS)).json()["items"]} == {"done"}

    await eventually(all_done, 20)
    async with api.engine.connect() as connection:
        assert (await connection.execute(select(func.count()).select_from(recording_playbacks))).scalar() == 4 * 2


class _Slow:
    """A player whose first recording waits until it is told."""

    def __init__(self, player: Any) -> None:
        self._player, self.begun, self.go = player, asyncio.Event(), asyncio.Event()

    def open(self, row: Any) -> Any:
        audio = self._player.open(row)
        read = audio.read

        async def slowly(start: int, end: int) -> Any:
            self.begun.set()
            await self.go.wait()
            async for piece in read(start, end):
                yield piece

        audio.read = slowly
        return audio


async def test_cancelled_while_it_is_made(api: Any, three: list[dict[str, Any]]) -> None:
    slow = api.app.state.exporter._player = _Slow(api.app.state.exporter._player)
    export = (await _order(api)).json()["id"]
    async with asyncio.timeout(10):
        await slow.begun.wait()
    waiting = await api.client.get(f"{EXPORTS}/{export}/file")
    assert (waiting.status_code, waiting.json()["code"]) == (409, "recording_not_ready")
    assert (await api.client.delete(f"{EXPORTS}/{export}")).json()["state"] == "cancelled"
    slow.go.set()
    await _gone(api)
    assert (await api.client.get(f"{EXPORTS}/{export}")).json()["state"] == "cancelled"
    assert (await api.client.get(f"{EXPORTS}/{export}/file")).status_code == 410
    assert (await api.client.get("/v1/playbacks")).json()["items"] == []


async def _gone(api: Any) -> None:
    async def empty() -> bool:
        return not _files(api)

    await eventually(empty)


async def test_cancelled_when_it_is_done_and_expired(api: Any, three: list[dict[str, Any]]) -> None:
    first, second = [(await _order(api)).json()["id"] for _ in range(2)]
    await _until(api, first, "done")
    await _until(api, second, "done")
    await api.client.delete(f"{EXPORTS}/{first}")
    async with api.engine.begin() as connection:
        mine = recording_exports.c.id == UUID(second)
        await connection.execute(update(recording_exports).where(mine).values(expires_at=func.now()))
    api.app.state.exporter.nudge()
    await _until(api, second, "expired")
    await _gone(api)
    for export in (first, second):
        assert (await api.client.get(f"{EXPORTS}/{export}/file")).status_code == 410


async def test_a_disk_that_can_not_be_written(api: Any, three: list[dict[str, Any]]) -> None:
    (api.settings.var_dir).mkdir(parents=True, exist_ok=True)
    (api.settings.var_dir / "exports").write_text("a file where the folder should be")
    job = await _until(api, (await _order(api)).json()["id"], "failed")
    assert "exports" in job["reason"]


async def test_who_may(api: Any, three: list[dict[str, Any]]) -> None:
    """A key that may only read sees exports, but orders, cancels and fetches none; nor does another changer fetch."""
    export = (await _order(api)).json()["id"]
    await _until(api, export, "done")
    for may_change in (False, True):
        key = await issue(api.engine, f"other-{may_change}", may_change=may_change)
        async with httpx.AsyncClient(base_url=api.url, headers={"X-API-Key": key}) as other:
            assert (await other.get(f"{EXPORTS}/{export}/file")).status_code == 403
            assert (await other.get(EXPORTS)).json()["items"][0]["id"] == export
            if not may_change:
                order = {"filters": {}, "reason": WHY}
                assert (await other.post(EXPORTS, json=order)).status_code == 403
                assert (await other.delete(f"{EXPORTS}/{export}")).status_code == 403
    assert (await api.client.get(f"{EXPORTS}/{export}/file")).status_code == 200


async def test_orders_that_can_not_be_met(api: Any, three: list[dict[str, Any]], monkeypatch: Any) -> None:
    for filters in ({"agent": "9999"}, {"agnet": "1001"}, {"min_seconds": 5, "max_seconds": 1}, {"state": "x"}):
        assert (await _order(api, filters)).status_code == 422, filters
    for reason in ("", "  ", "a\nb", "x" * 201):
        assert (await _order(api, reason=reason)).status_code == 422, reason
    monkeypatch.setattr("callcenter.listening.export_routes.MOST", 2)
    assert "more than 2 recordings" in (await _order(api)).json()["detail"]
    monkeypatch.undo()
    monkeypatch.setattr("callcenter.listening.export_routes.MOST_BYTES", 209_999)
    assert "210000 bytes" in (await _order(api)).json()["detail"]
    assert (await api.client.get(EXPORTS)).json()["items"] == []
    assert (await api.client.get(f"{EXPORTS}/{uuid4()}")).status_code == 404
