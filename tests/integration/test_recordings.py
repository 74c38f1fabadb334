"""Two legs become one stereo file that its record links to; what is missing is said."""

import asyncio
import hashlib
import math
import os
import struct
import wave
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.integration.conftest import eventually
from tests.scenarios.stories import facts, track

from callcenter.calls.rows import store_records
from callcenter.clock import LOCAL_ZONE
from callcenter.publishing.tables import outbox
from callcenter.recordings import pipeline as pipeline_module
from callcenter.recordings import stereo, wav
from callcenter.recordings.pipeline import Pipeline
from callcenter.recordings.tables import recordings

RATE = 8000


def write_leg(path: Path, hertz: float, seconds: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = (int(8000 * math.sin(2 * math.pi * hertz * n / RATE)) for n in range(int(seconds * RATE)))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(b"".join(struct.pack("<h", s) for s in samples))


def forget_length(path: Path) -> None:
    """What kill -9 of Asterisk leaves: the header's lengths are still 0."""
    with path.open("r+b") as file:
        for offset in (4, 40):
            file.seek(offset)
            file.write(b"\0\0\0\0")


def hertz_of(samples: list[int]) -> float:
    """The frequency of a pure tone by its zero crossings."""
    crossings = sum(a < 0 <= b for a, b in pairwise(samples))
    return crossings * RATE / max(len(samples), 1)


def channels_of(path: Path) -> tuple[list[int], list[int]]:
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, RATE, 2)
        flat = struct.unpack(f"<{file.getnframes() * 2}h", file.readframes(file.getnframes()))
    return list(flat[::2]), list(flat[1::2])


class Spool:
    """One stored call whose recording is expected, and the folder its legs go to."""

    def __init__(self, root: Path, name: str) -> None:
        self.root = root
        self.caller = root / "spool" / f"{name}-caller.wav"
        self.agent = root / "spool" / f"{name}-agent.wav"


@pytest.fixture
async def spool(engine: AsyncEngine, tmp_path: Path) -> Spool:
    (record,) = track(facts("answered")).values()
    async with engine.begin() as connection:
        await store_records(connection, [record])
    return Spool(tmp_path, record.recordings[0].name)


@asynccontextmanager
async def pipeline(engine: AsyncEngine, spool: Spool) -> AsyncIterator[dict[str, Any]]:
    health: dict[str, Any] = {}
    loop = Pipeline(engine, "hotline", spool.root, lambda p, ok, d: health.update({p: (ok, d)}))
    task = asyncio.create_task(loop.run())
    try:
        yield health
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def row_of(engine: AsyncEngine) -> Any:
    async with engine.connect() as connection:
        return (await connection.execute(select(recordings))).one()


async def concluded(engine: AsyncEngine) -> Any:
    async def done() -> Any:
        row = await row_of(engine)
        return row if row.state != "expected" else None

    return await eventually(done, 20)


async def test_caller_left_agent_right(engine: AsyncEngine, spool: Spool) -> None:
    write_leg(spool.caller, 440, 3.0)
    write_leg(spool.agent, 880, 2.5)
    async with pipeline(engine, spool):
        row = await concluded(engine)
    left, right = channels_of(spool.root / row.path)
    assert (row.state, row.reason, row.channels, row.seconds) == ("ready", None, 2, 3.0)
    assert len(left) == len(right) == 3 * RATE
    assert hertz_of(left) == pytest.approx(440, abs=2)
    assert hertz_of(right[: 2 * RATE]) == pytest.approx(880, abs=2)
    assert not any(right[int(2.6 * RATE) :])
    assert row.bytes == (spool.root / row.path).stat().st_size
    assert not spool.caller.exists()
    assert not spool.agent.exists()
    assert (spool.root / row.path).stat().st_mode & 0o777 == 0o600


async def test_the_database_forgot_it(engine: AsyncEngine, spool: Spool) -> None:
    """A failover to a standby that was behind: the legs are gone, the file is there, and stays what it is."""
    write_leg(spool.caller, 440, 1.0)
    write_leg(spool.agent, 880, 1.0)
    async with pipeline(engine, spool):
        before = await concluded(engine)
    forgotten = dict.fromkeys(("path", "media_type", "channels", "seconds", "bytes", "sha256", "reason"))
    async with engine.begin() as connection:
        await connection.execute(recordings.update().values(state="expected", **forgotten))
    async with pipeline(engine, spool):
        row = await concluded(engine)
    assert row.state == "ready"
    assert (row.path, row.seconds, row.bytes, row.sha256) == (before.path, 1.0, before.bytes, before.sha256)


