"""The journal's lines: whatever bytes stand in a file, each line is a fact or a reject, and a fact can be stored."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import orjson

from callcenter.journal.facts import KEPT_BYTES, USELESS, CelFact, Fact, Reject, parse_lines
from tests.fuzz.captured import journal_files
from tests.fuzz.choices import Choices

MAX_BYTES = 8192
MAKE_LINES = b"\xff"
"""No line of Asterisk's begins with it: what follows are choices."""
MOST_LINES = 12
YEARS = range(2000, 2200)
SOURCES = ("cel", "queue_log")
SCALARS = (str, int, float, bool, type(None))


FIELDS = (
    "eventtype", "eventtime", "userdeftype", "name", "num", "dnid", "exten", "context", "channame", "appname",
    "appdata", "uniqueid", "linkedid", "eventextra", "eventenum",
)  # fmt: skip
ODD_VALUES: tuple[Any, ...] = (
    "1795352433.713811", "", "\\u0000", "a\0b", "\ud800", "\udcff", "王小明😀", "nan", "1e300", "-62135596800",
    "253402300799.9", 7, None, [], {}, True, 1e308, '{"a":' * 3000, "[" * 3000, '{"a":{"b":1}}', '{"a":"\\u0000"}',
    '{"a":1,"b":null,"c":[2]}', '{"a":99999999999999999999999}', '{"a":"\\ud800"}', "CHAN_START", "1_0",
)  # fmt: skip
PLAIN_ROW = dict.fromkeys(FIELDS, "") | {"eventtype": "CHAN_START", "eventtime": "1795352433.713811"}


def fuzz_one(data: bytes) -> None:
    """Bytes as they are, or (when the first one says so) lines of good JSON and fields with odd values in them."""
    if data[:1] == MAKE_LINES:
        data = b"\n".join(_made_lines(Choices(data[1:])))
    for source in SOURCES:
        _check(source, data, start=1000)


def _made_lines(choices: Choices) -> Iterator[bytes]:
    for _ in range(MOST_LINES):
        if not choices:
            return
        row: dict[str, Any] = dict(PLAIN_ROW)
        for _ in range(choices.number(4)):
            field = choices.pick(FIELDS)
            row[field] = _odd_value(choices)
        if choices.number(8) == 1:
            row.pop(choices.pick(FIELDS))
        text = json.dumps(row, ensure_ascii=choices.number(2) == 0)
        line = text.encode("utf-8", choices.pick(("surrogatepass", "replace")))
        if row.keys() >= PLAIN_ROW.keys() and _is_plain(row):
            assert len(parse_lines("cel", line, 0)[0]) == 1, "whatever a caller sends, his line is kept"
        yield line
        yield "|".join(str(value) for value in list(row.values())[1:]).encode("utf-8", "surrogatepass")


def _is_plain(row: dict[str, Any]) -> bool:
    """Text in every field and a good time: what Asterisk writes, whatever the caller calls himself."""
    return all(isinstance(value, str) for value in row.values()) and row["eventtime"] == PLAIN_ROW["eventtime"]


def _odd_value(choices: Choices) -> Any:
    if choices.number(3):
        return choices.pick(ODD_VALUES)
    return choices.short(40).decode("utf-8", "surrogateescape")


def _check(source: str, data: bytes, start: int) -> None:
    facts, rejects = parse_lines(source, data, start)
    lines = [line for line in data.split(b"\n") if line and USELESS not in line]
    assert len(facts) + len(rejects) == len(lines), "a line is a fact or a reject, never both or neither"
    for reject in rejects:
        _check_reject(reject, data, start)
    for fact in facts:
        _check_fact(fact)
    again, _ = parse_lines(source, data + b"\n" + data, start)
    assert again == facts + facts, "what stands before a line changes nothing"


def _check_reject(reject: Reject, data: bytes, start: int) -> None:
    place = reject.position - start
    line = data[place:].split(b"\n", 1)[0]
    assert reject.line == line[:KEPT_BYTES].replace(b"\0", b"?"), "kept where it stood"
    assert place == 0 or data[place - 1 : place] == b"\n"
    assert reject.reason


def _check_fact(fact: Fact) -> None:
    assert fact.at.utcoffset() == timedelta(0)
    assert fact.at.year in YEARS, "a torn time is no time"
    for value in fact:
        _check_storable(value)
    if isinstance(fact, CelFact):
        assert all(isinstance(value, SCALARS) for value in fact.extra.values()), "as flat as Asterisk writes it"
        _check_storable(dict(fact.extra))


def _check_storable(value: Any) -> None:
    """Postgres takes it as text and inside JSON: no NUL, no lone surrogate."""
    if isinstance(value, str):
        assert "\0" not in value
        value.encode()
    elif isinstance(value, dict):
        orjson.dumps(value)
        for each in (*value, *value.values()):
            _check_storable(each)
    elif isinstance(value, tuple):
        for each in value:
            _check_storable(each)


def seeds() -> Iterator[bytes]:
    for field in range(len(FIELDS)):
        yield from (MAKE_LINES + bytes((1, field, 1, odd, 0, 0, 0)) for odd in range(len(ODD_VALUES)))
    for files in journal_files().values():
        yield from (file[:MAX_BYTES] for file in files.values() if file)
        yield from (line for file in files.values() for line in file.splitlines()[:4])
