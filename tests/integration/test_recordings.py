"""Two legs become one sealed recording that its record links to; what is missing or odd is said."""

import asyncio
import hashlib
import io
import math
import os
import re
import shutil
import struct
import tempfile
import wave
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
import soundfile
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.integration.conftest import eventually
from tests.scenarios.stories import facts, track

from callcenter.calls.repository import find_recording
from callcenter.calls.rows import store_records
from callcenter.publishing.tables import outbox
from callcenter.recordings import claims, legs, stereo, wav
from callcenter.recordings.chain import Signer, is_signed
from callcenter.recordings.chain_repository import head_of
from callcenter.recordings.judging import BEHEADED
from callcenter.recordings.own_disk import OwnDisk
from callcenter.recordings.pipeline import Pipeline, Place
from callcenter.recordings.playback import Player
from callcenter.recordings.site_key import PrivateHalves, new_private, public_of
from callcenter.recordings.store import StoreAddress, open_store
from callcenter.recordings.tables import recording_chain, recording_keys, recording_peaks, recordings

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


class Spool:
    """One stored call whose recording is expected, the folder its legs go to, and the site's keys."""

    def __init__(self, root: Path, name: str) -> None:
        self.root = root
        self.caller = root / "spool" / f"{name}-caller.wav"
        self.agent = root / "spool" / f"{name}-agent.wav"
        self.keys = root / "keys"
        self.signer = Signer(Ed25519PrivateKey.generate())
        self.keys.mkdir()
        (self.keys / "site.pem").write_text(new_private())
        (root / "public").write_text(public_of(self.keys / "site.pem"))

    def write(self, seconds: float, agent_seconds: float | None = None) -> None:
        write_leg(self.caller, 440, seconds)
        write_leg(self.agent, 880, seconds if agent_seconds is None else agent_seconds)


@pytest.fixture
async def spool(engine: AsyncEngine, tmp_path: Path) -> Spool:
    (record,) = track(facts("answered")).values()
    async with engine.begin() as connection:
        await store_records(connection, [record])
    await call_lasts(engine, 1.0)
    return Spool(tmp_path, record.recordings[0].name)


async def call_lasts(engine: AsyncEngine, seconds: float, talk_from: float | None = None) -> None:
    """What the call record says, in seconds from the recording's begin."""
    began = recordings.c.started_at
    values: dict[str, Any] = {"ended_at": began + timedelta(seconds=seconds), "talk_at": None, "talk_seconds": 0}
    if talk_from is not None:
        values |= {"talk_at": began + timedelta(seconds=talk_from), "talk_seconds": seconds - talk_from}
    async with engine.begin() as connection:
        await connection.execute(update(recordings).values(values))


@asynccontextmanager
async def pipeline(engine: AsyncEngine, spool: Spool, format: str = "opus") -> AsyncIterator[dict[str, Any]]:
    health: dict[str, Any] = {}
    place = Place(spool.root, spool.root / "public", format)
    loop = Pipeline(engine, "hotline", place, spool.signer, lambda p, ok, d: health.update({p: (ok, d)}))
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


async def made(engine: AsyncEngine, spool: Spool, format: str = "opus") -> Any:
    """The row after the pipeline has run, and is done with the legs of what it made."""
    async with pipeline(engine, spool, format):
        row = await concluded(engine)
        for path in (spool.caller, spool.agent) if row.state == "sealed" else ():
            await eventually(lambda path=path: _is_gone(path))
        return row


async def played(engine: AsyncEngine, spool: Spool, row: Any) -> bytes:
    """The audio as who may listen gets it."""
    player = Player(spool.root / "sealed", open_store(StoreAddress(str(spool.root))), PrivateHalves(spool.keys))
    audio = player.open(await find_recording(engine, row.call_id, row.id))
    return b"".join([piece async for piece in audio.read(0, audio.size)])


def channels_of(audio: bytes) -> tuple[list[int], list[int]]:
    samples, rate = soundfile.read(io.BytesIO(audio), dtype="int16")
    assert (samples.shape[1], rate) == (2, RATE)
    return samples[:, 0].tolist(), samples[:, 1].tolist()


