"""The traffic report from stored calls: edges of days, lines apart, refusal when it doesn't balance."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

MONDAY = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)
"""The local midnight at which Monday begins."""


async def _a_busy_monday(add_call: Any) -> None:
    lost = {"agent": None, "answered_at": None, "talk_seconds": 0.0}
    await add_call(wait_seconds=15.0)
    await add_call(wait_seconds=15.5, service="duty")
    await add_call(wait_seconds=91.0)
    await add_call(outcome="abandoned_in_queue", wait_seconds=30.0, **lost)
    await add_call(outcome="abandoned_ringing", wait_seconds=2.0, **lost)
    await add_call(outcome="invalid", wait_seconds=0.0, **lost)
    await add_call(outcome="closed", service="closed", wait_seconds=0.0, **lost)
    await add_call(outcome="incomplete", service=None, wait_seconds=0.0, **lost)
    await add_call(line="emergency", service="open")
    await add_call(line=None, outcome="blocked", **lost)
    await add_call(direction="outbound")
    await add_call(started_at=MIDNIGHT - timedelta(microseconds=1))
    await add_call(started_at=MIDNIGHT + timedelta(days=1))


async def test_a_day(api: Any, add_call: Any) -> None:
    await _a_busy_monday(add_call)
    report = (await api.client.get("/v1/reports/traffic?period=day&date=2026-11-23")).json()
    assert report["definition"] == "traffic/1"
    total = report["total"]
    assert total["received"] == 10
    values = {name: figure["value"] for name, figure in total["figures"].items()}
    assert values == {
        "inbound": 5, "answered": 3, "lost": 2, "loss_rate": 0.4, "connection_rate": 0.6,
        "answered_within_15": 1, "answered_within_15_rate": 0.2, "answered_within_90": 2,
        "answered_within_90_rate": 0.4, "answered_beyond_90": 1, "answered_beyond_90_rate": 0.2,
        "service_level_15": 0.25, "abandonment": 0.25, "asa": 40.5,
    }  # fmt: skip
    loss = total["figures"]["loss_rate"]
    assert (loss["label"], loss["numerator"], loss["denominator"]) == ("呼损率", 2, 5)
    received = {name: line["received"] for name, line in total["lines"].items()}
    assert received == {
        "hotline": 6, "hotline_outside_hours": 1, "hotline_hours_unknown": 1, "emergency": 1, "other": 1,
    }  # fmt: skip


async def test_a_week_has_seven_days_and_their_total(api: Any, add_call: Any) -> None:
    await _a_busy_monday(add_call)
    address = "/v1/reports/traffic?period=week&date=2026-11-29"
    report = (await api.client.get(address, headers={"Accept-Language": "en"})).json()
    assert (report["from"], report["until"]) == ("2026-11-23", "2026-11-30")
    assert [day["received"] for day in report["days"]] == [10, 1, 0, 0, 0, 0, 0]
    assert report["total"]["received"] == 11
    nothing = report["days"][6]["figures"]["loss_rate"]
    assert (nothing["label"], nothing["value"], nothing["denominator"]) == ("Loss rate", None, 0)


async def test_csv_prints_a_dash_for_nothing(api: Any, add_call: Any) -> None:
    await add_call()
    answer = await api.client.get("/v1/reports/traffic?period=month&date=2026-11-05&format=csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == 31
    assert (rows[0]["date"], rows[0]["loss_rate"], rows[0]["loss_rate_denominator"]) == ("2026-11-01", "–", "0")
    assert (rows[-1]["date"], rows[-1]["inbound"], rows[-1]["loss_rate"]) == ("total", "1", "0.0")


async def test_what_does_not_balance_is_refused(api: Any, add_call: Any) -> None:
    await add_call(outcome="eaten_by_the_dog")
    answer = await api.client.get("/v1/reports/traffic?date=2026-11-23")
    assert (answer.status_code, answer.json()["code"]) == (500, "report_unbalanced")
    assert "received 1, outcomes add up to 0" in answer.json()["detail"]


async def test_impossible_periods_are_refused(api: Any) -> None:
    for query in ("period=year", "date=2026-02-30", "date=0001-01-01", "date=9999-12-31", "dote=1"):
        assert (await api.client.get(f"/v1/reports/traffic?{query}")).status_code == 422, query
