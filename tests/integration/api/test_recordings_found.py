"""Recordings found: by each filter, page by page, with their calls; and nothing by what is no filter."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, text
from tests.integration.api.conftest import MONDAY, call_row

from callcenter.calls.tables import calls
from callcenter.clock import now
from callcenter.listening.repository import page_statement
from callcenter.listening.search import RecordingSearch
from callcenter.recordings.tables import recording_peaks

AUDIO = bytes(range(256)) * 40
LATER = MONDAY + timedelta(days=1)
OTHER = {
    "caller_number": "13900139000", "line": "emergency", "queues": ["emergency"], "agent": "1002", "agents": ["1002"],
    "outcome": "abandoned_in_queue", "marks": ["complaint"], "direction": "outbound", "talk_seconds": 5.0,
    "started_at": LATER,
}  # fmt: skip
USUAL_ONLY: list[dict[str, Any]] = [
    {"until": "2026-11-24T00:00"}, {"number": "13800138000"}, {"number": "138*"}, {"number": "*138000"},
    {"line": "hotline"}, {"queue": "hotline"}, {"agent": "1001"}, {"outcome": "answered"}, {"direction": "inbound"},
    {"min_talk": 6}, {"state": "sealed"}, {"min_seconds": 31}, {"from": "2026-11-23", "until": "2026-11-24"},
]  # fmt: skip
OTHER_ONLY: list[dict[str, Any]] = [
    {"from": "2026-11-24T00:00"}, {"mark": "complaint"}, {"max_talk": 5}, {"state": "absent"}, {"flag": "silent"},
    {"max_seconds": 30}, {"flag": "silent", "mark": "complaint", "agent": "1002", "line": "emergency"},
]  # fmt: skip


@pytest.fixture
async def two(api: Any, add_call: Any, add_sealed: Any) -> dict[str, str]:
    """An answered call with a sealed recording of 50 s, and one that differs in everything."""
    usual, other = await add_call(), await add_call(**OTHER)
    first = await add_sealed(usual, AUDIO, started_at=MONDAY + timedelta(seconds=3), seconds=50.0)
    facts = {"state": "absent", "flags": ["silent", "short"], "seconds": 30.0}
    second = await add_sealed(other, AUDIO, started_at=LATER + timedelta(hours=2), **facts)
    return {"usual": str(first["id"]), "other": str(second["id"]), "call": str(usual)}


async def _found(api: Any, **asked: Any) -> list[str]:
    answer = await api.client.get("/v1/recordings", params=asked)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def test_each_filter(api: Any, two: dict[str, str]) -> None:
    assert await _found(api) == [two["other"], two["usual"]]
    for asked in USUAL_ONLY:
        assert await _found(api, **asked) == [two["usual"]], asked
    for asked in OTHER_ONLY:
        assert await _found(api, **asked) == [two["other"]], asked
    assert await _found(api, call_id=two["call"]) == [two["usual"]]
    assert await _found(api, mark="complaint", agent="1001") == []


async def test_a_recording_comes_with_its_call(api: Any, two: dict[str, str], add_recording: Any) -> None:
    item = (await api.client.get("/v1/recordings", params={"state": "sealed"})).json()["items"][0]
    assert item["call"]["caller_number"] == "13800138000"
    assert item["call"]["agent"] == "1001"
    alone = await add_recording(uuid4(), state="expected")
    found = (await api.client.get("/v1/recordings", params={"state": "expected"})).json()["items"]
    assert [(each["id"], each["call"]) for each in found] == [(str(alone), None)]
    assert await _found(api, state="expected", agent="1001") == []


async def test_pages(api: Any, add_call: Any, add_recording: Any) -> None:
    """25 recordings of 5 calls, three of them begun at the same instant; each once, newest first."""
    made = []
    for n in range(5):
        call = await add_call(started_at=MONDAY + timedelta(minutes=n))
        made += [await add_recording(call, started_at=MONDAY + timedelta(minutes=n, seconds=k // 3)) for k in range(5)]
    seen: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await api.client.get("/v1/recordings", params={"limit": 4, "agent": "1001", **cursor})).json()
        seen += page["items"]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert sorted(each["id"] for each in seen) == sorted(map(str, made))
    assert seen == sorted(seen, key=lambda each: (each["started_at"], UUID(each["id"])), reverse=True)
    other = await api.client.get("/v1/recordings", params={"limit": 4, "agent": "1002", **cursor})
    assert other.status_code == 422


HOSTILE = ["' OR 1=1 --", "1001'; DROP TABLE recordings; --", "%", "1001\\' OR ''='", "a,b}", '{"a"}', "1001 OR 1=1"]


async def test_injections_find_nothing_and_break_nothing(api: Any, two: dict[str, str]) -> None:
    for name in (
        "agent",
        "queue",
        "mark",
        "number",
        "state",
        "flag",
        "call_id",
        "min_seconds",
        "from",
        "cursor",
        "line",
    ):
        for hostile in HOSTILE:
            answer = await api.client.get("/v1/recordings", params={name: hostile})
            assert answer.status_code == 422, (name, hostile, answer.text)
    for hostile in HOSTILE:
        assert (await api.client.get("/v1/playbacks", params={"by": hostile})).status_code == 422
        assert (await api.client.get(f"/v1/recordings/{hostile.replace('/', '')}")).status_code == 422
    assert len(await _found(api)) == 2


async def test_contradictions_and_unknown_filters_are_refused(api: Any) -> None:
    for asked in ({"min_seconds": 5, "max_seconds": 4}, {"from": "2026-11-24", "until": "2026-11-23"}, {"agnet": "1"}):
        assert (await api.client.get("/v1/recordings", params=asked)).status_code == 422, asked


async def test_one_with_its_life_and_markers(api: Any, add_call: Any, add_sealed: Any) -> None:
    said = [
        (1.0, "notice_played", ""),
        (12.0, "talking", "1001"),
        (40.0, "complaint", "1001"),
        (90.0, "complaint", "1001"),
    ]
    timeline = [{"at": (MONDAY + timedelta(seconds=s)).isoformat(), "kind": k, "detail": d} for s, k, d in said]
    call = await add_call(timeline=[*timeline, {"at": MONDAY.isoformat(), "kind": "channel_answered", "detail": ""}])
    life = [{"state": "sealed", "at": MONDAY.isoformat(), "cause": "a file"}]
    heard = {"left": {"peak_dbfs": -3.0}, "right": {"peak_dbfs": None}}
    row = await add_sealed(
        call, AUDIO, life=life, heard=heard, seconds=56.0, ended_at=MONDAY + timedelta(seconds=57), flags=["short"]
    )
    one = (await api.client.get(f"/v1/recordings/{row['id']}")).json()
    assert [(each["kind"], each["second"]) for each in one["markers"]] == [
        ("notice_played", 1.0), ("talking", 12.0), ("complaint", 40.0), ("complaint", None)
    ]  # fmt: skip
    answered = {"state": "expected", "at": MONDAY.isoformat(), "cause": "the caller's channel was answered"}
    assert (one["life"], one["heard"], one["flags"]) == ([answered, *life], heard, ["short"])
    assert (one["expected_seconds"], one["difference_seconds"]) == (57.0, -1.0)
    assert len(one["site_key"]) == 32
    assert one["chain"] is None
    assert (await api.client.get(f"/v1/recordings/{uuid4()}")).status_code == 404


async def test_a_waveform(api: Any, two: dict[str, str]) -> None:
    address = f"/v1/recordings/{two['usual']}/waveform"
    assert (await api.client.get(address)).status_code == 404
    peaks = bytes([0x80, 0, 0, 64] * 5 + [0, 32, 0xF0, 0] * 5)
    async with api.engine.begin() as connection:
        await connection.execute(insert(recording_peaks).values(recording_id=UUID(two["usual"]), peaks=peaks))
    answer = (await api.client.get(address, params={"points": 2})).json()
    assert answer == {"seconds": 50.0, "left": [-1.0, 0.25], "right": [0.5, -0.125]}
    assert len((await api.client.get(address)).json()["left"]) == 10
    assert (await api.client.get(address, params={"points": 0})).status_code == 422


async def test_plans_look_at_few_months(api: Any, add_call: Any) -> None:
    """With some thousand recordings over a year: a page reads its rows, not the tables."""
    await _fill(api, 4000)
    lately = RecordingSearch(since=now() - timedelta(days=3), until=now() - timedelta(days=1))
    for search, most in ((RecordingSearch(), 60), (lately, 60)):
        plan = await _plan(api, page_statement(search, None, 20))
        scanned = [node for node in plan if node.get("Relation Name", "").startswith("calls")]
        rows = sum(node["Actual Rows"] * node["Actual Loops"] for node in scanned)
        assert rows <= most, plan
        assert not [node for node in plan if node["Node Type"] == "Seq Scan" and node["Actual Rows"] > 100], plan


async def _fill(api: Any, count: int) -> None:
    began = [now() - timedelta(days=360) + timedelta(minutes=n * 129) for n in range(count)]
    rows = [call_row(started_at=each) for each in began]
    async with api.engine.begin() as connection:
        await connection.execute(insert(calls), rows)
        await connection.execute(
            text(
                "INSERT INTO recordings (id, call_id, pbx, name, started_at, seconds) SELECT gen_random_uuid(), id,"
                " pbx, 'x', started_at + interval '5 s', 50 FROM calls"
            )
        )
    async with api.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("ANALYZE calls, recordings"))


async def _plan(api: Any, statement: Any) -> list[dict[str, Any]]:
    from sqlalchemy.dialects import postgresql

    compiled = statement.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
    async with api.engine.connect() as connection:
        asked = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {compiled}")
        return list(_nodes(asked.scalar_one()[0]["Plan"]))


def _nodes(plan: dict[str, Any]) -> Any:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)
