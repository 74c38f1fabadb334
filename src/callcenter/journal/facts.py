"""Lines of Asterisk's journals as raw facts: CEL as JSON (`cel_custom.conf`), `queue_log` as text.

Sources: Asterisk 22 `main/cel.c` (event names), `cel/cel_custom.c` (format=json), `apps/app_queue.c` (queue_log).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

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


class CelLine(msgspec.Struct, gc=False):
    """A line as `cel_custom.conf` lays it out; further fields are passed over."""

    eventtime: str
    userdeftype: str
    name: str
    num: str
    dnid: str
    exten: str
    context: str
    channame: str
    appname: str
    appdata: str
    uniqueid: str
    linkedid: str
    eventextra: str
    eventtype: str
    eventenum: str = ""
    """The event's own name where `eventtype` says what the dialplan called it"""


LINE = msgspec.json.Decoder(CelLine)
OBJECT = msgspec.json.Decoder(dict[str, Any])


def parse_cel(line: bytes) -> CelFact:
    """One line of the CEL journal. Raises `ValueError` that says what is wrong with it."""
    row = _decode(line)
    try:
        at = from_epoch(float(row.eventtime))
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"not a CEL record: time {row.eventtime[:32]!r}") from None
    return CelFact(
        row.eventenum or row.eventtype,
        at,
        row.userdeftype,
        row.name,
        row.num,
        row.dnid,
        row.exten,
        row.context,
        row.channame,
        row.appname,
        row.appdata,
        row.uniqueid,
        row.linkedid,
        _extra(row.eventextra) if row.eventextra else NOTHING,
        hash(line),
    )


def _decode(line: bytes) -> CelLine:
    """JSON as Asterisk wrote it. What a caller sent must not cost us the line: bad UTF-8, lone surrogates and NUL
    (which Postgres cannot hold) become U+FFFD."""
    try:
        try:
            return LINE.decode(line if rb"\u0000" not in line else _mended(line))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if isinstance(error, msgspec.ValidationError):
                raise
            return LINE.decode(_mended(line))
    except msgspec.ValidationError as error:
        raise ValueError(f"not a CEL record: {error}") from None


def _mended(line: bytes) -> bytes:
    try:
        row = json.loads(line.decode("utf-8", "replace"), strict=False)
        text = json.dumps(row, ensure_ascii=False).replace(r"\u0000", "\ufffd")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None
    return text.encode("utf-8", "replace")


def _extra(text: str) -> Mapping[str, Any]:
    try:
        return OBJECT.decode(text)
    except msgspec.DecodeError:
        return {"text": text}


def parse_queue_log(line: bytes) -> QueueFact:
    """One line of queue_log. Raises `ValueError` that says what is wrong with it."""
    fields = line.decode("utf-8", "replace").replace("\0", "\ufffd").split("|")
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
