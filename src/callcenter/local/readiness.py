"""Is every part up? The API's health answer, read for `callcenter wait` and `callcenter run`."""

from collections.abc import Iterable

import httpx

from callcenter.local.places import api_url
from callcenter.local.processes import until
from callcenter.local.secrets import load_or_make
from callcenter.settings import Settings

PARTS = ("database", "api", "asterisk", "ami", "journal", "recording", "mqtt", "control")
"""What must say ok before the hotline counts as ready."""
LOOK_SECONDS = 0.2
"""Asking is work for the parts that are still starting."""


async def faults(client: httpx.AsyncClient, pbx: str, wanted: Iterable[str] = PARTS) -> dict[str, str]:
    """Part → why it is not up; empty when every part of this PBX is."""
    try:
        answer = await client.get("/v1/health", timeout=5)
        parts = answer.json()["parts"]
        said = {part["part"]: part for part in parts if part["pbx"] in (None, pbx)}
    except httpx.HTTPError as error:
        return {"api": f"no answer ({type(error).__name__})"}
    except (ValueError, KeyError, TypeError):
        return {"api": f"answers {answer.status_code} and names no parts"}
    silent = {"ok": False, "detail": "has not reported yet"}
    return {name: said.get(name, silent)["detail"] for name in wanted if not said.get(name, silent)["ok"]}


async def wait_ready(settings: Settings, seconds: float) -> dict[str, str]:
    """Ask until every part is up or the time is over; the faults of the last answer, empty when ready."""
    why: dict[str, str] = {}
    wanted = (*PARTS, "ami_journal") if settings.journal == "ami" else PARTS
    headers = {"X-API-Key": load_or_make(settings).api_key}

    async def ready() -> bool:
        nonlocal why
        why = await faults(client, settings.pbx, wanted)
        return not why

    async with httpx.AsyncClient(base_url=api_url(settings), headers=headers, trust_env=False) as client:
        await until(ready, seconds, every=LOOK_SECONDS)
    return why