async def test_a_leg_of_many_blocks_keeps_its_sides(engine: AsyncEngine, spool: Spool) -> None:
    """Longer than one block, of an odd length, one side much shorter: each sample stays where it was."""
    left, right = os.urandom(2 * stereo.BLOCK_BYTES + 4242), os.urandom(stereo.BLOCK_BYTES - 77)
    for path, audio in ((spool.caller, left), (spool.agent, right)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wav.header(1, len(audio)) + audio)
    async with pipeline(engine, spool):
        row = await concluded(engine)
    frames = len(left) // 2
    expected = array("h", left), array("h", right[:-1].ljust(2 * frames, b"\0"))
    assert channels_of(spool.root / row.path) == tuple(list(leg) for leg in expected)
    assert hashlib.sha256((spool.root / row.path).read_bytes()).hexdigest() == row.sha256


async def test_what_was_put_off_before_the_clock_was_set_back_is_not_forgotten(
    engine: AsyncEngine, spool: Spool
) -> None:
    async with engine.begin() as connection:
        ahead = func.now() + text("interval '1 hour'")
        await connection.execute(update(recordings).values(next_try_at=ahead, updated_at=ahead, attempts=1))
    write_leg(spool.caller, 440, 1.0)
    write_leg(spool.agent, 880, 1.0)
    async with pipeline(engine, spool):
        assert (await concluded(engine)).state == "ready"


async def test_its_end_is_announced(engine: AsyncEngine, spool: Spool) -> None:
    write_leg(spool.caller, 440, 0.5)
    write_leg(spool.agent, 880, 0.5)
    async with pipeline(engine, spool):
        row = await concluded(engine)
    async with engine.connect() as connection:
        said = (await connection.execute(select(outbox.c.payload).where(outbox.c.topic.like("%/recording")))).scalar()
    assert (said["recording_id"], said["state"], said["seconds"]) == (str(row.id), "ready", 0.5)


async def test_waits_for_asterisk_to_close_the_legs(engine: AsyncEngine, spool: Spool) -> None:
    write_leg(spool.caller, 440, 1.0)
    write_leg(spool.agent, 880, 1.0)
    forget_length(spool.caller)
    async with pipeline(engine, spool):

        async def looked() -> bool:
            return (await row_of(engine)).attempts >= 2

        await eventually(looked)
        write_leg(spool.caller, 440, 1.2)
        row = await concluded(engine)
    assert (row.state, row.seconds) == ("ready", 1.2)


async def test_audio_that_a_crash_left_is_kept(
    engine: AsyncEngine, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline_module, "CLOSING_TAKES_AT_MOST", pipeline_module.timedelta(seconds=0.5))
    write_leg(spool.caller, 440, 2.0)
    write_leg(spool.agent, 880, 2.0)
    forget_length(spool.caller)
    forget_length(spool.agent)
    async with pipeline(engine, spool):
        row = await concluded(engine)
    left, _ = channels_of(spool.root / row.path)
    assert (row.state, row.seconds) == ("ready", 2.0)
    assert hertz_of(left) == pytest.approx(440, abs=2)


async def test_one_side_only_is_said(engine: AsyncEngine, spool: Spool) -> None:
    write_leg(spool.caller, 440, 1.0)
    write_leg(spool.agent, 880, 0)
    async with pipeline(engine, spool):
        row = await concluded(engine)
    assert (row.state, row.reason) == ("ready", "audio from one side only")


async def test_no_audio_at_all_is_said(engine: AsyncEngine, spool: Spool) -> None:
    write_leg(spool.caller, 440, 0)
    write_leg(spool.agent, 880, 0)
    async with pipeline(engine, spool):
        row = await concluded(engine)
    assert (row.state, row.path) == ("silent", None)


async def test_legs_that_never_come_are_absent(
    engine: AsyncEngine, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline_module, "LEGS_APPEAR_WITHIN", pipeline_module.timedelta(seconds=0.5))
    async with pipeline(engine, spool):
        row = await concluded(engine)
    assert row.state == "absent"
    assert "no file" in row.reason


async def test_a_disk_that_takes_nothing_loses_nothing(engine: AsyncEngine, spool: Spool) -> None:
    write_leg(spool.caller, 440, 1.0)
    write_leg(spool.agent, 880, 1.0)
    year = (await row_of(engine)).started_at.astimezone(LOCAL_ZONE).year
    (spool.root / f"{year}").write_bytes(b"no folder")
    async with pipeline(engine, spool) as health:

        async def said() -> bool:
            return "recording" in health and not health["recording"][0]

        await eventually(said)
    assert (await row_of(engine)).state == "expected"
    assert spool.caller.exists()
    assert spool.agent.exists()
    assert (spool.root / f"{year}").read_bytes() == b"no folder"


async def test_a_name_cannot_leave_the_spool(engine: AsyncEngine, tmp_path: Path) -> None:
    (record,) = track(facts("answered")).values()
    hostile = replace(record, recordings=(replace(record.recordings[0], name="../../etc/passwd"),))
    async with engine.begin() as connection:
        await store_records(connection, [hostile])
    async with pipeline(engine, Spool(tmp_path, "x")):
        row = await concluded(engine)
    assert (row.state, row.reason) == ("absent", "the name leaves the spool folder")
