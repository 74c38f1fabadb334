"""GET /v1/coverage, and what a report rests on, from stored intervals and checks."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from callcenter.coverage.tables import blind_intervals, completeness_checks, watched_pbxs

MIDNIGHT = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)
"""The local midnight at which Monday 2026-11-23 begins."""
DAY = "from=2026-11-23&until=2026-11-24"


def at(hours: float) -> datetime:
    return MIDNIGHT + timedelta(hours=hours)


async def watch(api: Any, pbx: str = "hotline", **facts: Any) -> None:
    seen = datetime.now(UTC) + timedelta(minutes=10)
    row = {"watched_since": at(-100), "seen_at": seen, "read_up_at": seen, "stopped": False, "journal": True}
    async with api.engine.begin() as connection:
        await connection.execute(insert(watched_pbxs).values(pbx=pbx, **(row | facts)))


async def blind(api: Any, since: float, until: float | None, *, filled: bool, **facts: Any) -> None:
    row = {"pbx": "hotline", "source": "ami", "cause": "link_lost", "detail": "", "since": at(since)} | facts
    end = None if until is None else at(until)
    by = {"filled_at": at(50), "filled_by": "journal"} if filled else {}
    async with api.engine.begin() as connection:
        await connection.execute(insert(blind_intervals).values(until=end, **row, **by))


async def failed_check(api: Any, since: float, until: float) -> None:
    lists = {name: ["hotline-1795395600.1"] for name in ("missing_starts", "missing_ends", "missing_linkedid_ends")}
    row = {"pbx": "hotline", "verdict": "incomplete", "boot": "x", "processed": 5, "journalled": 3, "missing_calls": 2}
    async with api.engine.begin() as connection:
        times = {"at": at(until), "since": at(since), "why": ""}
        await connection.execute(insert(completeness_checks).values(**row, **lists, **times))


async def asked(api: Any, query: str = DAY) -> dict[str, Any]:
    answer = await api.client.get(f"/v1/coverage?{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_nothing_was_ever_watched(api: Any) -> None:
    assert await asked(api) == {
        "from": "2026-11-22T16:00:00Z", "until": "2026-11-23T16:00:00Z", "complete": None, "pbxs": [],
    }  # fmt: skip


async def test_a_day_with_a_filled_and_an_open_span(api: Any) -> None:
    await watch(api)
    await blind(api, 1, 2, filled=True)
    await blind(api, 1.5, 2.5, filled=True, cause="listener_away")
    await blind(api, 10, 11, filled=False, source="journal", cause="journal_gap", detail="cel: cut")
    await failed_check(api, 12, 13)
    found = await asked(api)
    (pbx,) = found["pbxs"]
    assert (found["complete"], pbx["journal"], pbx["share"]) == (False, True, round(23 / 24, 6))
    seconds = [pbx[f"{name}_seconds"] for name in ("observed", "filled", "unobserved")]
    assert seconds == [21.5 * 3600, 1.5 * 3600, 3600]
    assert [(span["state"], span["causes"]) for span in pbx["spans"]] == [
        ("filled", ["link_lost", "listener_away"]), ("unobserved", ["journal_gap"]),
    ]  # fmt: skip
    assert pbx["spans"][1]["intervals"][0]["detail"] == "cel: cut"
    assert [check["missing_calls"] for check in pbx["checks"]] == [2]


async def test_each_pbx_by_itself(api: Any) -> None:
    await watch(api)
    await watch(api, "second", journal=False)
    await blind(api, 1, 2, filled=False, pbx="second")
    assert [pbx["share"] < 1 for pbx in (await asked(api))["pbxs"]] == [False, True]
    only = await asked(api, f"{DAY}&pbx=hotline")
    assert (only["complete"], [pbx["pbx"] for pbx in only["pbxs"]]) == (True, ["hotline"])


async def test_a_listener_that_is_away_now(api: Any) -> None:
    seen = datetime.now(UTC) - timedelta(minutes=1)
    await watch(api, seen_at=seen, read_up_at=seen)
    (pbx,) = (await asked(api, ""))["pbxs"]
    assert pbx["spans"][0]["causes"] == ["listener_away"]
    assert 59 < pbx["unobserved_seconds"] < 90


@pytest.mark.parametrize("query", ["from=soon", "from=2026-11-24&until=2026-11-23", "from=2020-01-01", "pbx=;", "x=1"])
async def test_bad_questions(api: Any, query: str) -> None:
    answer = await api.client.get(f"/v1/coverage?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


async def test_strangers_learn_nothing(api: Any) -> None:
    assert (await api.stranger.get("/v1/coverage")).status_code == 401


async def test_a_report_says_what_it_rests_on(api: Any, add_call: Any) -> None:
    await watch(api)
    await add_call()
    whole = (await api.client.get("/v1/reports/traffic?date=2026-11-23")).json()["coverage"]
    assert (whole["complete"], whole["label"], whole["unobserved"]) == (True, "完整：未发现缺失", [])
    await blind(api, 1, 2, filled=True)
    await blind(api, 26, 26.5, filled=False, source="journal", cause="journal_gap")
    await failed_check(api, 28, 29)
    monday = (await api.client.get("/v1/reports/traffic?date=2026-11-23")).json()["coverage"]
    assert (monday["complete"], monday["filled"]) == (True, {"spans": 1, "seconds": 3600})
    english = {"Accept-Language": "en"}
    week = (await api.client.get("/v1/reports/traffic?period=week&date=2026-11-23", headers=english)).json()["coverage"]
    (span,) = week["unobserved"]
    assert (week["complete"], span["seconds"], span["label"]) == (False, 1800, "journal lines gone")
    assert week["checks"][0] | {"from": 0, "until": 0} == {
        "pbx": "hotline", "from": 0, "until": 0, "missing_calls": 2, "missing_starts": 1, "missing_ends": 2,
    }  # fmt: skip


async def test_a_csv_says_it_of_each_day(api: Any) -> None:
    await watch(api)
    await blind(api, 26, 26.5, filled=False, source="journal", cause="journal_gap")
    answer = await api.client.get("/v1/reports/traffic?period=week&date=2026-11-23&format=csv")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [row["complete"] for row in rows][:2] == ["complete", "incomplete"]
    assert (rows[1]["unobserved_seconds"], rows[-1]["complete"]) == ("1800.0", "incomplete")


async def test_the_page_says_what_may_be_missing(api: Any) -> None:
    await watch(api)
    assert "不完整" not in (await api.client.get("/")).text
    recent = (datetime.now(UTC) - MIDNIGHT).total_seconds() / 3600 - 1
    await blind(api, recent, recent + 0.1, filled=False, source="journal", cause="journal_gap")
    page = (await api.client.get("/")).text
    assert "不完整" in page and "日志缺失" in page
