"""When a side of a running call certainly carries no audio: from its file's blocks and from Asterisk's counts."""

from pathlib import Path

import pytest

from callcenter.ami.faults import AmiFault
from callcenter.recordings.carrying import APART_SECONDS, QUIET_SECONDS, Line, Side, has_stopped
from callcenter.recordings.growth import BLOCK_SECONDS
from callcenter.recordings.lines import COUNTS, HELD, PEER, Lines
from callcenter.recordings.tails import LONGEST, PROBE_BYTES, is_empty

BLOCK = 32 * 1024


def quiet_side(seconds: float) -> Side:
    """One whose zeros began at 0, up to so many seconds."""
    side = Side()
    for n in range(1, int(seconds / BLOCK_SECONDS) + 1):
        side.see_block(True, n * BLOCK_SECONDS)
    return side


def line(received: int, sent: int, held: bool = False) -> Line:
    return Line(received, sent, held)


# ---- when it is asked -------------------------------------------------------------------------------------------


def test_sound_is_never_asked_about() -> None:
    side = Side()
    for n in range(100):
        side.see_block(False, n * BLOCK_SECONDS)
        assert not side.is_due(n * BLOCK_SECONDS)


def test_asked_after_eight_seconds_of_zeros() -> None:
    side = quiet_side(30)
    assert not side.is_due(QUIET_SECONDS - 0.1)
    assert side.is_due(QUIET_SECONDS)


def test_one_sound_begins_anew() -> None:
    side = quiet_side(7)
    side.see_block(False, 7.0)
    side.see_block(True, 7.0 + BLOCK_SECONDS)
    assert not side.is_due(14.9)
    assert side.is_due(15.1)


def test_a_muted_phone_is_asked_about_seldom() -> None:
    side = quiet_side(30)
    asked = []
    for tenth in range(900):
        moment = tenth / 10
        if side.is_due(moment):
            asked.append(moment)
            side.conclude(line(tenth * 5, tenth * 5), line(tenth * 5 + 50, tenth * 5 + 50), moment + APART_SECONDS)
    assert len(asked) == 10
    assert not side.broken


# ---- what the counts say ----------------------------------------------------------------------------------------

STEADY = line(1000, 1420)
"""It sent for 20 s as we did; then 8.4 s nothing"""
STOPPED = [
    (STEADY, True, "a phone that froze"),
    (line(667, 1420), True, "one that sent packets of 30 ms"),
    (line(0, 450), True, "one that never sent any"),
    (line(0, 300), False, "one that was joined just now"),
    (line(300, 1420), False, "one that saves packets while its user is silent"),
    (line(20, 450), False, "one of which little was heard: it may save packets"),
]


@pytest.mark.parametrize(("counts", "certain", "why"), STOPPED)
def test_certain(counts: Line, certain: bool, why: str) -> None:
    assert has_stopped(counts, 8.4) is certain, why


def test_not_before_it_was_quiet() -> None:
    assert not has_stopped(STEADY, 7.9)


def concluded(first: Line | None, second: Line | None, side: Side | None = None) -> Side:
    side = side or quiet_side(8.4)
    side.conclude(first, second, 8.4)
    return side


def test_nothing_came_between_the_counts() -> None:
    assert concluded(line(1000, 1370), STEADY).broken


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (line(1370, 1370), line(1420, 1420)),  # muted
        (line(999, 1370), STEADY),  # a packet came
        (line(1000, 1370, True), line(1000, 1420, True)),  # on hold
        (line(1000, 1370), line(1000, 1420, True)),  # put on hold just now
        (None, STEADY),
        (line(1000, 1370), None),  # gone
        (None, None),
    ],
)
def test_no_fault(first: Line | None, second: Line | None) -> None:
    assert not concluded(first, second).broken


def test_why_it_is_quiet_is_known_until_it_is_heard() -> None:
    muted = concluded(line(1370, 1370), line(1420, 1420))
    assert muted.excused
    muted.see_block(False, 12.0)
    assert not muted.excused
    assert concluded(line(1000, 1370, True), line(1000, 1420, True)).excused
    assert not concluded(line(1000, 1370), STEADY).excused
    assert not concluded(None, STEADY).excused


