"""The first page of an Ogg Opus file (RFC 3533, RFC 7845): made to say what any player understands.

The two sides of a call are coded as two streams, uncoupled: Opus's own stereo lets each be heard faintly in the other
(-37 dB of a tone at 24 kbit/s, measured), and who said something must not depend on that. libopus offers uncoupled
streams only under channel mapping family 255, "unidentified channels", which players need not take. Family 1 allows
them, too: two streams of which none is coupled, left and right. So that one byte is changed, and the page's checksum.
"""

import struct

MAGIC, HEAD = b"OggS", b"OpusHead"
CRC_AT, SEGMENTS_AT, PAGE_HEADER = 22, 26, 27
FAMILY_AT = 18
"""In the identification header (RFC 7845, 5.1)"""
LEFT_RIGHT = bytes((1, 2, 0, 0, 1))
"""Family 1, two streams, none of them coupled, stream 0 left, stream 1 right"""
POLYNOMIAL = 0x04C11DB7


def page_length(data: bytes | bytearray) -> int | None:
    """Bytes of the page that `data` begins with; None while too little of it is there."""
    if len(data) < PAGE_HEADER or len(data) < PAGE_HEADER + data[SEGMENTS_AT]:
        return None
    body = PAGE_HEADER + data[SEGMENTS_AT]
    return body + sum(data[PAGE_HEADER:body])


def as_left_and_right(page: bytes) -> bytes:
    """The first page with family 255 as family 1. Raises `ValueError` for another page."""
    head = PAGE_HEADER + page[SEGMENTS_AT]
    family = head + FAMILY_AT
    if page[:4] != MAGIC or page[head : head + 8] != HEAD or page[family] != 255:
        raise ValueError("no Opus header with two uncoupled streams")
    changed = bytearray(page)
    changed[family : family + 5] = LEFT_RIGHT
    changed[CRC_AT : CRC_AT + 4] = bytes(4)
    changed[CRC_AT : CRC_AT + 4] = struct.pack("<I", _crc(changed))
    return bytes(changed)


def _crc(data: bytearray) -> int:
    """RFC 3533, 6: polynomial 0x04c11db7, not reflected, begun with 0."""
    crc = 0
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ POLYNOMIAL) if crc & 0x80000000 else crc << 1
    return crc & 0xFFFFFFFF
