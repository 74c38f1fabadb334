"""Nothing is open; keys are shown once, work in three ways, and end."""

import base64
import itertools
from typing import Any

import pytest
from sqlalchemy import select

from callcenter.access import keys, repository
from callcenter.access.tables import api_keys
from callcenter.errors import InvalidInput, NotFound
from callcenter.http.auth import Owner

EVERYTHING = ["/", "/calls", "/static/console.js", "/openapi.json", "/v1/health", "/v1/cdrs", "/v1/live", "/nothing"]


SHOWN = ({}, {"X-API-Key": "cc_wrong"}, {"Authorization": "Basic !!"}, {"Authorization": "Bearer"})


async def test_nothing_is_open(api: Any) -> None:
    for path, headers in itertools.product(EVERYTHING, SHOWN):
        answer = await api.stranger.get(path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert [line.split()[0] for line in answer.headers.get_list("www-authenticate")] == ["Basic", "Bearer"]


async def test_three_ways_to_show_a_key(api: Any) -> None:
    basic = base64.b64encode(f"anybody:{api.key}".encode()).decode()
    for headers in (
        {"Authorization": f"Bearer {api.key}"},
        {"X-API-Key": api.key},
        {"Authorization": f"Basic {basic}"},
    ):
        assert (await api.stranger.get("/v1/cdrs", headers=headers)).status_code == 200


async def test_only_a_digest_is_kept(api: Any) -> None:
    async with api.engine.connect() as connection:
        stored = (await connection.execute(select(api_keys))).one()
    assert api.key not in str(stored)
    assert len(api.key) >= 43


async def test_a_name_means_one_key(api: Any) -> None:
    with pytest.raises(InvalidInput):
        await keys.issue(api.engine, "test", may_change=False)


async def test_a_revoked_key_is_refused(api: Any) -> None:
    key = await keys.issue(api.engine, "leaver", may_change=False)
    ring = keys.KeyRing(api.engine)
    await repository.revoke_key(api.engine, "leaver")
    assert await ring.owner(key) is None
    assert await ring.owner(api.key) == Owner("test", True)
    with pytest.raises(NotFound):
        await repository.revoke_key(api.engine, "nobody")
    revoked = {entry.name: entry.revoked_at for entry in await repository.list_keys(api.engine)}
    assert revoked["test"] is None
    assert revoked["leaver"] is not None


async def test_a_registered_key_replaces_the_earlier_one(api: Any) -> None:
    await keys.register(api.engine, "local", "first-key")
    await keys.register(api.engine, "local", "second-key")
    ring = keys.KeyRing(api.engine)
    assert await ring.owner("first-key") is None
    assert await ring.owner("second-key") == Owner("local", True)
