"""One message of the manager interface: the raw bytes, decoded once, when somebody looks."""

from datetime import datetime
from functools import lru_cache

from callcenter.clock import from_epoch

EVENT_PREFIX = b"Event: "


class Message:
    """Headers of one message, in Asterisk's own spelling.

    A header may come once or often: `get` is always the first one, `every` always all of them. Bytes that are
    not UTF-8 read as U+FFFD; `raw` keeps them. `get` decodes only the value it returns: of the forty headers
    of an event, a reader needs four.
    """

    __slots__ = ("_headers", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._headers: dict[str, tuple[str, ...]] | None = None

    def get(self, name: str, default: str = "") -> str:
        """The first value of a header, or the default."""
        raw, needle = self.raw, _line_start(name)
        found = raw.find(needle)
        if raw.startswith(needle[2:]):
            start = len(needle) - 2
        elif found < 0:
            return default
        else:
            start = found + len(needle)
        end = raw.find(b"\r\n", start)
        value = raw[start:] if end < 0 else raw[start:end]
        return value.removeprefix(b" ").decode("utf-8", "replace")

    def every(self, name: str) -> tuple[str, ...]:
        """All values of a header, in order; empty when there is none."""
        return self.headers.get(name, ())

    @property
    def headers(self) -> dict[str, tuple[str, ...]]:
        """Each header with all its values; a line without a colon belongs to nothing and is left out."""
        if self._headers is None:
            lines = self.raw.decode("utf-8", "replace").split("\r\n")
            cut = [line.partition(": ") for line in lines]
            headers: dict[str, tuple[str, ...]] = {
                name: (value,) for name, colon, value in cut if colon and ":" not in name
            }
            self._headers = headers if len(headers) == len(lines) else _unusual_headers(lines)
        return self._headers


def _unusual_headers(lines: list[str]) -> dict[str, tuple[str, ...]]:
    """A header that comes more than once, a colon without a blank, a line that is no header."""
    values: dict[str, list[str]] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            values.setdefault(name, []).append(value.removeprefix(" "))
    return {name: tuple(each) for name, each in values.items()}


@lru_cache(maxsize=512)
def _line_start(name: str) -> bytes:
    return f"\r\n{name}:".encode()


class Event(Message):
    """Something that Asterisk says happened."""

    __slots__ = ("name",)

    def __init__(self, name: str, raw: bytes) -> None:
        super().__init__(raw)
        self.name = name

    @property
    def at(self) -> datetime | None:
        """Asterisk's own time of the event, when manager.conf has `timestampevents=yes`."""
        try:
            return from_epoch(float(self.get("Timestamp")))
        except (ValueError, OverflowError, OSError):
            return None

    def __repr__(self) -> str:
        return f"<Event {self.name} {len(self.raw)} bytes>"


class Response(Message):
    """Asterisk's answer to one action."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<Response {self.get('Response')} {self.text!r}>"

    @property
    def success(self) -> bool:
        return self.get("Response") in ("Success", "Goodbye", "Follows")

    @property
    def text(self) -> str:
        """What Asterisk says of it in words."""
        return self.get("Message").strip()

    @property
    def output(self) -> tuple[str, ...]:
        """The lines of a CLI command's answer."""
        return self.every("Output")


def read_message(raw: bytes) -> Event | Response | None:
    """An event or a response; `None` for anything else (nothing we asked for)."""
    raw = raw.lstrip(b"\r\n")
    message = Message(raw)
    if event := message.get("Event"):
        return Event(event, raw)
    return Response(raw) if message.get("Response") else None