def test_sound_that_comes_while_it_is_counted() -> None:
    side = quiet_side(8.4)
    side.see_block(False, 8.3)
    assert not concluded(line(1000, 1370), STEADY, side).broken
    assert not concluded(line(1000, 1370), line(1050, 1420), side).excused


def test_over_with_the_first_packet_or_sound() -> None:
    side = concluded(line(1000, 1370), STEADY)
    side.conclude(line(1000, 1470), line(1001, 1520), 12.0)
    assert not side.broken
    side = concluded(line(1000, 1370), STEADY)
    side.see_block(False, 12.0)
    assert not side.broken


def test_not_over_because_nobody_can_say() -> None:
    side = concluded(line(1000, 1370), STEADY)
    side.conclude(None, None, 12.0)
    assert side.broken


def test_deaf_from_the_start_until_a_packet_comes() -> None:
    side = Side()
    side.was_never_heard(0.0)
    assert side.broken and side.is_due(1.2)
    side.conclude(line(0, 60), line(0, 110), 2.2)
    assert side.broken
    side.conclude(line(0, 160), line(30, 210), 4.2)
    assert not side.broken


# ---- asking ------------------------------------------------------------------------------------------------------

COUNTED = "ssrc=5;themssrc=6;lp=0;rxjitter=0.000250;rxcount=286;txjitter=0.000250;txcount=285;rlp=0;rtt=0.000137"


def asked(**said: str) -> Lines:
    """Asterisk's answers by channel and what is asked."""

    async def ask(channel: str, name: str) -> str:
        what = {COUNTS: "counts", HELD: "held", PEER: "peer"}[name]
        if f"{channel}_{what}" not in said:
            raise AmiFault
        return said[f"{channel}_{what}"]

    return Lines(ask)


async def test_lines_of_a_call() -> None:
    lines = asked(trunk_counts=COUNTED, trunk_held="0", trunk_peer="phone", phone_counts=COUNTED, phone_held="1")
    assert await lines.caller("trunk") == line(286, 285)
    assert await lines.agent("trunk") == line(286, 285, True)


@pytest.mark.parametrize("counts", ["", "rxcount=1", "rxcount=x;txcount=1", ";;=;"])
async def test_what_is_no_count(counts: str) -> None:
    assert await asked(trunk_counts=counts, trunk_held="0").caller("trunk") is None


async def test_nobody_to_ask_about() -> None:
    assert await asked(trunk_peer="").agent("trunk") is None
    assert await asked(trunk_peer="gone").agent("trunk") is None
    assert await asked().agent("trunk") is None


# ---- files -------------------------------------------------------------------------------------------------------

SOUND, ZEROS = b"\x08\0" * (BLOCK // 2), bytes(BLOCK)
FILES = [
    (ZEROS, 44, True),
    (SOUND, 44, False),
    (SOUND + ZEROS, 44 + BLOCK, True),
    (SOUND + ZEROS, 44, False),
    (ZEROS + SOUND, 44, False),
    (ZEROS, 0, True),  # its header is no sound
    (ZEROS, 44 + BLOCK, None),  # it did not grow
    (b"\x01" + bytes(BLOCK - 1), 44, False),
    (bytes(BLOCK - PROBE_BYTES - 1) + b"\x01" + bytes(PROBE_BYTES), 44, False),
    (SOUND + bytes(LONGEST), 44, True),  # looked at late: what matters is how it is now
]


@pytest.mark.parametrize(("audio", "before", "empty"), FILES)
def test_growth_by_zeros(tmp_path: Path, audio: bytes, before: int, empty: bool | None) -> None:
    path = tmp_path / "leg.wav"
    path.write_bytes(b"RIFF" * 11 + audio)
    assert is_empty(path, before, 44 + len(audio)) is empty


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    assert is_empty(tmp_path / "none.wav", 44, 44 + BLOCK) is None
