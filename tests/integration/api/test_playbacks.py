"""Who listened: every answer with audio leaves a row, also one that broke off; without a row there is no audio."""

import asyncio
import hashlib
import io
import json
import os
import zipfile
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx
import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError
from tests.integration.conftest import eventually

from callcenter.access.keys import issue
from callcenter.listening import played
from callcenter.listening.played import merged
from callcenter.local.recording_keys import load_chain_public, load_signer
from callcenter.recordings.chain import Head, hash_of, is_signed
from callcenter.recordings.chain_repository import extend
from callcenter.recordings.playbacks import Length
from callcenter.recordings.tables import recording_playbacks

AUDIO = bytes(range(256)) * 400
"""102,400 bytes"""
SECONDS = 102.4
WHY = "复核投诉 118"


@pytest.fixture
async def sealed(api: Any, add_call: Any, add_sealed: Any) -> dict[str, Any]:
    call = await add_call(caller_name='../../"evil', caller_number="13800138000")
    row = await add_sealed(call, AUDIO, seconds=SECONDS)
    return {"address": f"/v1/cdrs/{call}/recordings/{row['id']}", "call": call, **row}


async def _ended(api: Any, count: int = 1, **asked: Any) -> list[dict[str, Any]]:
    async def all_ended() -> Any:
        items = (await api.client.get("/v1/playbacks", params=asked)).json()["items"]
        return len(items) == count and all(item["ended_at"] for item in items) and items

    found: list[dict[str, Any]] = await eventually(all_ended)
    return found


async def test_who_when_why_and_which_seconds(api: Any, sealed: dict[str, Any]) -> None:
    headers = {"X-Reason": quote(WHY), "Range": "bytes=10000-19999"}
    assert (await api.client.get(sealed["address"], headers=headers)).status_code == 206
    (item,) = await _ended(api)
    assert (item["by"], item["why"], item["how"], item["address"]) == ("test", WHY, "play", "127.0.0.1")
    assert (item["first_second"], item["last_second"], item["bytes"]) == (10.0, 20.0, 10000)
    assert item["recording_id"] == str(sealed["id"])
    assert item["at"] <= item["ended_at"]


async def test_parts_close_to_one_another_are_one_playback(api: Any, sealed: dict[str, Any]) -> None:
    other = await issue(api.engine, "other", may_change=False)
    for first, last, why in ((0, 999, WHY), (1000, 1999, WHY), (50000, 50999, WHY), (0, 999, "其他")):
        await api.client.get(sealed["address"], params={"reason": why}, headers={"Range": f"bytes={first}-{last}"})
    await api.client.get(sealed["address"], params={"reason": WHY}, headers={"X-API-Key": other})
    found = await _ended(api, 3)
    assert [(each["by"], each["why"], each["answers"]) for each in found] == [
        ("other", WHY, 1), ("test", "其他", 1), ("test", WHY, 3)
    ]  # fmt: skip
    assert (found[2]["sent"], found[2]["heard"]) == ([[0.0, 2.0], [50.0, 51.0]], None)
    assert found[2]["bytes"] == 3000
    assert [each["by"] for each in await _ended(api, 1, by="other")] == ["other"]


async def test_what_is_a_minute_apart_is_another_playback(api: Any, sealed: dict[str, Any]) -> None:
    row = {"recording_id": sealed["id"], "by": "test", "why": "", "how": "play", "address": "", "bytes": 1}
    gaps = (300, 241, 240, 180, 179)
    async with api.engine.begin() as connection:
        for n, ago in enumerate(gaps):
            at = text(f"timestamptz '2026-11-23T09:00:00Z' - interval '{ago} s'")
            values = {**row, "id": UUID(int=n + 1), "at": at, "first_second": n, "last_second": n + 1}
            await connection.execute(insert(recording_playbacks).values(values))
    items = (await api.client.get("/v1/playbacks")).json()["items"]
    assert [each["answers"] for each in items] == [2, 3]
    assert {each["ended_at"] for each in items} == {None}
    page = (await api.client.get("/v1/playbacks", params={"limit": 1})).json()
    rest = (await api.client.get("/v1/playbacks", params={"limit": 1, "cursor": page["next"]})).json()
    assert ([*page["items"], *rest["items"]], rest["next"]) == (items, None)
    early = {"from": "2026-11-23T08:55:00Z", "until": "2026-11-23T08:56:30Z"}
    assert (await api.client.get("/v1/playbacks", params=early)).json()["items"] == items[1:]


