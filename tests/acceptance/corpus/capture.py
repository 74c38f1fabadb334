"""The journal lines of a story that went wrong, as a scenario for `tests/scenarios`: its truth, then the raw lines."""

import json
import re
from pathlib import Path

from tests.acceptance.corpus.engine import Told
from tests.acceptance.corpus.lanes import LanedHotline

FOLDER = Path("var") / "corpus"


def capture(hotline: LanedHotline, told: Told) -> Path:
    """Write `var/corpus/<story>.jsonl`: everything that happened in the story's lane while it was told."""
    cel = hotline.settings.cel_path.read_text("utf-8", "replace").splitlines()
    ids = _ids(told, cel)
    rows = [("cel", line) for line in cel if _belongs(line, ids)]
    queue_log = hotline.settings.queue_log_path.read_text("utf-8", "replace").splitlines()
    rows += [("queue_log", line) for line in queue_log if line.split("|")[1:2] and line.split("|")[1] in ids]
    path = FOLDER / f"{re.sub('[^a-z0-9]+', '_', told.story.name.lower()).strip('_')}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    truth = {"story": told.story.name, "script": told.story.steps, "wrong": told.wrong("journal"), "expected": {}}
    lines = [truth, *({"src": source, "line": line} for source, line in rows)]
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    return path


def _ids(told: Told, cel: list[str]) -> set[str]:
    """Ids of the channels that the story's numbers or the lane's phones had, and of all that are linked with them."""
    p = told.performance
    began, over = p.hotline.wall(p.began_at), p.hotline.wall(p.over_at) + 2
    marks = [f'"{party.number}"' for party in p.parties.values() if party.role not in p.lane.phones]
    marks += [f"/{p.hotline.devices[phone]}-" for phone in p.lane.phones]
    facts = [fact for fact in map(_fact, cel) if fact and began <= float(fact["eventtime"]) <= over]
    ids = {fact["uniqueid"] for fact in facts if any(mark in json.dumps(fact) for mark in marks)}
    while (
        more := {i for f in facts if {f["uniqueid"], f["linkedid"]} & ids for i in (f["uniqueid"], f["linkedid"])} - ids
    ):
        ids |= more
    return ids


def _fact(line: str) -> dict[str, str] | None:
    try:
        fact: dict[str, str] = json.loads(line)
    except ValueError:
        return None
    return fact


def _belongs(line: str, ids: set[str]) -> bool:
    fact = _fact(line)
    return fact is not None and fact["uniqueid"] in ids
