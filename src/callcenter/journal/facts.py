"""Lines of Asterisk's journals as raw facts: CEL as JSON (`cel_custom.conf`), `queue_log` as text.

Sources: Asterisk 22 `main/cel.c` (event names), `cel/cel_custom.c` (format=json), `apps/app_queue.c` (queue_log).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

import orjson

from callcenter.clock import from_epoch


class CelFact(NamedTuple):
    """One channel event. `extra` is the event's own JSON, empty when it has none."""

    type: str
    at: datetime
    user_event: str
    name: str
    number: str
    did: str
    exten: str
    context: str
    channel: str
    app: str
    app_data: str
    uniqueid: str
    linkedid: str
    extra: Mapping[str, Any]
    key: int
    """Of the very line; a line delivered twice has the same. It is not kept beyond this process."""


class QueueFact(NamedTuple):
    """One line of queue_log; instants have a resolution of 1 s."""

    at: datetime
    uniqueid: str
    queue: str
    agent: str
    event: str
    values: tuple[str, ...]


Fact = CelFact | QueueFact


@dataclass(frozen=True, slots=True)
class Reject:
    """A line that is no fact: kept with the reason, never fatal."""

    position: int
    line: bytes
    reason: str


NOTHING: Mapping[str, Any] = {}
USELESS = b'"FILE_STREAM_'
"""Prompts that begin and end fill a fifth of the journal and no record."""

KEPT_BYTES = 65536
"""A rejected line is kept up to this length."""


FIELDS = itemgetter(
    *("eventtime", "userdeftype", "name", "num", "dnid", "exten", "context"),
    *("channame", "appname", "appdata", "uniqueid", "linkedid", "eventextra"),
)


def parse_cel(line: bytes) -> CelFact:
    """One line of the CEL journal. Raises `ValueError` that says what is wrong with it."""
    row = _decode(line)
    try:
        kind = row.get("eventenum") or row["eventtype"]
        at, *texts, extra = FIELDS(row)
        if set(map(type, texts)) != {str} or type(kind) is not str:
            raise TypeError("a field is not text")
        return CelFact._make((kind, from_epoch(float(at)), *texts, _extra(extra) if extra else NOTHING, hash(line)))
    except (AttributeError, KeyError, TypeError, OverflowError, OSError) as error:
        raise ValueError(f"not a CEL record: {error!r}") from None


def _decode(line: bytes) -> Any:
    """JSON as Asterisk wrote it. What a caller sent must not cost us the line: bad UTF-8, lone surrogates and NUL
    (which Postgres cannot hold) become U+FFFD."""
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        row = _decode_badly_encoded(line)
    return _without_nul(row) if rb"\u0000" in line else row


def _decode_badly_encoded(line: bytes) -> Any:
    try:
        row = json.loads(line.decode("utf-8", "replace"), strict=False)
        return json.loads(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None


def _without_nul(row: Any) -> Any:
    if not isinstance(row, dict):
        return row
    return {key: value.replace("\0", "\ufffd") if isinstance(value, str) else value for key, value in row.items()}


def _extra(text: str) -> dict[str, Any]:
    try:
        value = _decode(text.encode())
    except ValueError:
        return {"text": text}
    return value if isinstance(value, dict) else {"text": text}


def parse_queue_log(line: bytes) -> QueueFact:
    """One line of queue_log. Raises `ValueError` that says what is wrong with it."""
    fields = line.decode("utf-8", "replace").split("|")
    if len(fields) < 5:
        raise ValueError(f"not a queue_log record: {len(fields)} fields, at least 5 expected")
    instant, uniqueid, queue, agent, event, *values = fields
    try:
        return QueueFact(from_epoch(float(instant)), uniqueid, queue, agent, event, tuple(values))
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"not a queue_log record: time {instant[:32]!r}") from None


PARSERS: dict[str, Callable[[bytes], Fact]] = {"cel": parse_cel, "queue_log": parse_queue_log}


def parse_lines(source: str, data: bytes, start: int) -> tuple[list[Fact], list[Reject]]:
    """The facts in whole lines of one source; `start` is the file position of the first byte."""
    facts: list[Fact] = []
    rejects: list[Reject] = []
    parse = PARSERS[source]
    position = start
    for line in data.split(b"\n"):
        if line and USELESS not in line:
            try:
                facts.append(parse(line))
            except ValueError as error:
                rejects.append(Reject(position, line[:KEPT_BYTES].replace(b"\0", b"?"), str(error)))
        position += len(line) + 1
    return facts, rejects