async def test_what_a_player_says_that_it_played(api: Any, sealed: dict[str, Any]) -> None:
    """Sent whole, heard in parts; what belongs to one sitting is one playback however far apart."""
    sitting, other = UUID(int=7), UUID(int=8)
    address = f"/v1/recordings/{sealed['id']}/listenings/{sitting}/played"
    asked = {"reason": WHY, "listening": str(sitting)}
    assert (await api.client.post(address, json={"parts": [[0, 1]]})).status_code == 404  # nothing was sent yet
    await api.client.get(sealed["address"], params=asked)
    row = {"recording_id": sealed["id"], "by": "test", "why": WHY, "how": "play", "address": "127.0.0.1", "bytes": 1}
    row |= {"id": UUID(int=1), "first_second": 3, "last_second": 4, "listening": sitting}
    async with api.engine.begin() as connection:
        long_before = text("now() - interval '3 h'")
        await connection.execute(insert(recording_playbacks).values({**row, "at": long_before}))
    for parts in ([[0, 12.4]], [[0, 12.4], [61, 75.2]], [[60, 102.9]]):
        assert (await api.client.post(address, json={"parts": parts})).status_code == 204
    await api.client.get(sealed["address"], params={**asked, "listening": str(other)})
    items = (await api.client.get("/v1/playbacks")).json()["items"]
    assert [(item["listening"], item["heard"], item["answers"]) for item in items] == [
        (str(other), None, 1), (str(sitting), [[0.0, 12.4], [60.0, SECONDS]], 2)
    ]  # fmt: skip
    assert items[1]["sent"] == [[0.0, SECONDS]]


async def test_each_key_reports_for_itself(api: Any, sealed: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever calls his sitting what somebody else's is called says nothing of what that one heard."""
    sitting, other = UUID(int=7), {"X-API-Key": await issue(api.engine, "other", may_change=False)}
    address = f"/v1/recordings/{sealed['id']}/listenings/{sitting}/played"
    for headers, parts in (({}, [[0, 1]]), (other, [[50, 60]])):
        await api.client.get(sealed["address"], params={"listening": str(sitting)}, headers=headers)
        assert (await api.client.post(address, json={"parts": parts}, headers=headers)).status_code == 204
    items = (await api.client.get("/v1/playbacks")).json()["items"]
    assert {each["by"]: each["heard"] for each in items} == {"test": [[0.0, 1.0]], "other": [[50.0, 60.0]]}
    monkeypatch.setattr(played, "MOST_REPORTS", 1)
    assert (await api.client.post(address, json={"parts": [[0, 2]]})).status_code == 422


async def test_reports_that_are_refused(api: Any, sealed: dict[str, Any], add_call: Any, add_sealed: Any) -> None:
    """Of nothing that was sent, of another key's listening, of another recording, of seconds that are not there."""
    sitting = UUID(int=7)
    address = f"/v1/recordings/{sealed['id']}/listenings/{sitting}/played"
    await api.client.get(sealed["address"], params={"listening": str(sitting)})
    other = {"X-API-Key": await issue(api.engine, "other", may_change=True)}
    row = await add_sealed(await add_call(), AUDIO, seconds=SECONDS)
    good = {"parts": [[0, 1]]}
    assert (await api.client.post(address, json=good, headers=other)).status_code == 404
    assert (await api.client.post(address.replace(str(sealed["id"]), str(row["id"])), json=good)).status_code == 404
    assert (await api.client.post(address, json=good, headers={"Sec-Fetch-Site": "cross-site"})).status_code == 403
    for parts in ([], [[0, 200]], [[2, 1]], [[-1, 1]], [[0]], [["a", 1]], [[0, 1]] * 501, None):
        assert (await api.client.post(address, json={"parts": parts})).status_code == 422, parts
    content = b'{"parts": [[0, NaN]]}'
    assert (await api.client.post(address, content=content)).status_code in {400, 422}
    (item,) = (await api.client.get("/v1/playbacks")).json()["items"]
    assert item["heard"] is None


async def test_another_sites_page_plays_nothing(api: Any, sealed: dict[str, Any]) -> None:
    """Nobody shall seem to have listened because some page made the browser ask."""
    for address in (sealed["address"], f"/v1/recordings/{sealed['id']}/download?reason=x"):
        for site in ("cross-site", "same-site"):
            answer = await api.client.get(address, headers={"Sec-Fetch-Site": site})
            assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), (address, site)
    assert (await api.client.get("/v1/playbacks")).json()["items"] == []
    assert (await api.client.get(sealed["address"], headers={"Sec-Fetch-Site": "same-origin"})).status_code == 200


