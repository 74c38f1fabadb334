"""The desk: one page in two languages, everything from outside escaped, nothing from elsewhere allowed."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.integration.api.told import fault_on

MONDAY = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


async def test_hostile_names_are_text(api: Any, add_call: Any) -> None:
    await add_call(caller_name=HOSTILE, caller_number="<b>1")
    page = (await api.client.get("/")).text
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<b>1" not in page


async def test_the_policy_allows_our_own_only(api: Any) -> None:
    headers = (await api.client.get("/")).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    page = (await api.client.get("/")).text
    assert "http://" not in page
    assert "https://" not in page
    assert " style=" not in page
    assert " onclick=" not in page


async def test_two_languages(api: Any, add_call: Any) -> None:
    await add_call()
    for asked, word in (({}, "最近来电"), ({"Accept-Language": "en-GB,zh;q=0.5"}, "Latest calls")):
        assert word in (await api.client.get("/", headers=asked)).text
    assert "Latest calls" in (await api.client.get("/?lang=en", headers={"Accept-Language": "zh"})).text


async def test_filter_and_pages(api: Any, add_call: Any, add_recording: Any) -> None:
    for n in range(31):
        await add_call(started_at=MONDAY + timedelta(minutes=n))
    call_id = await add_call(caller_number="13900139000", started_at=MONDAY - timedelta(days=1))
    recording_id = await add_recording(call_id, state="archived", path="2026/11/23/a.ccr")
    first = (await api.client.get("/")).text
    assert "13900139000" not in first
    cursor = first.split("cursor=")[1].split('"')[0]
    assert "13900139000" in (await api.client.get(f"/?cursor={cursor}")).text
    found = (await api.client.get("/calls?number=*9000")).text
    assert f"/recordings/{recording_id}?lang=" in found
    assert "13800138000" not in found


async def test_a_bad_filter_is_told_on_the_page(api: Any) -> None:
    answer = await api.client.get("/", params={"number": '"><script>1*2'})
    assert answer.status_code == 422
    assert "<script>1" not in answer.text
    assert fault_on(answer.text) == "号码：号码应写作 13800138000、138* 或 *8000"
