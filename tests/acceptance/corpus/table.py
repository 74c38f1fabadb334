"""The table that a run prints: story, expected, got."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.corpus.engine import Told

PROPERTY = "corpus"
BY_AMI = "--by-ami"


def row(told: Told) -> str:
    """One story's line as JSON, to travel from a worker to the terminal."""
    wrong = {reader: told.wrong(reader) for reader in told.facts or {"journal": []}}
    known, seconds = told.story.known, round(told.seconds, 1)
    return json.dumps(
        {"story": told.story.name, "expected": told.story.summary, "known": known, "seconds": seconds, "wrong": wrong}
    )


def rows_of(reports: Iterable[Any]) -> list[dict[str, Any]]:
    return [json.loads(value) for report in reports for name, value in report.user_properties if name == PROPERTY]


def lines(rows: list[dict[str, Any]]) -> list[str]:
    readers = sorted({reader for each in rows for reader in each["wrong"]})
    columns = "  ".join(f"got by {reader}".ljust(18) for reader in readers)
    head = f"{'story':<58} {'expected':<46} {columns}"
    return [head, *(line for each in rows for line in _lines_of(each, readers)), _score(rows, readers)]


def _lines_of(each: dict[str, Any], readers: list[str]) -> list[str]:
    got = "  ".join(f"{_verdict(each, reader):<18}" for reader in readers)
    wrong = [f"    {reader}: {what}" for reader in readers for what in each["wrong"].get(reader, [])]
    return [f"{each['story']:<58} {each['expected']:<46} {got}", *wrong]


def _verdict(each: dict[str, Any], reader: str) -> str:
    if not each["wrong"].get(reader, ["not read"]):
        return "as expected"
    return "wrong (known)" if each["known"] else "WRONG"


def _score(rows: list[dict[str, Any]], readers: list[str]) -> str:
    right = {r: sum(1 for each in rows if not each["wrong"].get(r, ["not read"])) for r in readers}
    return "  ".join(f"{r}: {right[r]} of {len(rows)} stories right" for r in readers)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(BY_AMI, action="store_true", help="judge the corpus' calls also as AMI alone tells of them")


def pytest_terminal_summary(terminalreporter: Any, config: Any) -> None:
    """Print the table after a run that told stories, and keep it as `var/corpus.txt`."""
    reports = [r for kind in ("passed", "failed", "xfailed") for r in terminalreporter.stats.get(kind, [])]
    if not (rows := rows_of(r for r in reports if r.when == "call")):
        return
    terminalreporter.section("conformance corpus")
    text = lines(sorted(rows, key=lambda each: each["story"]))
    for line in text:
        terminalreporter.write_line(line)
    path = Path(config.rootpath) / "var" / "corpus.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(text) + "\n")