async def chain(engine: AsyncEngine) -> list[dict[str, Any]]:
    async with engine.connect() as connection:
        rows = await connection.execute(select(recording_chain.c.entry).order_by(recording_chain.c.seq))
        return [orjson.loads(entry) for entry in rows.scalars()]


async def test_no_call_is_without_recording_while_its_disk_is_not_mounted(engine: AsyncEngine, spool: Spool) -> None:
    """A machine that starts; the files are on the disk that comes later."""
    root, disk = spool.root, OwnDisk(spool.root)
    away = Path(tempfile.mkdtemp(dir="/dev/shm"))
    try:
        spool.write(1.0)
        for folder in root.iterdir():
            shutil.move(folder, away)
        root.rmdir()
        root.symlink_to(away)
        disk.remember()
        root.unlink()
        root.mkdir()
        public = away / "public"
        (root / "public").write_text(public.read_text())
        async with pipeline(engine, spool) as health:
            await eventually(lambda: _told(health, "recording", "not mounted"))
            assert (await row_of(engine)).state == "expected"
            shutil.rmtree(root)
            root.symlink_to(away)
            async with engine.begin() as connection:
                await connection.execute(update(recordings).values(next_try_at=func.now()))
            assert (await concluded(engine)).state == "sealed"
    finally:
        shutil.rmtree(away)


async def _told(health: dict[str, Any], part: str, words: str) -> bool:
    ok, detail = health.get(part, (True, ""))
    return not ok and words in detail


async def test_caller_left_agent_right(engine: AsyncEngine, spool: Spool) -> None:
    spool.write(3.0, 2.5)
    await call_lasts(engine, 3.0)
    row = await made(engine, spool)
    left, right = channels_of(await played(engine, spool, row))
    assert (row.state, row.reason, row.flags, row.channels, row.seconds) == ("sealed", None, [], 2, 3.0)
    assert len(left) == len(right) == 3 * RATE
    assert hertz_of(left) == pytest.approx(440, abs=2)
    assert hertz_of(right[: 2 * RATE]) == pytest.approx(880, abs=2)
    assert max(map(abs, right[int(2.6 * RATE) :])) < 100
    assert not spool.caller.exists()
    assert not spool.agent.exists()


async def test_what_lies_on_the_disk_is_sealed(engine: AsyncEngine, spool: Spool) -> None:
    spool.write(1.0)
    row = await made(engine, spool, "wav")
    file = spool.root / "sealed" / row.path
    assert file.stat().st_mode & 0o777 == 0o600
    assert b"RIFF" not in file.read_bytes()
    assert (row.sealed_bytes, row.sealed_sha256) == (
        file.stat().st_size, hashlib.sha256(file.read_bytes()).hexdigest()
    )  # fmt: skip
    audio = await played(engine, spool, row)
    assert (row.bytes, row.sha256) == (len(audio), hashlib.sha256(audio).hexdigest())


