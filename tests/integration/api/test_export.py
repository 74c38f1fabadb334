"""CSV: a stream of any length, in flat memory, that spreadsheets open safely."""

import asyncio
import csv
import io
import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert

from callcenter.calls.tables import calls

MONDAY = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


async def test_csv_is_utf8_with_bom_and_no_formulas(api: Any, add_call: Any, add_recording: Any) -> None:
    call_id = await add_call(caller_name='=HYPERLINK("http://x")\r\n,王', caller_number="+8613800138000")
    ids = [await add_recording(call_id, started_at=MONDAY + timedelta(seconds=n)) for n in range(2)]
    answer = await api.client.get("/v1/cdrs", headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbfid,pbx,direction,")
    (row,) = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))
    assert row["caller_name"] == '\'=HYPERLINK("http://x")\r\n,王'
    assert row["caller_number"] == "'+8613800138000"
    assert row["recordings"] == " ".join(map(str, ids))
    assert row["started_at"] == "2026-11-23T01:00:00Z"
    assert row["notice_played"] == "true"


async def test_csv_goes_on_past_every_page(api: Any, call_row: Any) -> None:
    rows = [call_row(started_at=MONDAY + timedelta(seconds=n)) for n in range(2500)]
    async with api.engine.begin() as connection:
        await connection.execute(insert(calls), rows)
    answer = await api.client.get("/v1/cdrs?format=csv&order=started_at")
    assert len(answer.text.splitlines()) == 2501
    limited = await api.client.get("/v1/cdrs?format=csv&limit=3")
    assert len(limited.text.splitlines()) == 4


async def test_memory_stays_flat(api: Any, call_row: Any) -> None:
    async with api.engine.begin() as connection:
        for start in range(0, 8_000, 2000):
            rows = [call_row(started_at=MONDAY + timedelta(seconds=start + n)) for n in range(2000)]
            await connection.execute(insert(calls), rows)
    await _peak_of_export(api, until=MONDAY + timedelta(seconds=1000))
    small = await _peak_of_export(api, until=MONDAY + timedelta(seconds=4000))  # more than all buffers together
    large = await _peak_of_export(api, until=MONDAY + timedelta(seconds=8000))
    assert large < small * 1.3


async def _peak_of_export(api: Any, until: datetime) -> int:
    """The most bytes held at once, client and server together, while an export is read."""
    lines, query = 0, {"format": "csv", "from": MONDAY.isoformat(), "until": until.isoformat()}
    tracemalloc.start()
    async with api.client.stream("GET", "/v1/cdrs", params=query) as answer:
        async for piece in answer.aiter_bytes():
            lines += piece.count(b"\r\n")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert lines == (until - MONDAY).total_seconds() + 1
    return peak


async def test_exports_at_once_are_bounded(api: Any, add_call: Any) -> None:
    await add_call()
    exports: asyncio.Semaphore = api.app.state.exports
    while not exports.locked():
        await exports.acquire()
    answer = await api.client.get("/v1/cdrs?format=csv")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    exports.release()
    assert (await api.client.get("/v1/cdrs?format=csv")).status_code == 200
    assert not exports.locked()


async def test_a_client_that_leaves_frees_its_export(api: Any, call_row: Any) -> None:
    async with api.engine.begin() as connection:
        await connection.execute(insert(calls), [call_row() for _ in range(3000)])
    for _ in range(5):
        async with api.client.stream("GET", "/v1/cdrs?format=csv") as answer:
            await anext(answer.aiter_bytes())
    async with asyncio.timeout(60):
        while (await api.client.get("/v1/cdrs?format=csv&limit=1")).status_code != 200:
            await asyncio.sleep(0.05)
