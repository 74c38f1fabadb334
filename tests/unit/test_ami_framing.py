"""Bytes to messages: where the bytes were cut must not matter."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.ami.faults import NotAmi
from callcenter.ami.framing import MAX_BANNER_BYTES, SEPARATOR, Framer

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
SAMPLE = (Path(__file__).parents[1] / "scenarios" / "ami" / "answered.ami").read_bytes()


def framed(chunks: list[bytes], limit: int = 1 << 20) -> tuple[list[bytes], int]:
    framer = Framer(limit)
    return [message for chunk in chunks for message in framer.feed(chunk)], framer.oversized


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in itertools.pairwise(ends)]


@given(st.lists(st.integers(min_value=0), max_size=40))
def test_chunking_does_not_matter(places: list[int]) -> None:
    assert framed(cut(SAMPLE, places)) == framed([SAMPLE])


@given(
    st.lists(st.binary(max_size=60).map(lambda raw: raw.replace(b"\r", b"").replace(b"\n", b"")), max_size=8),
    st.lists(st.integers(min_value=0), max_size=60),
)
def test_any_bytes_in_any_chunks(bodies: list[bytes], places: list[int]) -> None:
    data = BANNER + b"".join(b"Event: X\r\nA: " + body + SEPARATOR for body in bodies)
    messages, oversized = framed(cut(data, places), limit=40)
    assert messages == [each for body in bodies if len(each := b"Event: X\r\nA: " + body) <= 40]
    assert oversized == len(bodies) - len(messages)


def test_byte_by_byte_equals_at_once() -> None:
    assert framed([bytes([byte]) for byte in SAMPLE]) == framed([SAMPLE])


@pytest.mark.parametrize("length", range(254, 262))
def test_longest_banner_in_any_chunks(length: int) -> None:
    """Found by fuzzing: a banner a byte too long was taken when it came alone, and cost the next message its head."""
    data = b"Asterisk Call Manager/".ljust(length, b"9") + b"\r\n" + b"Event: X" + SEPARATOR
    for size in (1, length, length + 1, length + 2, len(data)):
        chunks = [data[start : start + size] for start in range(0, len(data), size)]
        if length > MAX_BANNER_BYTES:
            with pytest.raises(NotAmi):
                framed(chunks)
        else:
            assert framed(chunks) == ([b"Event: X"], 0)


def test_character_split_between_chunks() -> None:
    message = "Event: Newchannel\r\nCallerIDName: 王小明😀".encode()
    data = BANNER + message + SEPARATOR
    for place in range(len(data)):
        assert framed([data[:place], data[place:]])[0] == [message]


def test_empty_last_value_is_kept() -> None:
    messages, _ = framed([BANNER + b"Event: X\r\nPriorCallID: \r\n\r\n"])
    assert messages == [b"Event: X\r\nPriorCallID: "]


def test_long_message_in_small_chunks() -> None:
    message = b"Event: Big\r\nValue: " + b"x" * 2_400_000
    data = BANNER + message + SEPARATOR + b"Event: Next\r\n\r\n"
    chunks = [data[start : start + 1448] for start in range(0, len(data), 1448)]
    assert framed(chunks, limit=4 << 20)[0] == [message, b"Event: Next"]


def test_too_long_message_is_left_out_and_counted() -> None:
    data = BANNER + b"Event: Big\r\nValue: " + b"x" * 5000 + SEPARATOR + b"Event: Next\r\n\r\n"
    chunks = [data[start : start + 100] for start in range(0, len(data), 100)]
    assert framed(chunks, limit=1000) == ([b"Event: Next"], 1)


def test_endless_message_keeps_memory_bounded() -> None:
    framer = Framer(limit=1000)
    framer.feed(BANNER)
    for _ in range(1000):
        framer.feed(b"x" * 500)
    assert len(framer._rest) <= 1003
    assert framer.oversized == 1


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n", b"SSH-2.0-x\r\n", b"\0" * 300])
def test_other_server_is_recognised(said: bytes) -> None:
    with pytest.raises(NotAmi):
        Framer().feed(said)
