"""When a running recording counts as not written, from the sizes of its files alone."""

import pytest

from callcenter.recordings.growth import BLOCK_SECONDS, OPENED_WITHIN, Growth, Sizes, Trouble

BLOCK = 32 * 1024


def seen(*looks: tuple[float, Sizes]) -> Growth:
    growth = Growth(since=0.0)
    for moment, sizes in looks:
        growth.see(sizes, moment)
    return growth


def growing(until: float) -> list[tuple[float, Sizes]]:
    """Looks each half second at two files as Asterisk writes them."""
    return [(n / 2, (44 + int(n / 2 / BLOCK_SECONDS) * BLOCK,) * 2) for n in range(int(until * 2))]


def test_as_asterisk_writes_them() -> None:
    growth = seen(*growing(60))
    assert (growth.trouble, growth.recording) == (None, True)


def test_no_trouble_at_any_look_of_a_sound_call() -> None:
    looks = growing(30)
    assert {seen(*looks[:n]).trouble for n in range(1, len(looks))} == {None}


@pytest.mark.parametrize("sizes", [(None, None), (44, None), (None, 44)])
def test_a_file_that_is_not_there(sizes: Sizes) -> None:
    assert seen((OPENED_WITHIN - 0.1, sizes)).trouble is None
    assert seen((OPENED_WITHIN + 0.1, sizes)).trouble is Trouble.MISSING


def test_a_file_that_vanishes_is_missed_at_once() -> None:
    assert seen(*growing(10), (10.0, (None, 44 + 4 * BLOCK))).trouble is Trouble.MISSING


@pytest.mark.parametrize("side", [0, 1])
def test_one_side_stalls(side: int) -> None:
    looks = growing(10)
    most = 44 + BLOCK
    stuck: list[tuple[float, Sizes]] = [
        (moment, (min(each[0] or 0, most), each[1]) if side == 0 else (each[0], min(each[1] or 0, most)))
        for moment, each in looks
    ]
    stops = 2 * BLOCK_SECONDS  # where the second block should have come
    fault = next(m for n, (m, _) in enumerate(stuck) if seen(*stuck[: n + 1]).trouble)
    assert stops < fault <= stops + 2.0
    assert seen(*stuck).trouble is Trouble.STALLED


def test_trouble_ends_when_it_grows_again() -> None:
    stalled = [*growing(4), *((m, (44 + BLOCK, 44 + BLOCK)) for m in (5.0, 6.0, 7.0, 8.0))]
    assert seen(*stalled).trouble is Trouble.STALLED
    assert seen(*stalled, (8.5, (44 + 3 * BLOCK, 44 + 3 * BLOCK))).trouble is None


def test_headers_alone_are_no_recording() -> None:
    assert not seen((0.5, (44, 44)), (1.0, (44, 44))).recording
