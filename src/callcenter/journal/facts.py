"""Lines of Asterisk's journals as raw facts: CEL as JSON (`cel_custom.conf`), `queue_log` as text.

Sources: Asterisk 22 `main/cel.c` (event names), `cel/cel_custom.c` (format=json), `apps/app_queue.c` (queue_log).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, NamedTuple

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


Scalar = str | Annotated[int, msgspec.Meta(ge=-(1 << 53), le=1 << 53)] | float | bool | None
"""What stands in an event's extra: Asterisk writes it flat (`main/cel.c`); what is stored must fit JSON's readers."""

LINE = msgspec.json.Decoder(CelLine)
OBJECT = msgspec.json.Decoder(dict[str, Scalar])
NUL = r"\u0000"

EARLIEST, LATEST = 946684800.0, 7258118400.0
"""The years 2000 to 2199 in Unix seconds. A time outside comes from a torn line; taken at its word, it would make every
running call look silent for years."""


def parse_cel(line: bytes) -> CelFact:
    """One line of the CEL journal. Raises `ValueError` that says what is wrong with it."""
    row = _decode(line)
    return CelFact(
        row.eventenum or row.eventtype,
        _instant(row.eventtime, "a CEL"),
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


def _instant(text: str, kind: str) -> datetime:
    try:
        seconds = float(text)
    except ValueError:
        raise ValueError(f"not {kind} record: time {text[:32]!r}") from None
    if not EARLIEST <= seconds < LATEST:
        raise ValueError(f"not {kind} record: time {text[:32]!r} is not of these centuries")
    return from_epoch(seconds)


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
    except (msgspec.ValidationError, RecursionError) as error:
        raise ValueError(f"not a CEL record: {error}") from None


def _mended(line: bytes) -> bytes:
    try:
        row = json.loads(line.decode("utf-8", "replace"), strict=False)
        text = json.dumps(_without_nul(row) if isinstance(row, dict) else row, ensure_ascii=False)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None
    return text.encode("utf-8", "replace")


def _without_nul(row: dict[str, Any]) -> dict[str, Any]:
    plain = {name: value.replace("\0", "\ufffd") if isinstance(value, str) else value for name, value in row.items()}
    return {name.replace("\0", "\ufffd"): value for name, value in plain.items()}


def _extra(text: str) -> Mapping[str, Any]:
    """JSON in a string; what is not as flat as Asterisk writes it stays text."""
    try:
        extra = OBJECT.decode(text)
    except msgspec.DecodeError:
        return {"text": text}
    return _without_nul(extra) if NUL in text else extra


def parse_queue_log(line: bytes) -> QueueFact:
    """One line of queue_log. Raises `ValueError` that says what is wrong with it."""
    fields = line.decode("utf-8", "replace").replace("\0", "\ufffd").split("|")
    if len(fields) < 5:
        raise ValueError(f"not a queue_log record: {len(fields)} fields, at least 5 expected")
    instant, uniqueid, queue, agent, event, *values = fields
    return QueueFact(_instant(instant, "a queue_log"), uniqueid, queue, agent, event, tuple(values))


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
