"""/v1/health: each part ok, or why not."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import text

from callcenter.http.health import EXPECTED
from callcenter.local import postgres
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
    assert re.match(r"silent for (3[5-9]|[4-9]\d) s", down["mqtt"])


@asynccontextmanager
async def frozen(cluster: postgres.Cluster) -> AsyncIterator[None]:
    """It neither answers nor goes away."""
    postmaster = postgres.postmaster(cluster)
    assert postmaster
    children = Path(f"/proc/{postmaster.pid}/task/{postmaster.pid}/children").read_text().split()
    processes = [postmaster.pid, *map(int, children)]
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in processes:
            os.kill(pid, signal.SIGCONT)


async def test_a_database_that_hangs_is_told(api: Any, postgres_server: postgres.Cluster) -> None:
    """The asking client gives up after 20 s; a statement of ours may wait three times as long."""
    await report_health(api.engine, "hotline", ALL_WELL)
    assert (await api.client.get("/v1/health")).status_code == 200
    async with frozen(postgres_server):
        await asyncio.sleep(6)  # until the key has to be looked up again
        answer = await api.client.get("/v1/health")
    assert answer.status_code == 503
    down = {part["part"]: part["detail"] for part in answer.json()["parts"] if not part["ok"]}
    assert "no answer in time" in down["database"]
    assert down["ami"] == "not known: the database does not say"
