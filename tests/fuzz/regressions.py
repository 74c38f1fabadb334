"""Inputs that broke a law once, as small as they could be made; each is run by every test run."""

FOUND: dict[str, tuple[bytes, ...]] = {
    "tracker": (
        b"\x00\x17\x00\t\x03\x17\x00\x06\x05\r\x00\x17\x00\xff",  # the clock set back: it ended before it began
        b"\x00\x05\x00\t\x03\x05\x00\x02\x00\x05\x00\x06\x05\r\x00\x05\x00\x01",  # the same: waited -3,588 s
        b"\x00\x0c\x00\x06\x05\r\x00\x0c\x00\x1e",  # the same: talked longer than it lasted
        b"\x00\x11\x00\x0c\x08r\x11\x00\x11\x00\t",  # LINKEDID_END too early: answered after its end
        b"\x06\x08\t\n\x0b\x0c\r\x0e\x0f\x10\x11\x12\x13\x14\x15\x00\x08\x00c\x10",  # a counter of 5,000 digits
    ),
    "journal_lines": (
        b"\xff\x01\x0d\x01\x11",  # an extra nested 3,000 deep
        b"\xff\x01\x03\x01\x02",  # a name of the six characters \\u0000
        b"\xff\x01\x0d\x01\x16",  # a number that fits no JSON reader
        b"11795352434|a|b|c|d",  # a time torn by a digit: the year 2343
        b"-62135596800|a|b|c|d",  # the year 1
    ),
    "follower": (
        b"\x02\x09\x04\x01\x01",  # the folder away: read twice
        b"\x05\x0a",  # a short file cut and grown to the same length
        b"\x01\x00\x00\x00\x01\x0f\x0d\x00\x00\x00\x00\x02\x00\x00\x00",  # deleted, and a rotated one passed over
        b"\x02\x06\x00\x00\x00\x01\x01\x02\x08\x01\x01\x00\x00\x00\x07",  # empty new file while the old is held
        # a rotated file that is written to while the new one stands empty: it was passed over
        b'Y\x02\x01\xfd\xa6"\x01\x01-\xac\xff\xff\xff$\x81\x81\xa8\x04\x01\x01\x0f\x0c\xc3\x01',
    ),
    "ami_codec": (
        bytes((0, 0, 1, 2, 199, 56)) + bytes(8) + b"Asterisk Call Manager/".ljust(257, b"9") + b"\r\nEvent: X\r\n\r\n",
        bytes((0, 0, 0, 3, 90, 11, 200)) + bytes(8) + "Event: FullyBooted\r\nUptime: ²\r\n\r\n".encode(),
        bytes((0, 0, 0, 3, 90, 11, 200)) + bytes(8) + b"Event: FullyBooted\r\nUptime: 999999999999\r\n\r\n",
    ),
}
