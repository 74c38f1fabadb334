"""The traffic report of the days on which stories were told, against the tally of what they expect."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

import httpx

from callcenter.clock import LOCAL_ZONE
from tests.acceptance.corpus.engine import Told

Tally = Counter[tuple[str, str]]
"""(line of the ledger, outcome) → calls"""


def expected(told: dict[str, Told], reader: str = "journal") -> dict[str, Tally]:
    """Local day → what its report must say."""
    days: dict[str, Tally] = {}
    for each in told.values():
        for day, line, outcome in _calls(each, reader):
            days.setdefault(day, Counter())[line, outcome] += 1
    return days


def _calls(told: Told, reader: str) -> Iterator[tuple[str, str, str]]:
    """Of several expectations that may hold for a caller, the one that did."""
    p = told.performance
    for role in told.story.callers:
        if role not in p.parties:
            continue
        facts = {f.what: f.expected for f in told.of(role, reader)}
        if facts.get("direction") == "inbound":
            began = datetime.fromtimestamp(p.hotline.wall(p.event_of(role, "dialling")), LOCAL_ZONE)
            yield f"{began:%Y-%m-%d}", _line(facts["line"], facts["service"]), facts["outcome"]


def _line(line: str | None, service: str | None) -> str:
    if line != "hotline":
        return line or "other"
    return {"closed": "hotline_outside_hours", None: "hotline_hours_unknown"}.get(service, "hotline")


async def reported(api: httpx.AsyncClient, day: str) -> Tally:
    """What the report of a day says; a report that does not balance is refused, which fails here."""
    answer = await api.get("/v1/reports/traffic", params={"period": "day", "date": day})
    assert answer.status_code == 200, answer.text
    total = answer.json()["total"]
    found: Tally = Counter()
    for line, ledger in total["lines"].items():
        for outcome, calls in ledger["outcomes"].items():
            found[line, outcome] += calls
    assert total["received"] == found.total()
    return +found