async def test_no_audio_no_row(api: Any, sealed: dict[str, Any]) -> None:
    etag = f'"{hashlib.sha256(AUDIO).hexdigest()}"'
    assert (await api.client.head(sealed["address"])).status_code == 200
    assert (await api.client.get(sealed["address"], headers={"If-None-Match": etag})).status_code == 304
    assert (await api.client.get(sealed["address"], headers={"Range": "bytes=999999-"})).status_code == 416
    assert (await api.client.get("/v1/playbacks")).json()["items"] == []


async def test_a_client_that_breaks_off(api: Any, add_call: Any, add_sealed: Any) -> None:
    """40 MB are asked for, far more than sockets hold; what is kept is less than that, and more than was read."""
    size = 40_000_000
    call = await add_call()
    row = await add_sealed(call, os.urandom(size), seconds=40_000.0)
    reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(api.url).port)
    path = f"/v1/cdrs/{call}/recordings/{row['id']}"
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {api.key}\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(1_000_000)
    standing = (await api.client.get("/v1/playbacks")).json()
    writer.transport.abort()
    assert [(each["ended_at"], each["bytes"]) for each in standing["items"]] == [(None, size)]
    (item,) = await _ended(api)
    assert 1_000_000 <= item["bytes"] < size
    assert item["last_second"] == pytest.approx(item["bytes"] / 1000, abs=0.01)


async def test_without_a_row_there_is_no_audio(api: Any, sealed: dict[str, Any]) -> None:
    """Postgres refuses the row (here: read-only sessions, as on a standby after a failover)."""
    async with api.engine.begin() as connection:
        await connection.execute(
            text(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'cannot_connect_now', MESSAGE = 'away'; END $$"
            )
        )
        await connection.execute(
            text("CREATE TRIGGER refuse BEFORE INSERT ON recording_playbacks FOR EACH ROW EXECUTE FUNCTION refuse()")
        )
    for address in (sealed["address"], f"/v1/recordings/{sealed['id']}/download?reason=x"):
        answer = await api.client.get(address)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), address
        assert AUDIO[:100] not in answer.content
    async with api.engine.begin() as connection:
        await connection.execute(text("DROP TRIGGER refuse ON recording_playbacks"))
    assert (await api.client.get(sealed["address"])).content == AUDIO


async def test_playbacks_can_not_be_changed(api: Any, sealed: dict[str, Any]) -> None:
    await api.client.get(sealed["address"])
    await _ended(api)
    for table in ("recording_playbacks", "recording_playback_ends", "recording_playback_reports"):
        for statement in ("DELETE FROM {}", "UPDATE {} SET at = now()", "TRUNCATE {}"):
            with pytest.raises(DBAPIError, match="append-only"):
                async with api.engine.begin() as connection:
                    await connection.execute(text(statement.format(table)))


BAD_REASONS = ["", " ", "x" * 201, "a\nb", "a\u202eb", "a\x00b", "a\u2028b"]


