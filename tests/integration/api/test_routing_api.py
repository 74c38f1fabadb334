"""Block list, memberships, alerts: changed by who may, checked, kept with who did it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from callcenter import clock
from callcenter.access.keys import issue
from callcenter.agents.repository import list_changes
from callcenter.alerts.model import Alert, Severity
from callcenter.alerts.repository import clear_alert, raise_alert
from callcenter.publishing.tables import live_states

NUMBER = "/v1/blocked-numbers/13800138000"


async def test_block_and_unblock(api: Any) -> None:
    assert (await api.client.get(NUMBER)).status_code == 404
    until = (clock.now() + timedelta(hours=1)).isoformat()
    answer = await api.client.put(NUMBER, json={"until": until, "reason": "骚扰"})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["blocked_by"], answer.json()["reason"]) == ("test", "骚扰")
    assert [each["number"] for each in (await api.client.get("/v1/blocked-numbers")).json()["items"]] == ["13800138000"]
    assert (await api.client.delete(NUMBER, params={"reason": "erledigt"})).status_code == 204
    assert (await api.client.delete(NUMBER)).status_code == 404
    async with api.engine.connect() as connection:
        changes = await list_changes(connection, "blocked", "13800138000")
    assert [(row["made_by"], row["reason"], row["after"] is None) for row in changes] == [
        ("test", "erledigt", True),
        ("test", "骚扰", False),
    ]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/blocked-numbers/abc", {}),
        ("/v1/blocked-numbers/138%0A", {}),
        (NUMBER, {"until": "2020-01-01T00:00:00Z"}),
        (NUMBER, {"until": "2036-01-01T00:00:00"}),
        (NUMBER, {"reason": "two\nlines"}),
        (NUMBER, {"reason": "x" * 201}),
        (NUMBER, {"who": "me"}),
        ("/v1/queues/hotline/members", {"members": [{"agent": "9999"}]}),
        ("/v1/queues/hotline/members", {"members": [{"agent": "1001"}, {"agent": "1001"}]}),
        ("/v1/queues/hotline/members", {"members": [{"agent": "1001", "penalty": -1}]}),
        ("/v1/queues/hotline/members", {"members": [{"agent": "1001\r\nAction: X"}]}),
    ],
)
async def test_bad_input_changes_nothing(api: Any, path: str, body: dict[str, Any]) -> None:
    answer = await api.client.put(path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert (await api.client.get("/v1/blocked-numbers")).json()["items"] == []
    assert (await api.client.get("/v1/queues/hotline/members")).json()["own"] is False


async def test_members(api: Any) -> None:
    path = "/v1/queues/hotline/members"
    wanted = [{"agent": "1001", "penalty": 0}, {"agent": "1002", "penalty": 5}]
    answer = await api.client.put(path, json={"members": wanted, "reason": "training"})
    assert answer.json() == {"queue": "hotline", "own": True, "members": wanted}
    assert (await api.client.put(path, json={"members": []})).json()["own"] is False
    assert len((await api.client.get(path)).json()["members"]) == 4
    assert (await api.client.get("/v1/queues/sales/members")).status_code == 404


async def test_a_reading_key_changes_nothing(api: Any) -> None:
    headers = {"X-API-Key": await issue(api.engine, "reader", may_change=False)}
    for path, body in ((NUMBER, {}), ("/v1/queues/hotline/members", {"members": []})):
        assert (await api.stranger.put(path, json=body, headers=headers)).status_code == 403
    assert (await api.stranger.delete(NUMBER, headers=headers)).status_code == 403
    assert (await api.stranger.post("/v1/alerts/1/acknowledge", headers=headers)).status_code == 403


async def test_alert_stands_is_taken_up_and_is_over(api: Any) -> None:
    async with api.engine.begin() as connection:
        await raise_alert(connection, "hotline", Alert("roster_gap", "emergency", Severity.WARNING, {"since": "x"}))
        await raise_alert(connection, "hotline", Alert("roster_gap", "emergency", Severity.CRITICAL, {"since": "y"}))
    (alert,) = (await api.client.get("/v1/alerts")).json()["items"]
    assert (alert["severity"], alert["count"], alert["facts"]) == ("critical", 2, {"since": "y"})
    taken = await api.client.post(f"/v1/alerts/{alert['id']}/acknowledge")
    assert taken.json()["acknowledged_by"] == "test"
    async with api.engine.begin() as connection:
        kept = (await connection.execute(select(live_states.c.payload).where(live_states.c.kind == "alert"))).scalar()
        assert kept["severity"] == "critical"
        await clear_alert(connection, "hotline", "roster_gap", "emergency")
    assert (await api.client.get("/v1/alerts")).json()["items"] == []
    assert len((await api.client.get("/v1/alerts", params={"standing": "false"})).json()["items"]) == 1
    assert (await api.client.post("/v1/alerts/999/acknowledge")).status_code == 404
