"""GET /v1/cdrs: every filter, the edges of intervals, paging, refusals."""

from datetime import UTC, datetime, timedelta
from typing import Any

from callcenter.calls.search import Order

MONDAY = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)

FIELDS = [
    "id", "pbx", "direction", "line", "caller_number", "caller_name", "did", "started_at", "answered_at",
    "ended_at", "wait_seconds", "ring_seconds", "talk_seconds", "hold_seconds", "agent", "outcome",
    "hung_up_by", "notice_played", "recordings",
]  # fmt: skip


async def test_fields_are_the_promised_ones(api: Any, add_call: Any, add_recording: Any) -> None:
    call_id = await add_call()
    recording_id = await add_recording(call_id, state="archived", path="2026/11/23/a.ccr", seconds=50.0)
    page = (await api.client.get("/v1/cdrs")).json()
    assert page["next"] is None
    (call,) = page["items"]
    assert list(call) == FIELDS
    assert call["id"] == str(call_id)
    assert call["started_at"] == "2026-11-23T01:00:00Z"
    assert call["recordings"][0]["id"] == str(recording_id)
    assert call["recordings"][0]["started_at"] == "2026-11-23T01:00:00.000000Z"


CALLS: dict[str, dict[str, Any]] = {
    "usual": {},
    "later": {"started_at": MONDAY + timedelta(hours=1), "talk_seconds": 200.0},
    "abandoned": {
        "caller_number": "13900139000", "outcome": "abandoned_in_queue", "agent": None, "talk_seconds": 0.0,
    },
    "emergency": {"line": "emergency", "queues": ["emergency"], "did": "12334", "agent": "1002"},
    "transferred": {"caller_number": "+8610", "agent": "1003", "agents": ["1003", "1004"]},
    "outbound": {"direction": "outbound", "line": None, "queues": [], "caller_number": "1001"},
}  # fmt: skip


FOUND: list[tuple[dict[str, str], str]] = [
    ({}, "usual later abandoned emergency transferred outbound"),
    ({"from": "2026-11-23T10:00"}, "later"),
    ({"from": "2026-11-23T02:00:00Z"}, "later"),
    ({"until": "2026-11-23T10:00"}, "usual abandoned emergency transferred outbound"),
    ({"until": "2026-11-23"}, ""),
    ({"from": "2026-11-23", "until": "2026-11-24"}, "usual later abandoned emergency transferred outbound"),
    ({"number": "13800138000"}, "usual later emergency"),
    ({"number": "138*"}, "usual later emergency"),
    ({"number": "*9000"}, "abandoned"),
    ({"number": "+86*"}, "transferred"),
    ({"number": "1380013800"}, ""),
    ({"line": "emergency"}, "emergency"),
    ({"queue": "emergency"}, "emergency"),
    ({"queue": "nowhere"}, ""),
    ({"agent": "1004"}, "transferred"),
    ({"outcome": "abandoned_in_queue"}, "abandoned"),
    ({"direction": "outbound"}, "outbound"),
    ({"min_talk": "200"}, "later"),
    ({"max_talk": "0"}, "abandoned"),
    ({"min_talk": "10", "max_talk": "60", "line": "hotline", "agent": "1001"}, "usual"),
]


async def test_filters(api: Any, add_call: Any) -> None:
    ids = {str(await add_call(**facts)): name for name, facts in CALLS.items()}
    for query, found in FOUND:
        answer = await api.client.get("/v1/cdrs", params=query)
        assert answer.status_code == 200, (query, answer.text)
        assert {ids[call["id"]] for call in answer.json()["items"]} == set(found.split()), query


async def test_pages_hold_each_call_once(api: Any, add_call: Any) -> None:
    starts = [MONDAY + timedelta(seconds=n // 3) for n in range(11)]
    made = sorted([str(await add_call(started_at=at, wait_seconds=at.second % 2)) for at in starts])
    for order in Order:
        calls = await _all_pages(api, order)
        assert sorted(call["id"] for call in calls) == made
        keys = [call[order.column] for call in calls]
        assert keys == sorted(keys, reverse=order.descending)


async def _all_pages(api: Any, order: Order) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = []
    query = {"order": order.value, "limit": "4"}
    while True:
        page = (await api.client.get("/v1/cdrs", params=query)).json()
        seen += page["items"]
        if page["next"] is None:
            return seen
        query["cursor"] = page["next"]


REFUSED: list[tuple[dict[str, str], str]] = [
    ({"limit": "0"}, "query.limit"),
    ({"limit": "1001"}, "query.limit"),
    ({"from": "yesterday"}, "query.from"),
    ({"from": "0001-01-01"}, "query.from"),
    ({"from": "2026-11-24", "until": "2026-11-24"}, "query.from"),
    ({"number": "*"}, "query.number"),
    ({"number": "1*3"}, "query.number"),
    ({"number": "'; DROP TABLE calls; --"}, "query.number"),
    ({"outcome": "lost"}, "query.outcome"),
    ({"order": "caller_name; DROP TABLE calls"}, "query.order"),
    ({"min_talk": "nan"}, "query.min_talk"),
    ({"min_talk": "2", "max_talk": "1"}, "query.min_talk"),
    ({"cursor": "garbage"}, "query.cursor"),
    ({"cursor": "é" * 10}, "query.cursor"),
    ({"froom": "2026-11-24"}, "query.froom"),
]


async def test_impossible_questions_are_refused(api: Any) -> None:
    for query, where in REFUSED:
        answer = await api.client.get("/v1/cdrs", params=query)
        assert answer.status_code == 422, query
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["code"] == "invalid_input"
        assert where in problem["detail"], query


async def test_a_repeated_filter_is_refused(api: Any) -> None:
    answer = await api.client.get("/v1/cdrs?line=hotline&line=emergency")
    assert answer.status_code == 422


async def test_a_cursor_of_another_query_is_refused(api: Any, add_call: Any) -> None:
    for _ in range(2):
        await add_call()
    cursor = (await api.client.get("/v1/cdrs?limit=1")).json()["next"]
    answer = await api.client.get("/v1/cdrs", params={"cursor": cursor, "limit": "1", "line": "hotline"})
    assert answer.status_code == 422
    assert "other filters" in answer.json()["detail"]


async def test_one_call_with_its_parts(api: Any, add_call: Any) -> None:
    timeline = [{"at": "2026-11-23T01:00:00Z", "kind": "started", "detail": ""}]
    call_id = await add_call(timeline=timeline, anomalies=["late_event"])
    call = (await api.client.get(f"/v1/cdrs/{call_id}")).json()
    assert call["timeline"] == timeline
    assert call["anomalies"] == ["late_event"]
    assert set(FIELDS) < set(call)
    assert {"legs", "queue_visits", "service", "evidence"} < set(call)


async def test_an_unknown_call_is_not_found(api: Any) -> None:
    answer = await api.client.get("/v1/cdrs/00000000-0000-0000-0000-000000000000")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_addresses_and_methods_that_are_not(api: Any) -> None:
    assert (await api.client.get("/v1/nothing")).json()["code"] == "not_found"
    assert (await api.client.delete("/v1/cdrs")).json()["code"] == "method_not_allowed"
