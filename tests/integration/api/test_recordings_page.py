"""The recordings' pages: found, shown in two languages, everything from outside escaped; a reason before any sound."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from tests.integration.api.conftest import MONDAY
from tests.integration.api.told import fault_on

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
AUDIO = bytes(1000)


async def _sealed(add_call: Any, add_sealed: Any, **facts: Any) -> dict[str, Any]:
    at = (MONDAY + timedelta(seconds=12)).isoformat()
    timeline = [{"at": at, "kind": "talking", "detail": "<b>1001"}, {"at": at, "kind": "unheard_of", "detail": ""}]
    call = await add_call(caller_name=HOSTILE, caller_number="<b>1", timeline=timeline)
    life = [{"state": "sealed", "at": at, "cause": HOSTILE}, {"state": "some-other", "at": at, "cause": ""}]
    row: dict[str, Any] = await add_sealed(call, AUDIO, seconds=65.0, life=life, reason=HOSTILE, **facts)
    return {**row, "call_id": call}


async def test_search_and_one(api: Any, add_call: Any, add_sealed: Any) -> None:
    row = await _sealed(add_call, add_sealed, flags=["short"])
    for lang, words in (
        ("zh", ("录音偏短", "已封存", "座席接听", "收听事由")),
        ("en", ("too short", "sealed", "Agent answered", "Why you")),
    ):
        found = (await api.client.get("/recordings", params={"lang": lang, "flag": "short", "line": ""})).text
        one = (await api.client.get(f"/recordings/{row['id']}", params={"lang": lang})).text
        assert f'href="/recordings/{row["id"]}?lang={lang}"' in found
        assert f'data-audio="/v1/cdrs/{row["call_id"]}/recordings/{row["id"]}"' in one
        assert words[0] in found and words[1] in found and words[2] in one and words[3] in one
        assert 'data-second="12.0"' in one and "00:12" in one
        for page in (found, one):
            assert "<script>alert" not in page and "<img" not in page and "<b>1" not in page
            assert " style=" not in page and " onclick=" not in page
    assert str(row["id"]) not in (await api.client.get("/recordings", params={"flag": "long"})).text


async def test_nothing_plays_before_a_reason_is_given(api: Any, add_call: Any, add_sealed: Any) -> None:
    row = await _sealed(add_call, add_sealed)
    one = await api.client.get(f"/recordings/{row['id']}")
    assert '<audio id="audio" preload="none"></audio>' in one.text
    assert 'id="play" disabled' in one.text
    assert "default-src 'none'" in one.headers["content-security-policy"]
    assert (await api.client.get("/v1/playbacks")).json()["items"] == []
    await api.client.get(f"/v1/cdrs/{row['call_id']}/recordings/{row['id']}", params={"reason": "<i>复核"})
    again = (await api.client.get(f"/recordings/{row['id']}")).text
    assert "&lt;i&gt;复核" in again and "0:00–1:05" in again


async def test_what_has_no_audio_and_what_is_not_there(api: Any, add_recording: Any) -> None:
    absent = await add_recording(uuid4(), state="absent", reason="Asterisk wrote no file")
    page = (await api.client.get(f"/recordings/{absent}?lang=zh")).text
    assert "无录音" in page and "Asterisk wrote no file" in page and "<audio" not in page
    assert (await api.client.get(f"/recordings/{uuid4()}")).status_code == 404


async def test_a_faulty_filter_is_told(api: Any) -> None:
    for asked in ({"from": '"><script>1'}, {"flag": "x"}, {"min_seconds": "many"}, {"cursor": "x"}, {"number": "*1*"}):
        answer = await api.client.get("/recordings", params=asked)
        assert answer.status_code == 422, asked
        assert fault_on(answer.text) and "<script>1" not in answer.text


async def test_pages_keep_their_filters(api: Any, add_call: Any, add_recording: Any) -> None:
    call = await add_call()
    for n in range(31):
        await add_recording(call, state="archived", started_at=MONDAY + timedelta(seconds=n))
    first = (await api.client.get("/recordings", params={"agent": "1001", "lang": "en"})).text
    older = first.split('class="pages"><a href="')[1].split('"')[0].replace("&amp;", "&")
    assert "agent=1001" in older
    assert (await api.client.get(older)).text.count('<tr>\n<td><a href="/recordings/') == 1