@pytest.mark.parametrize(("format", "media_type"), [("opus", "audio/ogg"), ("mp3", "audio/mpeg"), ("wav", "audio/wav")])
async def test_formats(engine: AsyncEngine, spool: Spool, format: str, media_type: str) -> None:
    spool.write(1.0)
    row = await made(engine, spool, format)
    left, right = channels_of(await played(engine, spool, row))
    assert row.media_type == media_type
    assert len(left) == pytest.approx(RATE, abs=1600)  # MP3 comes in frames
    middle = slice(RATE // 4, 3 * RATE // 4)
    assert (hertz_of(left[middle]), hertz_of(right[middle])) == (pytest.approx(440, abs=4), pytest.approx(880, abs=4))


async def test_its_life_and_its_entry_in_the_chain(engine: AsyncEngine, spool: Spool) -> None:
    spool.write(1.0)
    row = await made(engine, spool)
    assert [step["state"] for step in row.life] == ["closed", "verified", "sealed"]
    (entry,) = await chain(engine)
    assert (entry["kind"], entry["recording"], entry["sealed_sha256"]) == ("sealed", str(row.id), row.sealed_sha256)
    assert entry["milliseconds"] == 1000
    async with engine.connect() as connection:
        head = await head_of(connection, "hotline")
    assert head is not None
    assert is_signed(spool.signer.public, head)


async def test_the_chain_is_append_only(engine: AsyncEngine, spool: Spool) -> None:
    spool.write(1.0)
    await made(engine, spool)
    for change in (delete(recording_chain), update(recording_chain).values(hash="0")):
        with pytest.raises(Exception, match="append-only"):
            async with engine.begin() as connection:
                await connection.execute(change)


async def test_the_database_forgot_it(engine: AsyncEngine, spool: Spool) -> None:
    """A failover to a standby that was behind: the legs are gone, the sealed file is there, and stays what it is."""
    spool.write(1.0)
    before = await made(engine, spool)
    forgotten = dict.fromkeys(("path", "media_type", "channels", "seconds", "bytes", "sha256", "reason"))
    async with engine.begin() as connection:
        await connection.execute(recordings.update().values(state="expected", life=[], **forgotten))
        await connection.execute(delete(recording_keys))
        await connection.execute(delete(recording_peaks))
    row = await made(engine, spool)
    assert row.state == "sealed"
    assert (row.path, row.seconds, row.bytes, row.sha256) == (before.path, 1.0, before.bytes, before.sha256)
    assert len(channels_of(await played(engine, spool, row))[0]) == RATE


async def test_a_leg_of_many_blocks_keeps_its_sides(engine: AsyncEngine, spool: Spool) -> None:
    """Longer than one block, of an odd length, one side much shorter: each sample stays where it was."""
    left, right = os.urandom(4 * stereo.BLOCK_SAMPLES + 4242), os.urandom(2 * stereo.BLOCK_SAMPLES - 77)
    for path, audio in ((spool.caller, left), (spool.agent, right)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wav.header(1, len(audio)) + audio)
    row = await made(engine, spool, "wav")
    frames = len(left) // 2
    expected = array("h", left), array("h", right[:-1].ljust(2 * frames, b"\0"))
    assert channels_of(await played(engine, spool, row)) == tuple(list(leg) for leg in expected)


async def test_what_was_put_off_before_the_clock_was_set_back_is_not_forgotten(
    engine: AsyncEngine, spool: Spool
) -> None:
    async with engine.begin() as connection:
        ahead = func.now() + text("interval '1 hour'")
        await connection.execute(update(recordings).values(next_try_at=ahead, updated_at=ahead, attempts=1))
    spool.write(1.0)
    async with pipeline(engine, spool):
        assert (await concluded(engine)).state == "sealed"


async def test_its_end_is_announced(engine: AsyncEngine, spool: Spool) -> None:
    spool.write(0.5)
    async with pipeline(engine, spool):
        row = await concluded(engine)
    async with engine.connect() as connection:
        said = (await connection.execute(select(outbox.c.payload).where(outbox.c.topic.like("%/recording")))).scalar()
    assert (said["recording_id"], said["state"], said["seconds"]) == (str(row.id), "sealed", 0.5)


async def test_waits_for_asterisk_to_close_the_legs(engine: AsyncEngine, spool: Spool) -> None:
    spool.write(1.0)
    forget_length(spool.caller)
    async with pipeline(engine, spool):

        async def looked() -> bool:
            return (await row_of(engine)).attempts >= 2

        await eventually(looked)
        write_leg(spool.caller, 440, 1.2)
        row = await concluded(engine)
    assert (row.state, row.seconds) == ("sealed", 1.2)


async def test_audio_that_a_crash_left_is_kept(
    engine: AsyncEngine, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(legs, "CLOSING_TAKES_AT_MOST", timedelta(seconds=0.5))
    spool.write(2.0)
    await call_lasts(engine, 2.0)
    forget_length(spool.caller)
    forget_length(spool.agent)
    async with pipeline(engine, spool):
        row = await concluded(engine)
    left, _ = channels_of(await played(engine, spool, row))
    assert (row.state, row.seconds, row.flags) == ("sealed", 2.0, ["repaired"])
    assert [step["state"] for step in row.life] == ["closed", "repaired", "verified", "sealed"]
    assert hertz_of(left) == pytest.approx(440, abs=2)


async def test_a_crash_before_the_first_block_of_one_leg(
    engine: AsyncEngine, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One leg has audio, the other is an empty file."""
    monkeypatch.setattr(legs, "CLOSING_TAKES_AT_MOST", timedelta(seconds=0.5))
    spool.write(2.0)
    await call_lasts(engine, 2.0)
    forget_length(spool.agent)
    spool.caller.write_bytes(b"")
    async with pipeline(engine, spool) as health:
        row = await concluded(engine)
    assert (row.state, row.seconds, row.flags) == ("sealed", 2.0, ["leg_missing", "repaired"])
    assert health["recording"] == (True, "working")


async def test_an_empty_file_was_not_closed(engine: AsyncEngine, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asterisk closed it on a full disk: not even the header could be written."""
    monkeypatch.setattr(legs, "CLOSING_TAKES_AT_MOST", timedelta(seconds=0.5))
    spool.write(1.0)
    spool.caller.write_bytes(b"")
    assert (await made(engine, spool)).flags == ["leg_missing", "repaired"]


async def test_what_an_earlier_try_left_is_removed(engine: AsyncEngine, spool: Spool) -> None:
    """Its pipeline died before it could note what it had made."""
    spool.write(1.0)
    row = await row_of(engine)
    left = spool.root / "sealed" / f"{row.id}.00c0ffee.ccr"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_bytes(b"another try")
    another = left.with_name(f"{uuid4()}.00c0ffee.ccr")
    another.write_bytes(b"another recording")
    async with pipeline(engine, spool):
        row = await concluded(engine)
        await eventually(lambda: _is_gone(left), 20)
    assert {path.name for path in left.parent.glob("*.ccr")} == {row.path, another.name}


async def _is_gone(path: Path) -> bool:
    return not path.exists()


async def test_one_side_only_is_said(engine: AsyncEngine, spool: Spool) -> None:
    spool.write(6.0, 0)
    await call_lasts(engine, 6.0, talk_from=1.0)
    row = await made(engine, spool)
    assert (row.state, row.flags) == ("sealed", ["agent_silent"])
    assert row.reason == "the caller heard nothing while he talked with an agent"


async def test_a_caller_who_was_not_heard_is_said(engine: AsyncEngine, spool: Spool) -> None:
    spool.write(0, 6.0)
    await call_lasts(engine, 6.0, talk_from=1.0)
    assert (await made(engine, spool)).flags == ["caller_silent"]


async def test_no_audio_at_all_is_said(engine: AsyncEngine, spool: Spool) -> None:
    spool.write(0)
    await call_lasts(engine, 6.0)
    row = await made(engine, spool)
    assert (row.state, row.seconds, set(row.flags)) == ("sealed", 0.0, {"silent", "short"})
    assert len(channels_of(await played(engine, spool, row))[0]) == 1


async def test_another_length_than_the_calls_is_said(engine: AsyncEngine, spool: Spool) -> None:
    spool.write(3.0)
    await call_lasts(engine, 5.5)
    row = await made(engine, spool)
    assert (row.flags, row.reason) == (["short"], "2.5 s shorter than the call")


async def watched_call(engine: AsyncEngine, ended_ago: float) -> None:
    """One of a second that was seen to be recorded."""
    began = datetime.now(UTC) - timedelta(seconds=1 + ended_ago)
    step = {"state": "recording", "at": began.isoformat(), "cause": "both files hold audio"}
    async with engine.begin() as connection:
        await connection.execute(update(recordings).values(started_at=began, life=[step]))
    await call_lasts(engine, 1.0)


async def test_changed_after_the_call_is_said(engine: AsyncEngine, spool: Spool) -> None:
    """By whatever: the content is as good as any."""
    await watched_call(engine, ended_ago=5)
    spool.write(1.0)
    row = await made(engine, spool)
    assert row.flags == ["altered"]
    assert re.fullmatch(r"a file was changed [45] s after the end of the call", row.reason)


async def test_written_up_to_the_end_is_not_altered(engine: AsyncEngine, spool: Spool) -> None:
    await watched_call(engine, ended_ago=0)
    spool.write(1.0)
    assert (await made(engine, spool)).flags == []


async def test_files_that_were_there_and_are_gone(
    engine: AsyncEngine, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(legs, "LEGS_APPEAR_WITHIN", timedelta(seconds=0.5))
    await watched_call(engine, ended_ago=0)
    async with engine.begin() as connection:
        await connection.execute(update(recordings).values(begun_at=recordings.c.started_at))
    async with pipeline(engine, spool):

        async def absent() -> Any:
            row = await row_of(engine)
            return row if row.state == "absent" else None

        row = await eventually(absent, 20)
    assert row.reason == "its files held audio while the call was up, and are gone"


async def test_a_leg_that_is_not_there(engine: AsyncEngine, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(legs, "LEGS_APPEAR_WITHIN", timedelta(seconds=0.5))
    write_leg(spool.caller, 440, 1.0)
    row = await made(engine, spool)
    left, right = channels_of(await played(engine, spool, row))
    assert row.flags == ["leg_missing"]
    assert hertz_of(left) == pytest.approx(440, abs=4)
    assert max(map(abs, right)) < 100


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ([], "Asterisk died before it had written any audio"),
        (["unwatched"], "nothing could be written while the call was up"),
    ],
)
async def test_files_without_even_a_header(
    engine: AsyncEngine, spool: Spool, monkeypatch: pytest.MonkeyPatch, flags: list[str], reason: str
) -> None:
    """What a crash leaves, or a full disk."""
    monkeypatch.setattr(legs, "CLOSING_TAKES_AT_MOST", timedelta(seconds=0.5))
    async with engine.begin() as connection:
        await connection.execute(update(recordings).values(flags=flags))
    for path in (spool.caller, spool.agent):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    row = await made(engine, spool)
    assert (row.state, row.reason) == ("absent", reason)


async def test_one_file_without_a_header(engine: AsyncEngine, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Room came back for one of them: what it holds is kept."""
    monkeypatch.setattr(legs, "CLOSING_TAKES_AT_MOST", timedelta(seconds=0.5))
    spool.write(1.0)
    spool.agent.write_bytes(b"")
    row = await made(engine, spool)
    assert (row.state, set(row.flags)) == ("sealed", {"leg_missing", "repaired"})
    left, _ = channels_of(await played(engine, spool, row))
    assert hertz_of(left) == pytest.approx(440, abs=4)


async def test_a_side_that_is_no_audio_is_put_aside(engine: AsyncEngine, spool: Spool) -> None:
    """The other side is kept; what the file is, somebody may want to know."""
    spool.write(1.0)
    spool.caller.write_bytes(b"x" * 1000)
    row = await made(engine, spool)
    assert (row.state, row.flags, row.reason) == ("sealed", ["leg_missing"], f"{spool.caller.name}: no WAVE header")
    _, right = channels_of(await played(engine, spool, row))
    assert hertz_of(right) == pytest.approx(880, abs=4)
    aside = spool.caller.with_suffix(".unreadable")
    assert aside.read_bytes() == b"x" * 1000


async def test_a_file_whose_begin_was_lost(engine: AsyncEngine, spool: Spool) -> None:
    """The disk was full for its first block: it begins with later audio, over which Asterisk wrote the lengths."""
    spool.write(3.0)
    await call_lasts(engine, 3.0)
    whole = spool.agent.read_bytes()
    left = bytearray(whole[32 * 1024 :])
    struct.pack_into("<I", left, 4, len(left) - 8)
    struct.pack_into("<I", left, 40, len(left) - 44)
    spool.agent.write_bytes(bytes(left))
    row = await made(engine, spool)
    assert (row.state, row.flags, row.reason) == ("sealed", ["repaired"], BEHEADED)
    assert [step["state"] for step in row.life] == ["closed", "repaired", "verified", "sealed"]
    _, right = channels_of(await played(engine, spool, row))
    assert hertz_of(right[:6000]) == pytest.approx(880, abs=4)


async def test_what_is_no_audio_stays_where_it_is(engine: AsyncEngine, spool: Spool) -> None:
    spool.write(1.0)
    spool.caller.write_bytes(b"x" * 1000)
    spool.agent.write_bytes(b"y" * 1000)
    row = await made(engine, spool)
    assert (row.state, row.path) == ("damaged", None)
    assert spool.caller.exists()
    assert [entry["kind"] for entry in await chain(engine)] == ["damaged"]


async def test_a_recording_of_before_the_seals_is_sealed(engine: AsyncEngine, spool: Spool) -> None:
    spool.write(1.0)
    old = spool.root / "2026" / "11" / "23" / "a.wav"
    old.parent.mkdir(parents=True)
    old.write_bytes(wav.header(2, 4 * RATE) + b"\x10\x20\x30\x40" * RATE)
    async with engine.begin() as connection:
        await connection.execute(update(recordings).values(state="unsealed", path="2026/11/23/a.wav"))

    async def sealed() -> Any:
        row = await row_of(engine)
        return row if row.state == "sealed" else None

    async with pipeline(engine, spool, "wav"):
        row = await eventually(sealed, 20)
        await eventually(lambda: _is_gone(old))
    left, right = channels_of(await played(engine, spool, row))
    assert (set(left), set(right), len(left)) == ({0x2010}, {0x4030}, RATE)


@pytest.mark.parametrize(
    ("path", "content", "state"),
    [(None, None, "absent"), ("2026/gone.wav", None, "absent"), ("2026/b.wav", b"no audio at all", "damaged")],
)
async def test_recordings_of_before_the_seals_that_are_none(
    engine: AsyncEngine, spool: Spool, path: str | None, content: bytes | None, state: str
) -> None:
    """Each is concluded, and holds up no other."""
    if path and content:
        (spool.root / path).parent.mkdir()
        (spool.root / path).write_bytes(content)
    async with engine.begin() as connection:
        await connection.execute(update(recordings).values(state="unsealed", path=path))

    async def over() -> Any:
        row = await row_of(engine)
        return row if row.state != "unsealed" else None

    async with pipeline(engine, spool) as health:
        assert (await eventually(over, 20)).state == state
        await eventually(lambda: _says(health, "working"))
    assert path is None or content is None or (spool.root / path).read_bytes() == content


async def _says(health: dict[str, Any], what: str) -> bool:
    return bool(health.get("recording") == (True, what))


async def test_a_file_that_is_written_to_is_not_taken(engine: AsyncEngine, spool: Spool) -> None:
    """Whatever the record says of its call: what Asterisk writes to a file that was removed is lost."""
    spool.write(1.0)
    for path in (spool.caller, spool.agent):
        forget_length(path)
    old, name = timedelta(hours=1), spool.caller.name.removesuffix("-caller.wav")
    with pytest.raises(legs.NotYet, match="still writing"):
        legs.Legs(spool.root / "spool").look(name, old)
    for path in (spool.caller, spool.agent):
        os.utime(path, (0, path.stat().st_mtime - 60))
    found = legs.Legs(spool.root / "spool").look(name, old)
    assert found is not None and not found.closed


async def test_legs_that_were_left_are_swept(engine: AsyncEngine, spool: Spool) -> None:
    """Also of recordings that were destroyed meanwhile; not while another call of that name is being recorded."""
    loop = Pipeline(engine, "hotline", Place(spool.root, spool.root / "public"), spool.signer, lambda *_: None)
    row = await row_of(engine)
    async with engine.begin() as connection:
        twin = {"id": uuid4(), "call_id": uuid4(), "pbx": "hotline", "name": row.name, "started_at": row.started_at}
        await connection.execute(insert(recordings).values(twin | {"state": "expected"}))
        await connection.execute(update(recordings).where(recordings.c.id == row.id).values(state="destroyed"))
    spool.write(1.0)
    await loop.sweep()
    assert spool.caller.exists()
    async with engine.begin() as connection:
        await connection.execute(delete(recordings).where(recordings.c.id == twin["id"]))
    await loop.sweep()
    assert not spool.caller.exists() and not spool.agent.exists()


async def test_a_call_that_is_read_again_has_one_recording(engine: AsyncEngine) -> None:
    """Also one of a time when the recording's id held another instant."""
    (record,) = track(facts("answered")).values()
    old = uuid4()
    async with engine.begin() as connection:
        await store_records(connection, [record])
        await connection.execute(update(recordings).values(id=old, state="archived"))
        await store_records(connection, [record])
        assert [r.id for r in await connection.execute(select(recordings.c.id))] == [old]


async def test_peaks_are_kept_for_a_player(engine: AsyncEngine, spool: Spool) -> None:
    spool.write(1.0)
    row = await made(engine, spool)
    async with engine.connect() as connection:
        peaks = (await connection.execute(select(recording_peaks.c.peaks))).scalar_one()
    assert len(peaks) == 40
    assert row.heard["left"]["peak_dbfs"] == pytest.approx(-12.25, abs=0.1)


async def test_legs_that_never_come_are_absent(
    engine: AsyncEngine, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(legs, "LEGS_APPEAR_WITHIN", timedelta(seconds=0.5))
    async with pipeline(engine, spool):
        row = await concluded(engine)
    assert row.state == "absent"
    assert "no file" in row.reason


async def test_a_disk_that_takes_nothing_loses_nothing(engine: AsyncEngine, spool: Spool) -> None:
    spool.write(1.0)
    (spool.root / "sealed").write_bytes(b"no folder")
    async with pipeline(engine, spool) as health:

        async def said() -> bool:
            return "recording" in health and not health["recording"][0]

        await eventually(said)
    assert (await row_of(engine)).state == "expected"
    assert spool.caller.exists()
    assert spool.agent.exists()
    assert (spool.root / "sealed").read_bytes() == b"no folder"


async def test_a_name_cannot_leave_the_spool(engine: AsyncEngine, tmp_path: Path) -> None:
    (record,) = track(facts("answered")).values()
    hostile = replace(record, recordings=(replace(record.recordings[0], name="../../etc/passwd"),))
    async with engine.begin() as connection:
        await store_records(connection, [hostile])
    async with pipeline(engine, Spool(tmp_path, "x")):
        row = await concluded(engine)
    assert (row.state, row.reason) == ("damaged", "the name leaves the spool folder")


async def test_hung_up_before_it_began(engine: AsyncEngine, spool: Spool) -> None:
    """Nothing is waited for: the dialplan never came to MixMonitor."""
    async with engine.begin() as connection:
        began = recordings.c.started_at
        await connection.execute(update(recordings).values(begun_at=None, ended_at=began + timedelta(milliseconds=2)))
    row = await made(engine, spool)
    assert (row.state, row.reason) == ("absent", "hung up 2 ms after the answer, before it began")


async def test_the_dialplan_did_not_start_it(engine: AsyncEngine, spool: Spool) -> None:
    async with engine.begin() as connection:
        await connection.execute(update(recordings).values(begun_at=None))
    assert (await made(engine, spool)).reason == "the dialplan did not start it"


async def test_several_are_put_off_at_once(engine: AsyncEngine, spool: Spool) -> None:
    """What a killed Asterisk leaves: legs of many calls, none of them closed."""
    several = [uuid4() for _ in range(5)]
    async with engine.begin() as connection:
        for number, each in enumerate(several):
            row = {"id": each, "call_id": uuid4(), "pbx": "hotline", "name": f"x{number}", "state": "recording"}
            await connection.execute(insert(recordings).values(**row, started_at=func.now(), ended_at=func.now()))
        later = [{"which": each, "wait": timedelta(seconds=9), "why": "not closed"} for each in several]
        await claims.postpone(connection, later)
        reasons = select(recordings.c.reason, recordings.c.attempts).where(recordings.c.id.in_(several))
        assert {tuple(row) for row in await connection.execute(reasons)} == {("not closed", 1)}