async def test_reasons_are_checked(api: Any, sealed: dict[str, Any]) -> None:
    for reason in BAD_REASONS:
        assert (await api.client.get(sealed["address"], params={"reason": reason})).status_code == 422, reason
        headers = {"X-Reason": quote(reason)}
        assert (await api.client.get(sealed["address"], headers=headers)).status_code == 422, reason
    assert (await api.client.get(sealed["address"], headers={"X-Reason": "%FF"})).status_code == 422
    assert (await api.client.get("/v1/playbacks")).json()["items"] == []
    assert (await api.client.get(sealed["address"], params={"reason": "x" * 200})).status_code == 200


async def test_a_reason_may_be_required(api: Any, sealed: dict[str, Any]) -> None:
    assert (await api.client.get(sealed["address"])).status_code == 200
    api.app.state.playback_reason_required = True
    assert (await api.client.get(sealed["address"])).status_code == 422
    assert (await api.client.get(sealed["address"], params={"reason": WHY})).status_code == 200


async def test_a_download_with_what_proves_it(api: Any, sealed: dict[str, Any]) -> None:
    """The manifest's entry is the chain's, its hash follows the one before, and the site signed it."""
    entry = {"kind": "sealed", "recording": str(sealed["id"]), "sha256": sealed["sha256"]}
    async with api.engine.begin() as connection:
        await extend(connection, "hotline", load_signer(api.settings), [{"kind": "other"}, entry])
    address = f"/v1/recordings/{sealed['id']}/download"
    assert (await api.client.get(address)).status_code == 422
    answer = await api.client.get(address, params={"reason": WHY})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    name = f"20261123T090000_{sealed['id']}.opus"
    assert (archive.testzip(), archive.namelist()) == (None, [name, "manifest.json"])
    assert archive.getinfo(name).compress_type == zipfile.ZIP_STORED
    assert "evil" not in answer.headers["content-disposition"]
    assert archive.read(name) == AUDIO
    told = json.loads(archive.read("manifest.json"))
    (one,) = told["recordings"]
    assert one["recording"]["sha256"] == told["audio_sha256"] == hashlib.sha256(AUDIO).hexdigest()
    assert one["recording"]["sealed_sha256"] == sealed["sealed_sha256"]
    assert (one["call"]["caller_number"], told["taken"]["by"], told["taken"]["why"]) == ("13800138000", "test", WHY)
    chain = one["chain"]
    assert chain["seq"] == 2
    assert json.loads(chain["entry"])["sha256"] == one["recording"]["sha256"]
    assert hash_of(chain["before"], chain["entry"]) == chain["hash"]
    head = Head(chain["pbx"], chain["seq"], chain["hash"], chain["signature"])
    assert is_signed(load_chain_public(api.settings), head)
    assert (await api.client.get(f"/v1/recordings/{sealed['id']}")).json()["chain"]["hash"] == chain["hash"]
    (item,) = await _ended(api)
    assert (item["how"], item["why"], item["first_second"], item["last_second"]) == ("download", WHY, 0.0, SECONDS)


async def test_what_can_not_be_downloaded(api: Any, add_call: Any, add_sealed: Any) -> None:
    call = await add_call()
    for state, status in (("expected", 409), ("absent", 410), ("destroyed", 410)):
        row = await add_sealed(call, AUDIO, state=state)
        answer = await api.client.get(f"/v1/recordings/{row['id']}/download?reason=x")
        assert answer.status_code == status, state
    async with api.engine.connect() as connection:
        assert (await connection.execute(select(recording_playbacks))).all() == []


def test_seconds_of_bytes() -> None:
    wav, opus = Length("audio/wav", 10.0, 320_044), Length("audio/ogg", 10.0, 20_000)
    assert wav.seconds_of(0, 320_044) == (0.0, 10.0)
    assert wav.seconds_of(44 + 32_000, 44 + 48_000) == (1.0, 1.5)
    assert wav.seconds_of(0, 44) == (0.0, 0.0)
    assert opus.seconds_of(5_000, 20_000) == (2.5, 10.0)
    assert Length("audio/ogg", 10.0, 0).seconds_of(0, 0) == (0.0, 0.0)


def test_stretches_are_joined() -> None:
    assert merged([[5, 7], [0, 2], [2, 3], [6, 6.5]]) == [[0, 3], [5, 7]]
