"""The AMI codec: the same bytes in any chunks give the same messages, memory stays bounded, and no value that we
send can smuggle in a second header or action."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

from callcenter.ami import actions
from callcenter.ami.actions import MAX_LINE_BYTES, Action
from callcenter.ami.boot import read_boot
from callcenter.ami.events import KNOWN, typed
from callcenter.ami.faults import NotAmi
from callcenter.ami.framing import MAX_BANNER_BYTES, SEPARATOR, Framer
from callcenter.ami.messages import Event, Message, Response, read_message
from callcenter.ami.protocol import AmiProtocol
from callcenter.errors import InvalidInput
from tests.fuzz.captured import ami_streams
from tests.fuzz.choices import Choices

MAX_BYTES = 3000
BANNER = b"Asterisk Call Manager/11.0.0\r\n"
MOST_CHUNKS = 150
LIMITS = (1 << 20, 400, 60, 7)
MOMENT = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
WANTED = (None, KNOWN, frozenset[str]())
PLACE_OF_AN_ID = b"#%d#"
"""Stands in the fuzzer's bytes for the id of our n-th action, which is another in every run."""


def fuzz_one(data: bytes) -> None:
    choices = Choices(data)
    limit, wanted, banner = choices.pick(LIMITS), choices.pick(WANTED), choices.pick((BANNER, b""))
    sizes = [1 + size for size in choices.short(24)] or [1]
    _check_action(choices)
    stream = banner + choices.rest()
    chunks = cut(stream, sizes)
    whole, pieces = _framed([stream], limit), _framed(chunks, limit)
    assert whole == pieces, "chunking does not matter"
    for raw in whole[0]:
        _check_message(raw)
    assert _heard([stream], wanted) == _heard(chunks, wanted), "nor does it for events and answers"


def cut(stream: bytes, sizes: Sequence[int]) -> list[bytes]:
    """The stream in chunks of these sizes, over and over; the last of very many takes the rest."""
    chunks, at = list[bytes](), 0
    while at < len(stream):
        size = sizes[len(chunks) % len(sizes)] if len(chunks) < MOST_CHUNKS else len(stream)
        chunks.append(stream[at : at + size])
        at += size
    return chunks


def _framed(chunks: list[bytes], limit: int) -> tuple[list[bytes], int, str]:
    framer, messages, fault = Framer(limit), list[bytes](), ""
    for chunk in chunks:
        try:
            messages += framer.feed(chunk)
        except NotAmi as error:
            fault = str(error)
            break
        assert len(framer._rest) <= max(limit + len(SEPARATOR), MAX_BANNER_BYTES + 2), "memory is bounded"
    assert all(len(message) <= limit and SEPARATOR not in message for message in messages)
    return messages, framer.oversized, fault


def _check_message(raw: bytes) -> None:
    message = read_message(raw)
    if message is None:
        return
    repr(message)
    _check_headers(message)
    if isinstance(message, Event):
        assert message.at is None or message.at.utcoffset() == timedelta(0)
        typed(message)
        read_boot(Response(raw), message, MOMENT)
    else:
        assert isinstance(message.success, bool)
        assert isinstance(message.text + "".join(message.output), str)
        read_boot(message, None, MOMENT)


def _check_headers(message: Message) -> None:
    for name, values in message.headers.items():
        assert message.every(name) == values
        if "\ufffd" not in name and name:
            assert message.get(name) == values[0], name


