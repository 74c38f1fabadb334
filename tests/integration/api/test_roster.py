"""/v1/roster and its page on a real server and database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from tests.integration.api.conftest import Api
from tests.integration.api.told import fault_on

HOUR = timedelta(hours=1)


def body(begins: float, ends: float, **changed: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    steps = [{"members": ["1001", "m13800138000"], "seconds": 20}]
    times = {"starts_at": (now + begins * HOUR).isoformat(), "until": (now + ends * HOUR).isoformat()}
    return {**times, "steps": steps, "note": "", **changed}


async def test_shift_entered_found_and_withdrawn(api: Api) -> None:
    before = (await api.client.get("/v1/roster/now")).json()
    assert (before["source"], before["shift"], before["gaps"]) == ("fallback", None, [])
    answer = await api.client.post("/v1/roster/shifts", json=body(-1, 8))
    assert answer.status_code == 201, answer.text
    now = (await api.client.get("/v1/roster/now")).json()
    assert (now["source"], now["shift"]["id"]) == ("roster", answer.json()["id"])
    assert now["shift"]["made_by"] == "test"
    assert len(now["gaps"]) == 1
    assert [s["id"] for s in (await api.client.get("/v1/roster/shifts")).json()["items"]] == [now["shift"]["id"]]
    gone = await api.client.delete(f"/v1/roster/shifts/{now['shift']['id']}")
    assert gone.status_code == 200
    assert (await api.client.delete(f"/v1/roster/shifts/{now['shift']['id']}")).status_code == 404
    assert (await api.client.get("/v1/roster/now")).json()["source"] == "fallback"


@pytest.mark.parametrize("changed", [
    {"steps": [{"members": ["9999"], "seconds": 20}]}, {"steps": []}, {"note": "a\0b"}, {"surprise": 1},
    {"until": "2020-01-01T00:00:00Z"}, {"starts_at": "2026-11-24T09:00:00"},
])  # fmt: skip
async def test_wrong_shift_is_refused_and_changes_nothing(api: Api, changed: dict[str, Any]) -> None:
    answer = await api.client.post("/v1/roster/shifts", json=body(0, 8, **changed))
    assert answer.status_code == 422, answer.text
    assert (await api.client.get("/v1/roster/shifts")).json()["items"] == []


async def test_overlap_is_refused(api: Api) -> None:
    assert (await api.client.post("/v1/roster/shifts", json=body(0, 8))).status_code == 201
    refused = await api.client.post("/v1/roster/shifts", json=body(7, 9))
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")
    assert (await api.client.post("/v1/roster/shifts", json=body(8.01, 9))).status_code == 201


async def test_hand_over_is_kept_for_ever(api: Api) -> None:
    said = {"from_member": "1001", "to_member": "1002", "note": "平安", "open_matters": "回电 <b>"}
    assert (await api.client.post("/v1/roster/hand-overs", json=said)).status_code == 201
    (kept,) = (await api.client.get("/v1/roster/hand-overs")).json()["items"]
    assert {name: kept[name] for name in said} == said
    for change in ("UPDATE duty_hand_overs SET note = ''", "DELETE FROM duty_hand_overs"):
        with pytest.raises(DBAPIError, match="append-only"):
            async with api.engine.begin() as connection:
                await connection.execute(text(change))


async def test_page_shows_duty_and_takes_a_hand_over(api: Api) -> None:
    await api.client.post("/v1/roster/shifts", json=body(-1, 8, note="夜班 <i>"))
    page = await api.client.get("/roster", params={"lang": "zh"})
    assert page.status_code == 200
    assert "应急值班表" in page.text and "m13800138000" in page.text and "夜班 &lt;i&gt;" in page.text
    form = {"from_member": "1001", "to_member": "1002", "note": "一切正常", "open_matters": ""}
    sent = await api.client.post("/roster/hand-overs", params={"lang": "zh"}, data=form)
    assert sent.status_code == 303
    assert "一切正常" in (await api.client.get("/roster", params={"lang": "en"})).text
    empty = await api.client.post("/roster/hand-overs", data={**form, "note": ""})
    assert (empty.status_code, fault_on(empty.text)) == (422, "请填写情况或未办事项")
    other = await api.client.post("/roster/hand-overs", data=form, headers={"Sec-Fetch-Site": "cross-site"})
    assert other.status_code == 403
    assert (await api.stranger.get("/roster")).status_code == 401
