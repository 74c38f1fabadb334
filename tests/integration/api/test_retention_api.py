"""/v1/retention: terms, holds, dry runs, protocols: by whom they may be changed, and what comes of it."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select, text, update

from callcenter import clock
from callcenter.access.keys import issue
from callcenter.recordings.chain import Signer
from callcenter.recordings.store import StoreAddress, open_store
from callcenter.recordings.tables import recordings
from callcenter.retention.expiring import Expirer
from callcenter.retention.model import GRACE_DAYS, NOTICE_DAYS
from callcenter.retention.tables import retention_policies
from callcenter.retention.verdicts import local_day

LONG_AGO = datetime(2025, 1, 15, 2, tzinfo=UTC)
V1 = "/v1/retention"
SAID = {"why": "disclosure", "note": "法院调取", "reference": "2026-法-7"}


def today() -> date:
    return local_day(clock.now())


def expirer(api: Any) -> Expirer:
    root = api.settings.recordings_dir
    root.mkdir(exist_ok=True)
    store, signer = open_store(StoreAddress(str(root))), Signer(Ed25519PrivateKey.generate())
    return Expirer(api.engine, "hotline", api.settings.sealed_dir, store, signer)


async def term(api: Any, kind: str, days: int, *, acting: bool = True) -> dict[str, Any]:
    answer = await api.client.put(f"{V1}/policies/{kind}", json={"keep_days": days, "reference": "2026-12-01 函"})
    assert answer.status_code == 200, answer.text
    if acting:
        async with api.engine.begin() as connection:
            await connection.execute(update(retention_policies).values(at=LONG_AGO))
    found: dict[str, Any] = answer.json()
    return found


async def archived(add_call: Any, add_recording: Any, began: datetime = LONG_AGO, **facts: Any) -> UUID:
    call = await add_call(started_at=began - timedelta(seconds=2), **facts)
    at: UUID = await add_recording(call, state="archived", started_at=began, seconds=50.0, bytes=1000)
    return at


async def state(api: Any, recording: UUID) -> str:
    async with api.engine.connect() as connection:
        wanted = select(recordings.c.state).where(recordings.c.id == recording)
        return str((await connection.execute(wanted)).scalar_one())


async def everything(api: Any) -> list[Any]:
    """All rows that such requests may change."""
    async with api.engine.connect() as connection:
        tables = ("retention_policies", "recording_holds", "recordings")
        return [(await connection.execute(text(f"SELECT * FROM {each}"))).all() for each in tables]  # noqa: S608


async def get(api: Any, path: str, **params: Any) -> Any:
    answer = await api.client.get(f"{V1}/{path}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def place(api: Any, recording: UUID, **changed: Any) -> Any:
    return await api.client.post(f"{V1}/holds", json={"recording_id": str(recording), **SAID, **changed})


async def test_a_term_is_set_replaced_and_withdrawn(api: Any) -> None:
    assert await get(api, "policies") == {"items": []}
    first = await term(api, "hotline", 365, acting=False)
    assert (first["by"], first["keep_days"], first["ended_at"]) == ("test", 365, None)
    assert first["acts_on"] == (today() + timedelta(days=NOTICE_DAYS)).isoformat()
    second = await term(api, "hotline", 730, acting=False)
    ended = await api.client.post(f"{V1}/policies/hotline/end", json={"reason": "甲方来函撤回"})
    assert (ended.status_code, ended.json()["id"]) == (200, second["id"])
    found = {each["id"]: each for each in (await get(api, "policies"))["items"]}
    assert [found[each["id"]]["ended_why"] for each in (first, second)] == ["replaced", "甲方来函撤回"]
    assert {each["ended_by"] for each in found.values()} == {"test"}
    again = await api.client.post(f"{V1}/policies/hotline/end", json={"reason": "again"})
    assert (again.status_code, again.json()["code"]) == (404, "not_found")


async def test_terms_set_at_once_leave_one(api: Any) -> None:
    await get(api, "policies")  # the key is known now
    await asyncio.gather(*(term(api, "hotline", 300 + n, acting=False) for n in range(8)))
    items = (await get(api, "policies"))["items"]
    assert [each["ended_at"] is None for each in items] == [True, *[False] * 7]


async def test_a_hold_placed_seen_and_lifted(api: Any, add_call: Any, add_recording: Any) -> None:
    recording = await archived(add_call, add_recording)
    answer = await place(api, recording)
    assert answer.status_code == 201, answer.text
    (placed,) = answer.json()["items"]
    assert {name: placed[name] for name in SAID} == SAID
    assert (placed["by"], placed["state"], placed["ended_at"]) == ("test", "archived", None)
    for asked in ({"standing": True}, {"recording_id": str(recording)}, {"why": "disclosure"}, {}):
        assert (await get(api, "holds", **asked))["items"] == [placed], asked
    for asked in ({"standing": False}, {"recording_id": str(uuid4())}, {"why": "other"}, {"call_id": str(uuid4())}):
        assert (await get(api, "holds", **asked))["items"] == [], asked
    path = f"{V1}/holds/{placed['id']}/lift"
    lifted = await api.client.post(path, json={"reason": "已提供"})
    assert (lifted.status_code, lifted.json()["ended_by"], lifted.json()["ended_why"]) == (200, "test", "已提供")
    assert (await get(api, "holds", standing=False))["items"] == [lifted.json()]
    assert (await api.client.post(path, json={"reason": "again"})).status_code == 404


async def test_a_call_is_held_with_all_its_recordings(api: Any, add_call: Any, add_recording: Any) -> None:
    call = await add_call()
    kept = [await add_recording(call, state=each) for each in ("archived", "expected", "sealed")]
    await add_recording(call, state="destroyed")
    answer = await api.client.post(f"{V1}/holds", json={"call_id": str(call), **SAID, "why": "complaint"})
    assert {each["recording_id"] for each in answer.json()["items"]} == {str(each) for each in kept}
    assert len((await get(api, "holds", call_id=str(call)))["items"]) == 3


async def test_holds_placed_at_once(api: Any, add_call: Any, add_recording: Any) -> None:
    """The same words sent again and again are one hold; other words are another, and lifting one leaves the rest."""
    recording = await archived(add_call, add_recording)
    await get(api, "holds")  # the key is known now
    answers = await asyncio.gather(*(place(api, recording, reference=f"n{n % 2}") for n in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    items = (await get(api, "holds"))["items"]
    assert sorted(each["reference"] for each in items) == ["n0", "n1"]
    path = f"{V1}/holds/{items[0]['id']}/lift"
    lifted = await asyncio.gather(*(api.client.post(path, json={"reason": "x"}) for _ in range(5)))
    assert sorted(each.status_code for each in lifted) == [200, 404, 404, 404, 404]
    assert len((await get(api, "holds", standing=True))["items"]) == 1


async def test_holds_are_paged(api: Any, add_call: Any, add_recording: Any) -> None:
    recording = await archived(add_call, add_recording)
    for n in range(5):
        await place(api, recording, reference=str(n))
    seen, cursor = [], None
    while True:
        found = await get(api, "holds", standing=True, limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [each["reference"] for each in found["items"]]
        cursor = found["next"]
        if cursor is None:
            break
    assert seen == ["4", "3", "2", "1", "0"]
    foreign = await api.client.get(
        f"{V1}/holds", params={"why": "other", "cursor": (await get(api, "holds", limit=1))["next"]}
    )
    assert (foreign.status_code, foreign.json()["code"]) == (422, "invalid_input")


BAD_HOLDS: list[dict[str, Any]] = [
    {"why": "because"}, {"note": ""}, {"note": "   "}, {"note": "a\nb"}, {"note": "x" * 301}, {"note": None},
    {"recording_id": "x"}, {"call_id": str(uuid4())}, {"recording_id": None}, {"surprise": 1}, {"reference": "\x00"},
]  # fmt: skip


async def test_a_bad_hold_changes_nothing(api: Any, add_call: Any, add_recording: Any) -> None:
    recording = await archived(add_call, add_recording)
    before = await everything(api)
    for changed in BAD_HOLDS:
        answer = await place(api, recording, **changed)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input"), (changed, answer.text)
    assert await everything(api) == before


BAD: list[tuple[str, str, Any, int]] = [
    ("PUT", "policies/hotline", {"keep_days": 0, "reference": "x"}, 422),
    ("PUT", "policies/hotline", {"keep_days": 40_000, "reference": "x"}, 422),
    ("PUT", "policies/hotline", {"keep_days": 365, "reference": " "}, 422),
    ("PUT", "policies/hotline", {"keep_days": 365}, 422),
    ("PUT", "policies/everything", {"keep_days": 365, "reference": "x"}, 422),
    ("POST", "policies/hotline/end", {"reason": ""}, 422),
    ("POST", "policies/outbound/end", {"reason": "there is none"}, 404),
    ("POST", "holds/1/lift", {}, 422),
    ("POST", "holds/1/lift", {"reason": "\t"}, 422),
    ("POST", "holds/0/lift", {"reason": "x"}, 422),
    ("POST", "holds/9223372036854775808/lift", {"reason": "x"}, 422),
    ("POST", "holds/77/lift", {"reason": "x"}, 404),
    ("POST", "holds", {"recording_id": str(uuid4()), **SAID}, 404),
    ("POST", "holds", {"call_id": str(uuid4()), **SAID}, 404),
    ("GET", "dry-run?day=2020-01-01", None, 422),
    ("GET", "dry-run?day=2999-01-01", None, 422),
    ("GET", "dry-run?day=soon", None, 422),
    ("GET", "dry-run?try_kind=hotline", None, 422),
    ("GET", "dry-run?try_kind=hotline&try_days=0", None, 422),
    ("GET", "dry-run/recordings?action=keep", None, 422),
    ("GET", "dry-run/recordings?cursor=x", None, 422),
    ("GET", "protocols/1", None, 404),
    ("GET", "protocols?action=x", None, 422),
    ("GET", "protocols?from=x", None, 422),
]


async def test_bad_input_changes_nothing(api: Any, add_call: Any, add_recording: Any) -> None:
    await term(api, "hotline", 365)
    assert (await place(api, await archived(add_call, add_recording))).status_code == 201
    before, codes = await everything(api), {404: "not_found", 422: "invalid_input"}
    for method, path, body, status in BAD:
        answer = await api.client.request(method, f"{V1}/{path}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, codes[status]), (path, body, answer.text)
    assert await everything(api) == before


async def test_a_reader_may_look_alone(api: Any, add_call: Any, add_recording: Any) -> None:
    await term(api, "hotline", 365)
    recording = await archived(add_call, add_recording)
    (placed,) = (await place(api, recording)).json()["items"]
    before, headers = await everything(api), {"X-API-Key": await issue(api.engine, "reader", may_change=False)}
    for method, path, body in (
        ("PUT", "policies/hotline", {"keep_days": 1, "reference": "x"}),
        ("POST", "policies/hotline/end", {"reason": "x"}),
        ("POST", "holds", {"recording_id": str(recording), **SAID, "reference": "another"}),
        ("POST", f"holds/{placed['id']}/lift", {"reason": "x"}),
    ):
        refused = await api.client.request(method, f"{V1}/{path}", json=body, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed"), path
        assert (await api.stranger.request(method, f"{V1}/{path}", json=body)).status_code == 401
    assert await everything(api) == before
    for path in ("policies", "holds", "dry-run", "dry-run/recordings", "protocols"):
        assert (await api.client.get(f"{V1}/{path}", headers=headers)).status_code == 200


async def test_what_would_go(api: Any, add_call: Any, add_recording: Any) -> None:
    old = [await archived(add_call, add_recording, LONG_AGO + timedelta(minutes=n)) for n in range(3)]
    held = await archived(add_call, add_recording, marks=["overflow"])
    emergency = await archived(add_call, add_recording, line="emergency")
    await archived(add_call, add_recording, clock.now() - timedelta(days=5))
    await place(api, held)
    assert {line["reason"] for line in (await get(api, "dry-run"))["lines"]} == {"no_policy"}
    await term(api, "hotline", 365)
    run = await get(api, "dry-run")
    found = {(line["kind"], line["action"], line["reason"]): line for line in run["lines"]}
    assert run["day"] == today().isoformat()
    assert {key: line["recordings"] for key, line in found.items()} == {
        ("hotline", "expire", "due"): 3, ("hotline", "keep", "held"): 1,
        ("emergency", "keep", "no_policy"): 1, (None, "keep", "within_term"): 1,
    }  # fmt: skip
    first = run["lines"][0]
    assert (first["action"], first["seconds"], first["bytes"], first["first_day"]) == (
        "expire",
        150,
        3000,
        "2025-01-15",
    )
    listed = await get(api, "dry-run/recordings", limit=2)
    rest = await get(api, "dry-run/recordings", limit=2, cursor=listed["next"])
    assert [each["recording_id"] for each in listed["items"] + rest["items"]] == [str(each) for each in old]
    assert (rest["next"], rest["items"][0]["kind"], rest["items"][0]["action"]) == (None, "hotline", "expire")
    assert (await get(api, "dry-run/recordings", action="destroy"))["items"] == []
    tried = await get(api, "dry-run/recordings", try_kind="emergency", try_days=30, kind="emergency")
    assert [each["recording_id"] for each in tried["items"]] == [str(emergency)]
    later = await get(api, "dry-run", day=(today() + timedelta(days=400)).isoformat())
    assert [line["recordings"] for line in later["lines"] if line["action"] == "expire"] == [4]
    assert {await state(api, each) for each in (*old, held, emergency)} == {"archived"}


async def test_expired_then_held_then_destroyed_with_protocols(api: Any, add_call: Any, add_recording: Any) -> None:
    """A hold between expiry and destruction stops it; lifted, it goes. Each step's protocol names its recordings."""
    await term(api, "hotline", 365)
    kept, gone = [await archived(add_call, add_recording) for _ in range(2)]
    await expirer(api).carry_out(today())
    assert await state(api, kept) == await state(api, gone) == "expired"
    (placed,) = (await place(api, kept)).json()["items"]
    later = today() + timedelta(days=GRACE_DAYS + 1)
    going = await get(api, "dry-run/recordings", day=later.isoformat())
    assert [(each["recording_id"], each["action"]) for each in going["items"]] == [(str(gone), "destroy")]
    await expirer(api).carry_out(later)
    assert (await state(api, kept), await state(api, gone)) == ("expired", "destroyed")
    late = await place(api, gone)
    assert (late.status_code, late.json()["code"]) == (422, "invalid_input")
    assert "destroyed" in late.json()["detail"]
    await api.client.post(f"{V1}/holds/{placed['id']}/lift", json={"reason": "已办结"})
    await expirer(api).carry_out(later)
    assert await state(api, kept) == "destroyed"
    found = (await get(api, "protocols"))["items"]
    assert [(each["action"], each["recordings"], each["day"]) for each in found] == [
        ("destroy", 1, "2025-01-15"), ("destroy", 1, "2025-01-15"), ("expire", 2, "2025-01-15")
    ]  # fmt: skip
    assert len((await get(api, "protocols", action="destroy", day="2025-01-15"))["items"]) == 2
    assert (await get(api, "protocols", day="2025-01-16"))["items"] == []
    assert (await get(api, "protocols", until=LONG_AGO.isoformat()))["items"] == []
    one = await get(api, f"protocols/{found[2]['id']}")
    assert {each["recording_id"] for each in one["items"]} == {str(kept), str(gone)}
    assert [each["seq"] for each in one["items"]] == [1, 2]
    assert {each["entry"]["kind"] for each in one["items"]} == {"expired"}
    (last,) = (await get(api, f"protocols/{found[0]['id']}"))["items"]
    assert (last["recording_id"], last["seq"], last["entry"]["kind"]) == (str(kept), 4, "destroyed")


async def test_the_description_has_examples(api: Any) -> None:
    described = (await api.client.get("/openapi.json")).json()
    paths = {path: methods for path, methods in described["paths"].items() if path.startswith(V1)}
    assert len(paths) == 9
    for name in ("NewTerm", "Ending", "NewHoldBody"):
        schema = described["components"]["schemas"][name]
        assert schema.get("examples") or all("examples" in each for each in schema["properties"].values()), name
