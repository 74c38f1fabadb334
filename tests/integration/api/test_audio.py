"""Recordings over HTTP: parts, unchanged answers, and nothing but what was sealed."""

import hashlib
import os
import random
import shutil
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import delete, update

from callcenter.recordings.store_interface import store_key
from callcenter.recordings.tables import recording_keys, recordings

AUDIO = bytes(range(256)) * 100


@pytest.fixture
async def address(api: Any, add_call: Any, add_sealed: Any) -> str:
    """The address of a recording of 25,600 bytes."""
    call_id = await add_call()
    row = await add_sealed(call_id, AUDIO)
    return f"/v1/cdrs/{call_id}/recordings/{row['id']}"


async def test_the_whole(api: Any, address: str) -> None:
    answer = await api.client.get(address)
    assert answer.content == AUDIO
    assert answer.headers["content-type"] == "audio/ogg"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"] == f'"{hashlib.sha256(AUDIO).hexdigest()}"'
    assert answer.headers["content-disposition"].endswith('.opus"')


PARTS = [
    ("bytes=0-9", AUDIO[:10], "bytes 0-9/25600"),
    ("bytes=25590-", AUDIO[-10:], "bytes 25590-25599/25600"),
    ("bytes=-5", AUDIO[-5:], "bytes 25595-25599/25600"),
    ("bytes=100-999999", AUDIO[100:], "bytes 100-25599/25600"),
]


async def test_parts(api: Any, address: str) -> None:
    for asked, part, told in PARTS:
        answer = await api.client.get(address, headers={"Range": asked})
        assert answer.status_code == 206, asked
        assert answer.content == part
        assert answer.headers["content-range"] == told


async def test_no_such_part(api: Any, address: str) -> None:
    for asked in ("bytes=25600-", "bytes=9-1", "bytes=-0", "bytes=-", "lines=1-2", "bytes=x-y"):
        answer = await api.client.get(address, headers={"Range": asked})
        assert (answer.status_code, answer.json()["code"]) == (416, "range_not_satisfiable"), asked
        assert answer.headers["content-range"] == "bytes */25600"


async def test_head_and_unchanged(api: Any, address: str) -> None:
    head = await api.client.head(address)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, "25600", b"")
    again = await api.client.get(address, headers={"If-None-Match": head.headers["etag"]})
    assert again.status_code == 304
    stale = await api.client.get(address, headers={"Range": "bytes=0-1", "If-Range": '"other"'})
    assert stale.status_code == 200


async def test_parts_of_many_chunks(api: Any, add_call: Any, add_sealed: Any) -> None:
    """Any part of 1.3 MB, over the borders of sealed chunks and of what is read at a time; also out of the store."""
    audio, chance = os.urandom(20 * 65536 + 77), random.Random(2)  # noqa: S311 - any will do
    call_id = await add_call()
    row = await add_sealed(call_id, audio)
    address = f"/v1/cdrs/{call_id}/recordings/{row['id']}"
    for state in ("sealed", "archived"):
        if state == "archived":
            await _archive(api, row)
        for _ in range(20):
            first, last = sorted(chance.sample(range(len(audio)), 2))
            answer = await api.client.get(address, headers={"Range": f"bytes={first}-{last}"})
            assert answer.content == audio[first : last + 1], (state, first, last)
        assert (await api.client.get(address)).content == audio


async def test_archived_since_its_row_was_read(api: Any, add_call: Any, add_sealed: Any) -> None:
    call_id = await add_call()
    row = await add_sealed(call_id, AUDIO)
    await _archive(api, row)
    async with api.engine.begin() as connection:
        as_read = {"state": "sealed", "path": row["path"]}
        await connection.execute(update(recordings).where(recordings.c.id == row["id"]).values(as_read))
    answer = await api.client.get(f"/v1/cdrs/{call_id}/recordings/{row['id']}")
    assert (answer.status_code, answer.content) == (200, AUDIO)


async def _archive(api: Any, row: dict[str, Any]) -> None:
    async with api.engine.begin() as connection:
        mine = recordings.c.id == row["id"]
        found = (await connection.execute(recordings.select().where(mine))).one()
        key = store_key(found.id, found.started_at)
        (api.settings.recordings_dir / key).parent.mkdir(parents=True)
        shutil.move(api.settings.sealed_dir / row["path"], api.settings.recordings_dir / key)
        await connection.execute(update(recordings).where(mine).values(state="archived", path=key))


UNPLAYABLE: list[tuple[dict[str, Any], int, str]] = [
    ({"state": "expected"}, 409, "recording_not_ready"),
    ({"state": "closed"}, 409, "recording_not_ready"),
    ({"state": "absent", "reason": "Asterisk wrote no file"}, 410, "recording_missing"),
    ({"state": "destroyed"}, 410, "recording_missing"),
    ({"path": "gone.ccr"}, 410, "recording_missing"),
    ({"path": "../../secret"}, 410, "recording_missing"),
    ({"path": "/etc/passwd"}, 410, "recording_missing"),
    ({"path": "."}, 410, "recording_missing"),
    ({"state": "archived", "path": f"2026/11/23/{uuid4()}.ccr"}, 410, "recording_missing"),
]


async def test_what_can_not_be_played(api: Any, add_call: Any, add_sealed: Any) -> None:
    call_id = await add_call()
    for facts, status, code in UNPLAYABLE:
        row = await add_sealed(call_id, AUDIO, **facts)
        answer = await api.client.get(f"/v1/cdrs/{call_id}/recordings/{row['id']}")
        assert (answer.status_code, answer.json()["code"]) == (status, code), facts


async def test_what_was_altered_is_not_played(api: Any, add_call: Any, add_sealed: Any) -> None:
    """A bit changed, the end cut off, another recording's file, another's key."""
    call_id, audio = await add_call(), os.urandom(200_000)
    row, other = await add_sealed(call_id, audio), await add_sealed(call_id, audio)
    address, path = f"/v1/cdrs/{call_id}/recordings/{row['id']}", api.settings.sealed_dir / row["path"]
    sealed = path.read_bytes()
    flipped = bytearray(sealed)
    flipped[100] ^= 1
    for altered in (
        bytes(flipped),
        sealed[:-1],
        sealed[:65576],
        (api.settings.sealed_dir / other["path"]).read_bytes(),
    ):
        path.write_bytes(altered)
        answer = await api.client.get(address)
        assert (answer.status_code, answer.json()["code"]) == (410, "recording_missing"), len(altered)
    path.write_bytes(sealed)
    assert (await api.client.get(address)).content == audio
    async with api.engine.begin() as connection:
        of_other = recording_keys.c.recording_id == other["id"]
        wrapped = (await connection.execute(recording_keys.select().where(of_other))).one().wrapped
        mine = recording_keys.c.recording_id == row["id"]
        await connection.execute(update(recording_keys).where(mine).values(wrapped=wrapped))
    assert (await api.client.get(address)).status_code == 503


async def test_without_its_key_it_is_gone(api: Any, address: str) -> None:
    async with api.engine.begin() as connection:
        await connection.execute(delete(recording_keys))
    answer = await api.client.get(address)
    assert (answer.status_code, answer.json()["detail"].count("its key is gone")) == (410, 1)


async def test_a_recording_of_another_call_is_not_found(api: Any, address: str, add_call: Any) -> None:
    recording_id = address.rsplit("/", 1)[1]
    assert (await api.client.get(f"/v1/cdrs/{await add_call()}/recordings/{recording_id}")).status_code == 404
    assert (await api.client.get(f"/v1/cdrs/{uuid4()}/recordings/{recording_id}")).status_code == 404
