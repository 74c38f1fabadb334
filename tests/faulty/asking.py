"""What the product itself says of every call: API, report of the day, alerts, `callcenter recordings verify`."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from callcenter.clock import LOCAL_ZONE
from tests.acceptance.made import NOTES
from tests.faulty.kinds import Told
from tests.faulty.site import FaultSite

UUIDS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Answers:
    """What was told, by the callers' numbers; the day's figures; deviations that are no call's."""

    def __init__(self) -> None:
        self.told: dict[str, Told] = defaultdict(Told)
        self.ids: dict[str, str] = {}
        """Number → recording"""
        self.seconds: dict[str, float | None] = {}
        self.doubled: list[str] = []
        self.completeness: dict[str, int] = {}
        self.balances = True
        self.entries: dict[int, str] = {}
        """Place in the chain → recording"""
        self.gone = 0
        """Calls that the report lists without any row of a recording"""


async def ask(site: FaultSite, since: float) -> Answers:
    """Everything of the calls since then."""
    found = Answers()
    await _recordings(site, found)
    await _report(site, found, since)
    await _alerts(site, found)
    for row in await site.database.fetch("SELECT seq, recording_id FROM recording_chain"):
        found.entries[row["seq"]] = str(row["recording_id"])
    return found


async def _recordings(site: FaultSite, found: Answers) -> None:
    cursor: dict[str, str] = {}
    while True:
        page = await site.get("/v1/recordings", limit=1000, **cursor)
        for item in page["items"]:
            await _recording(site, found, item)
        if page["next"] is None:
            return
        cursor = {"cursor": page["next"]}


async def _recording(site: FaultSite, found: Answers, item: Mapping[str, Any]) -> None:
    number = item["call"]["caller_number"] if item["call"] else item["id"]
    if number in found.ids:
        found.doubled.append(number)
    life = (await site.get(f"/v1/recordings/{item['id']}"))["life"]
    found.ids[number], found.seconds[number] = item["id"], item["seconds"]
    flags = frozenset(item["flags"]) - NOTES
    found.told[number] = Told(item["state"], flags, item["reason"] or "", frozenset(step["state"] for step in life))


async def _report(site: FaultSite, found: Answers, since: float) -> None:
    day, numbers = datetime.fromtimestamp(since, LOCAL_ZONE).date(), _numbers(found)
    sums: dict[str, int] = defaultdict(int)
    while day <= datetime.now(LOCAL_ZONE).date():
        report = await site.get("/v1/reports/recordings", date=day.isoformat(), limit=5000)
        counts = report["completeness"]
        for name in ("expected", "verified", "flagged", "missing", "pending"):
            sums[name] += counts[name]
        found.balances &= counts["expected"] == sum(counts[k] for k in ("verified", "flagged", "missing", "pending"))
        for item in report["items"]:
            if item["recording_id"] is None:
                found.gone += 1
            else:
                found.told[numbers.get(item["recording_id"], item["recording_id"])].report = item["kind"]
        day += timedelta(days=1)
    found.completeness = dict(sums)


async def _alerts(site: FaultSite, found: Answers) -> None:
    names = {row["name"]: str(row["id"]) for row in await site.database.fetch("SELECT id, name FROM recordings")}
    numbers = _numbers(found)
    for alert in (await site.get("/v1/alerts", standing="false"))["items"]:
        named = {alert["key"], *(names.get(n, "") for n in _words(alert["facts"]))}
        for number in (numbers[each] for each in named if each in numbers):
            told = found.told[number]
            told.alerts |= {alert["kind"]}


def _words(facts: Mapping[str, Any]) -> Sequence[str]:
    return f"{facts.get('name', '')} {facts.get('names', '')}".replace(",", " ").split()


def _numbers(found: Answers) -> dict[str, str]:
    return {recording: number for number, recording in found.ids.items()}


async def deviations(site: FaultSite, found: Answers) -> list[str]:
    """Adds what `verify` says of each recording; returns what is said of nothing that we know."""
    *lines, _ = await site.verify()
    calls = {str(r["id"]): r["caller_number"] for r in await site.database.fetch("SELECT id, caller_number FROM calls")}
    numbers, strange = _numbers(found), []
    after_gaps = {line["seq"] for line in lines if line.get("kind") == "gap"}
    for line in lines:
        if line.get("kind") == "hash" and line["seq"] in after_gaps:
            continue  # what follows a gap does not follow what stands before it
        of_calls = {numbers.get(found.entries.get(seq, ""), "") for seq in _entries(line)}
        of_calls |= {numbers.get(line.get("recording") or "", "")} if line.get("kind") != "gap" else set()
        ids = UUIDS.findall(f"{line.get('expected')} {line.get('found')}")
        of_calls |= {numbers.get(each) or calls.get(each, "") for each in ids}
        if not (known := of_calls - {""}):
            strange.append(" ".join(f"{value}" for value in line.values())[:160])
        for number in known:
            found.told[number].deviations.add(line["kind"])
    return strange


def _entries(line: Mapping[str, Any]) -> Sequence[int]:
    """The entries of the chain that a deviation is of: of a gap, those that are gone."""
    if line.get("kind") == "gap":
        return range(int(line["expected"].split()[-1]), line["seq"])
    return [line["seq"]] if line.get("seq") and str(line.get("kind")).startswith("head") else []
