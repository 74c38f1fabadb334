"""Recordings over HTTP: parts, unchanged answers, and nothing from outside of the store."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

AUDIO = bytes(range(256)) * 100


@pytest.fixture
async def address(api: Any, add_call: Any, add_recording: Any) -> str:
    """The address of a recording of 25,600 bytes."""
    (api.recordings_dir / "2026").mkdir()
    (api.recordings_dir / "2026" / "a.wav").write_bytes(AUDIO)
    call_id = await add_call()
    row = {"state": "ready", "path": "2026/a.wav", "media_type": "audio/wav", "sha256": "ab" * 32}
    return f"/v1/cdrs/{call_id}/recordings/{await add_recording(call_id, **row)}"


async def test_the_whole(api: Any, address: str) -> None:
    answer = await api.client.get(address)
    assert answer.content == AUDIO
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"] == f'"{"ab" * 32}"'


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


UNPLAYABLE: list[tuple[dict[str, Any], int, str]] = [
    ({"state": "expected"}, 409, "recording_not_ready"),
    ({"state": "absent", "reason": "Asterisk wrote no file"}, 410, "recording_missing"),
    ({"state": "ready", "path": "gone.wav"}, 410, "recording_missing"),
    ({"state": "ready", "path": "../secret.wav"}, 410, "recording_missing"),
    ({"state": "ready", "path": "/etc/passwd"}, 410, "recording_missing"),
    ({"state": "ready", "path": "link.wav"}, 410, "recording_missing"),
    ({"state": "ready", "path": "."}, 410, "recording_missing"),
]


@pytest.fixture
def way_out(api: Any) -> None:
    """A link in the store that leads out of it."""
    outside: Path = api.recordings_dir.parent / "secret.wav"
    outside.write_bytes(b"secret")
    (api.recordings_dir / "link.wav").symlink_to(outside)


@pytest.mark.usefixtures("way_out")
async def test_what_can_not_be_played(api: Any, add_call: Any, add_recording: Any) -> None:
    call_id = await add_call()
    for row, status, code in UNPLAYABLE:
        answer = await api.client.get(f"/v1/cdrs/{call_id}/recordings/{await add_recording(call_id, **row)}")
        assert (answer.status_code, answer.json()["code"]) == (status, code), row


async def test_a_recording_of_another_call_is_not_found(api: Any, address: str, add_call: Any) -> None:
    recording_id = address.rsplit("/", 1)[1]
    assert (await api.client.get(f"/v1/cdrs/{await add_call()}/recordings/{recording_id}")).status_code == 404
    assert (await api.client.get(f"/v1/cdrs/{uuid4()}/recordings/{recording_id}")).status_code == 404
