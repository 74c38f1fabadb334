"""/v1/health: each part ok, or why not."""

from typing import Any

from sqlalchemy import text

from callcenter.http.health import EXPECTED
from callcenter.storage.heartbeat import report_health

ALL_WELL = {part: (True, "up") for part in EXPECTED}


async def test_all_well(api: Any) -> None:
    await report_health(api.engine, "hotline", ALL_WELL)
    answer = await api.client.get("/v1/health")
    assert answer.status_code == 200
    body = answer.json()
    assert body["ok"] is True
    assert [part["part"] for part in body["parts"]][:2] == ["api", "database"]


async def test_parts_that_never_spoke_are_down(api: Any) -> None:
    answer = await api.client.get("/v1/health")
    assert answer.status_code == 503
    down = {part["part"]: part["detail"] for part in answer.json()["parts"] if not part["ok"]}
    assert set(down) == set(EXPECTED)
    assert "never reported" in down["ami"]


async def test_a_fault_and_a_silence_are_told(api: Any) -> None:
    await report_health(api.engine, "hotline", ALL_WELL | {"ami": (False, "wrong password")})
    async with api.engine.begin() as connection:
        past = "UPDATE heartbeats SET at = now() - interval '35 s' WHERE part = 'mqtt'"
        await connection.execute(text(past))
    answer = await api.client.get("/v1/health")
    assert answer.status_code == 503
    down = {part["part"]: part["detail"] for part in answer.json()["parts"] if not part["ok"]}
    assert down["ami"] == "wrong password"
    assert down["mqtt"].startswith("silent for 3")
