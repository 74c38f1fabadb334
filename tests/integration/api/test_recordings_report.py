"""Is every call on record? Counted by day, with a reason for each that is not verified."""

from datetime import timedelta
from typing import Any

import pytest
from tests.integration.api.conftest import MONDAY

LEG = {"uniqueid": "x", "channel": "PJSIP/trunk-00000001", "answered_at": "2026-11-23T01:00:00Z"}

STATES: list[tuple[dict[str, Any], str]] = [
    ({"state": "archived"}, "verified"),
    ({"state": "sealed"}, "verified"),
    ({"state": "archived", "flags": ["digits", "paused"]}, "verified"),
    ({"state": "destroyed"}, "verified"),
    ({"state": "archived", "flags": ["short"], "reason": "2.5 s shorter than the call"}, "flagged"),
    ({"state": "archived", "flags": ["paused", "pause_heard"], "reason": "sound"}, "flagged"),
    ({"state": "damaged", "reason": "it is gone"}, "flagged"),
    ({"state": "absent", "reason": "Asterisk wrote no file"}, "missing"),
    ({"state": "expected"}, "pending"),
    ({"state": "recording"}, "pending"),
    ({"state": "closed"}, "pending"),
]


@pytest.fixture
async def monday(add_call: Any, add_recording: Any) -> dict[str, int]:
    """A day with a recording of each kind, a call whose recording's row is gone, and one nobody answered; the count."""
    count = dict.fromkeys(("verified", "flagged", "missing", "pending"), 0)
    for facts, kind in STATES:
        await add_recording(await add_call(legs=[LEG]), **facts)
        count[kind] += 1
    await add_call(legs=[LEG])
    count["missing"] += 1
    await add_call(legs=[{**LEG, "answered_at": None}], outcome="blocked", agent=None)
    await add_call(legs=[{**LEG, "channel": "PJSIP/d1-1001-00000001"}], direction="internal")
    return count


async def test_a_day_adds_up(api: Any, monday: dict[str, int]) -> None:
    answer = (await api.client.get("/v1/reports/recordings", params={"date": "2026-11-23"})).json()
    found = answer["completeness"]
    assert {kind: found[kind] for kind in monday} == monday
    assert found["expected"] == sum(monday.values())
    assert found["verified_rate"] == monday["verified"] / found["expected"]


async def test_each_that_is_not_verified_has_its_reason(api: Any, monday: dict[str, int]) -> None:
    answer = (await api.client.get("/v1/reports/recordings", params={"date": "2026-11-23"})).json()
    items = answer["items"]
    assert len(items) == sum(monday.values()) - monday["verified"]
    assert answer["listed"] is True
    assert {i["reason"] for i in items if i["kind"] == "flagged"} == {
        "2.5 s shorter than the call",
        "sound",
        "it is gone",
    }
    gone = [i for i in items if i["recording_id"] is None]
    assert [(i["kind"], i["state"]) for i in gone] == [("missing", "gone")]
    short = (await api.client.get("/v1/reports/recordings", params={"date": "2026-11-23", "limit": 3})).json()
    assert (len(short["items"]), short["listed"]) == (3, False)


async def test_the_figure_is_on_every_report(api: Any, monday: dict[str, int]) -> None:
    week = {"period": "week", "date": "2026-11-25"}
    report = (await api.client.get("/v1/reports/traffic", params=week)).json()
    assert report["total"]["recordings"]["expected"] == sum(monday.values())
    assert [day["recordings"]["expected"] for day in report["days"]] == [sum(monday.values()), *[0] * 6]
    assert report["days"][1]["recordings"]["verified_rate"] is None
    lines = (await api.client.get("/v1/reports/traffic", params={**week, "format": "csv"})).text.split("\r\n")
    header, total = lines[0].split(","), lines[8].split(",")
    assert total[header.index("recordings_missing")] == str(monday["missing"])


async def test_a_day_is_the_local_one(api: Any, add_call: Any, add_recording: Any) -> None:
    """16:30 UTC is the next day in Shanghai."""
    late = MONDAY + timedelta(hours=15, minutes=30)
    await add_recording(await add_call(started_at=late, legs=[LEG]), started_at=late, state="archived")
    for day, expected in (("2026-11-23", 0), ("2026-11-24", 1)):
        answer = (await api.client.get("/v1/reports/recordings", params={"date": day})).json()
        assert answer["completeness"]["expected"] == expected, day