class Wire(asyncio.Transport):
    """The transport's end of a connection whose bytes the fuzzer made: it keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def _heard(chunks: list[bytes], wanted: frozenset[str] | None) -> tuple[object, ...]:
    return _loop().run_until_complete(_connection(chunks, wanted))


async def _connection(chunks: list[bytes], wanted: frozenset[str] | None) -> tuple[object, ...]:
    """What one connection says: events, answers to our two actions, and how it ended."""
    events: list[tuple[str, bytes]] = []
    ends: list[str] = []
    protocol = AmiProtocol(lambda event: events.append((event.name, event.raw)), ends.append, wanted)
    wire = Wire()
    protocol.connection_made(wire)
    sent = [protocol.send(action) for action in (actions.PING, actions.QUEUE_STATUS)]
    ids = [line.partition(b": ")[2] for line in wire.written.split(b"\r\n") if line.startswith(b"ActionID")]
    assert len(ids) == len(sent)
    for chunk in _with_ids(chunks, ids):
        if not wire.aborted:
            protocol.data_received(chunk)
    protocol.connection_lost(None)
    answers = [_answer(each.future) for each in sent]
    lists = [[(event.name, event.raw) for event in each.events] for each in sent]
    await asyncio.sleep(0)
    assert not protocol._pending, "nothing waits for an answer on a dead connection"
    told = [(why, b"") for why in ends]
    return *(_without_ids(each, ids) for each in (events, answers, told, *lists)), wire.aborted


def _with_ids(chunks: list[bytes], ids: list[bytes]) -> list[bytes]:
    """The same chunks, but for the ids of our actions put in their places; a place may lie across two chunks."""
    marks = [PLACE_OF_AN_ID % n for n in range(len(ids))]
    stream, sizes = b"".join(chunks), [len(chunk) for chunk in chunks]
    for mark, action_id in zip(marks, ids, strict=True):
        stream = stream.replace(mark, action_id)
    return cut(stream, sizes) if sizes else []


def _without_ids(said: list[tuple[str, bytes]], ids: list[bytes]) -> list[tuple[str, bytes]]:
    for n, action_id in enumerate(ids):
        mark = PLACE_OF_AN_ID % n
        said = [(name.replace(action_id.decode(), mark.decode()), raw.replace(action_id, mark)) for name, raw in said]
    return said


def _answer(future: asyncio.Future[Response]) -> tuple[str, bytes]:
    """How it was answered, if it was; its failure is looked at, so that no warning comes later."""
    assert future.done(), "an action is answered or fails when the link is down"
    error = future.exception()
    return (str(error), b"") if error else ("", future.result().raw)


def _check_action(choices: Choices) -> None:
    texts = [choices.text(40) * choices.pick((1, 1, 1, 40)) for _ in range(3)]
    builders = (
        lambda: actions.db_put(*texts),
        lambda: actions.queue_add(texts[0], texts[1], texts[2], choices.number(9), texts[0] or None),
        lambda: actions.queue_withdraw(*texts),
        lambda: actions.set_variable(*texts),
        lambda: actions.login(texts[0], texts[1]),
        lambda: actions.mixmonitor_mute(texts[0], mute=True),
        lambda: Action(texts[0], ((texts[1], texts[2]),)),
    )
    build, action_id = choices.pick(builders), choices.pick(("action/1/1", texts[0]))
    try:
        action = build()
        sent = action.encode(action_id)
    except InvalidInput:
        return
    _check_sent(sent, [("Action", action.name), ("ActionID", action_id), *action.headers])


def _check_sent(sent: bytes, headers: list[tuple[str, str]]) -> None:
    """Exactly our headers, each on one line that Asterisk reads whole."""
    lines = sent.split(b"\r\n")
    assert lines[-2:] == [b"", b""]
    assert [line.partition(b": ")[::2] for line in lines[:-2]] == [(n.encode(), v.encode()) for n, v in headers]
    assert not any(byte in line for line in lines for byte in (b"\r", b"\n", b"\0"))
    assert all(0 < len(line) <= MAX_LINE_BYTES for line in lines[:-2])


NO_CHOICES = bytes((0, 0, 0, 3, 90, 11, 200)) + bytes(8)
"""No limit, all events, with banner; three sizes of chunk; an action with empty values."""

NO_BANNER = bytes((0, 0, 1)) + NO_CHOICES[3:]
LONG_BANNER = b"Asterisk Call Manager/" + b"9" * (MAX_BANNER_BYTES - 21) + b"\r\n"
LIST = (
    b"Response: Success\r\nActionID: #1#\r\nEventList: start\r\n\r\n"
    b"Event: QueueParams\r\nActionID: #1#\r\nQueue: hotline\r\n\r\n"
    b"Event: QueueStatusComplete\r\nActionID: #1#\r\nEventList: Complete\r\nListItems: 1\r\n\r\n"
)
ANSWERS = b"Response: Success\r\nActionID: #0#\r\nPing: Pong\r\nTimestamp: 1795352433.713811\r\n\r\n" + LIST
STARTED = (
    b"Response: Success\r\nActionID: #0#\r\nCoreStartupDate: 2026-11-22\r\nCoreStartupTime: 14:15:33\r\n\r\n"
    b"Event: FullyBooted\r\nUptime: 2\r\nCoreStartupDate: 2026-11-22\r\nCoreStartupTime: 14:15:33\r\n\r\n"
)


def seeds() -> Iterator[bytes]:
    yield NO_CHOICES + ANSWERS
    yield NO_BANNER + LONG_BANNER + ANSWERS
    yield NO_CHOICES + STARTED
    for stream in ami_streams():
        messages = stream.removeprefix(BANNER).split(SEPARATOR)
        yield from (NO_CHOICES + message + SEPARATOR for message in messages[:200:3])
        yield NO_CHOICES + stream[len(BANNER) : 2900]
