"""The schedule by API: what holds, the month, and what a key may change."""

from typing import Any

import pytest


async def test_an_instant_is_explained(api: Any) -> None:
    answer = await api.client.get("/v1/schedule", params={"at": "2026-10-10T10:00", "line": "hotline"})
    assert answer.status_code == 200, answer.text
    (line,) = answer.json()["lines"]
    assert (line["mode"], line["reason"], line["provisional"]) == ("open", "workday-2026-10-10", False)
    assert line["closes_at"].startswith("2026-10-10T17:00") or line["closes_at"] == "2026-10-10T09:00:00Z"


async def test_month_shows_the_holiday(api: Any) -> None:
    answer = await api.client.get("/v1/schedule/month", params={"month": "2026-10"})
    days = {day["date"]: day for day in answer.json()["days"]}
    assert len(days) == 31
    assert (days["2026-10-05"]["kind"], days["2026-10-05"]["name"], days["2026-10-05"]["spans"]) == (
        "holiday", "国庆节", []
    )  # fmt: skip
    assert days["2026-10-10"]["kind"] == "makeup" and len(days["2026-10-10"]["spans"]) == 1


async def test_day_is_set_and_given_back(api: Any) -> None:
    path, change = "/v1/schedule/days/2026-10-05", {"name": "值守", "is_off": False}
    assert (await api.client.put(path, json=change)).json()["state"] == "manual"
    assert (await api.client.get(path)).json()["kind"] == "workday"
    assert (await api.client.delete(path)).status_code == 204
    assert (await api.client.get(path)).json()["kind"] == "holiday"
    assert (await api.client.delete(path)).status_code == 404


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("hours", {"weekdays": [6], "opens": "10:00", "closes": "24:00"}),
        ("overrides", {"mode": "closed", "until": "2999-01-01", "reason": "停电"}),
        ("duties", {"name": "值守", "starts_at": "2026-12-01T18:00", "until": "2999-12-02", "staff": ["1001"]}),
    ],
)
async def test_added_listed_withdrawn(api: Any, kind: str, change: dict[str, Any]) -> None:
    path = f"/v1/schedule/{kind}"
    before = (await api.client.get(path)).json()["items"]
    made = await api.client.post(path, json=change)
    assert made.status_code == 201, made.text
    number = made.json()["id"]
    assert number in [item["id"] for item in (await api.client.get(path)).json()["items"]]
    assert (await api.client.delete(f"{path}/{number}")).status_code == 204
    assert (await api.client.delete(f"{path}/{number}")).status_code == 404
    assert (await api.client.get(path)).json()["items"] == before


async def test_stranger_changes_nothing(api: Any) -> None:
    change = {"name": "x", "is_off": True}
    assert (await api.stranger.put("/v1/schedule/days/2026-11-24", json=change)).status_code == 401
    assert (await api.client.get("/v1/schedule/days/2026-11-24")).json()["kind"] == "workday"


@pytest.mark.parametrize(("language", "words"), [("zh", ("国庆节", "调休上班")), ("en", ("国庆节", "make-up workday"))])
async def test_month_page(api: Any, language: str, words: tuple[str, ...]) -> None:
    page = await api.client.get("/schedule", params={"month": "2026-10", "lang": language})
    assert page.status_code == 200
    assert all(word in page.text for word in words)
    assert page.text.count("09:00–17:00") == 18
