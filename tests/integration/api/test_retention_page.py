"""The pages of retention: in two languages, everything from outside escaped, forms that change what the API changes."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from tests.integration.api.test_retention_api import LONG_AGO, archived, everything, expirer, get, place, term, today
from tests.integration.api.told import fault_on

from callcenter.access.keys import issue
from callcenter.retention.model import Kind

HOSTILE = "<script>alert(1)</script>\"'><img src=x>"
PAGES = {
    "zh": ("录音保存期限", "投诉", "保存期满", "解除保留"),
    "en": ("Terms of", "complaint", "over its term", "Lift"),
}


async def test_terms_holds_and_what_goes(api: Any, add_call: Any, add_recording: Any) -> None:
    await term(api, "hotline", 365)
    going, held = await archived(add_call, add_recording), await archived(add_call, add_recording)
    await place(api, held, why="complaint", note=HOSTILE, reference=HOSTILE)
    for lang, words in PAGES.items():
        page = (await api.client.get("/retention", params={"lang": lang, "day": today()})).text
        one = (await api.client.get(f"/recordings/{held}", params={"lang": lang})).text
        assert all(word in page for word in words), lang
        assert words[1] in one and words[3] in one and "held" in one
        assert f'href="/recordings/{going}?lang={lang}"' in page and f'href="/recordings/{held}?lang={lang}"' in page
        for text in (page, one):
            assert "<script>alert" not in text and "<img" not in text
            assert " style=" not in text and " onclick=" not in text
    unasked = (await api.client.get("/retention", params={"lang": "zh"})).text
    assert f'href="/recordings/{going}?' not in unasked and "点“查看”" in unasked  # it looks at all that is kept
    assert (await api.stranger.get("/retention")).status_code == 401


async def test_a_term_is_tried_set_and_withdrawn(api: Any, add_call: Any, add_recording: Any) -> None:
    recording = await archived(add_call, add_recording)
    tried = await api.client.get("/retention", params={"lang": "en", "try_kind": "hotline", "try_days": "30"})
    assert f"/recordings/{recording}?" in tried.text and "As if in force" in tried.text
    assert (await get(api, "policies"))["items"] == []
    form = {"kind": "hotline", "keep_days": "30", "reference": "来函"}
    from_here = {"Origin": api.url}
    sent = await api.client.post("/retention/policies", params={"lang": "zh"}, data=form, headers=from_here)
    assert (sent.status_code, sent.headers["location"]) == (303, "/retention?lang=zh")
    (set_,) = (await get(api, "policies"))["items"]
    assert (set_["kind"], set_["keep_days"], set_["reference"], set_["by"]) == ("hotline", 30, "来函", "test")
    assert "新期限尚未开始执行" in (await api.client.get("/retention", params={"lang": "zh", "day": today()})).text
    gone = await api.client.post("/retention/policies/hotline/end", data={"reason": "撤回"})
    assert gone.status_code == 303
    assert (await get(api, "policies"))["items"][0]["ended_why"] == "撤回"
    assert (await api.client.post("/retention/policies/hotline/end", data={"reason": "again"})).status_code == 404


async def test_a_recording_is_held_and_let_go(api: Any, add_call: Any, add_recording: Any) -> None:
    """From the list by the address of its page, and on its own page."""
    recording, said = await archived(add_call, add_recording), {"why": "complaint", "note": "复核"}
    address = f"{api.url}/recordings/{recording}?lang=zh"
    assert (await api.client.post("/retention/holds", data=said | {"recording_id": address})).status_code == 303
    here = f"/recordings/{recording}/holds"
    sent = await api.client.post(here, params={"lang": "en"}, data=said | {"reference": "7"})
    assert (sent.status_code, sent.headers["location"]) == (303, f"/recordings/{recording}?lang=en")
    second, first = (await get(api, "holds", recording_id=str(recording)))["items"]
    assert (first["reference"], second["reference"]) == ("", "7")
    assert (await api.client.post(f"{here}/{second['id']}/lift", data={"reason": "x"})).status_code == 303
    assert "This recording is held" in (await api.client.get(f"/recordings/{recording}?lang=en")).text
    assert (await api.client.post(f"/retention/holds/{first['id']}/lift", data={"reason": "y"})).status_code == 303
    assert "This recording is not held" in (await api.client.get(f"/recordings/{recording}?lang=en")).text
    assert (await api.client.post(f"/retention/holds/{first['id']}/lift", data={"reason": "y"})).status_code == 404


async def test_what_is_wrong_is_told_and_changes_nothing(api: Any, add_call: Any, add_recording: Any) -> None:
    recording = await archived(add_call, add_recording)
    await term(api, "hotline", 365)
    (held,) = (await place(api, recording)).json()["items"]
    before, said = await everything(api), {"why": "complaint", "note": "复核"}
    for path, form, status in (
        ("/retention/policies", {"kind": "x", "keep_days": "30", "reference": "r"}, 422),
        ("/retention/policies", {"kind": "hotline", "keep_days": "many", "reference": "r"}, 422),
        ("/retention/policies", {"kind": "hotline", "keep_days": "30", "reference": " "}, 422),
        ("/retention/policies/hotline/end", {"reason": ""}, 422),
        ("/retention/holds", said | {"recording_id": "x"}, 422),
        ("/retention/holds", said | {"recording_id": str(uuid4())}, 404),
        ("/retention/holds", {"recording_id": str(recording), "why": "x", "note": "n"}, 422),
        (f"/recordings/{recording}/holds", {"why": "other", "note": ""}, 422),
        (f"/recordings/{recording}/holds/{held['id']}/lift", {"reason": ""}, 422),
        (f"/retention/holds/{held['id']}/lift", {"reason": "x" * 25_000}, 422),
    ):
        answer = await api.client.post(path, data=form)
        assert (answer.status_code, bool(fault_on(answer.text))) == (status, True), (path, form)
    for asked in ({"day": "soon"}, {"day": "2020-01-01"}, {"try_days": "5"}, {"try_kind": "hotline"}, {"cursor": "x"}):
        answer = await api.client.get("/retention", params=asked)
        assert (answer.status_code, bool(fault_on(answer.text))) == (422, True), asked
    good = {"kind": "hotline", "keep_days": "30", "reference": "r"}
    other = await api.client.post("/retention/policies", data=good, headers={"Sec-Fetch-Site": "cross-site"})
    headers = {"X-API-Key": await issue(api.engine, "reader", may_change=False)}
    reader = await api.client.post("/retention/policies", data=good, headers=headers)
    assert other.status_code == reader.status_code == 403
    for origin in ("http://elsewhere.example", "null", f"{api.url}.example"):  # without TLS browsers tell this alone
        sent = await api.client.post("/retention/policies", data=good, headers={"Origin": origin})
        assert sent.status_code == 403, origin
    page = (await api.client.get("/retention?lang=zh", headers=headers)).text
    assert 'method="post"' not in page and "您的密钥只能查看" in page
    assert 'method="post"' not in (await api.client.get(f"/recordings/{recording}", headers=headers)).text
    assert await everything(api) == before


async def test_protocols(api: Any, add_call: Any, add_recording: Any) -> None:
    for kind in Kind:
        await term(api, kind.value, 30)
    recording = await archived(add_call, add_recording, LONG_AGO + timedelta(days=1))
    await expirer(api).carry_out(today())
    (done,) = (await get(api, "protocols"))["items"]
    assert f'href="/retention/protocols/{done["id"]}?lang=zh"' in (await api.client.get("/retention?lang=zh")).text
    page = (await api.client.get(f"/retention/protocols/{done['id']}?lang=zh")).text
    assert f"/recordings/{recording}?lang=zh" in page and "30 天保存期已于" in page
    assert (await api.client.get("/retention/protocols/999")).status_code == 404
