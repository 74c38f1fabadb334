"""The follower reads every whole line once, over rotation, truncation and restarts of ours."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.journal import follower as follower_module
from callcenter.journal.follower import Follower

LONG = b"x" * 300  # longer than the head, so that files can be told apart


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def drain(follower: Follower) -> bytes:
    got = b""
    while (chunk := follower.read()) is not None:
        got += chunk.data
    return got


def last_place(follower: Follower):
    return follower._place


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cel.jsonl"


def test_waits_for_the_file_to_appear(path: Path) -> None:
    follower = Follower("cel", path, None)
    assert follower.read() is None
    append(path, b"one\n")
    assert drain(follower) == b"one\n"


def test_keeps_a_partial_last_line_back(path: Path) -> None:
    follower = Follower("cel", path, None)
    append(path, b"one\ntw")
    assert drain(follower) == b"one\n"
    append(path, b"o\n")
    assert drain(follower) == b"two\n"


def test_goes_on_where_it_stood(path: Path) -> None:
    append(path, LONG + b"\nsecond\n")
    first = Follower("cel", path, None)
    drain(first)
    append(path, b"third\n")
    again = Follower("cel", path, last_place(first))
    assert drain(again) == b"third\n"
    assert not again.gaps


def test_drains_a_rotated_file_before_the_new_one(path: Path) -> None:
    append(path, b"old 1\n")
    follower = Follower("cel", path, None)
    assert drain(follower) == b"old 1\n"
    append(path, b"old 2\n")
    path.rename(path.with_name("cel.jsonl.1"))
    append(path, b"new 1\n")
    assert drain(follower) == b"old 2\nnew 1\n"
    assert not follower.gaps


def test_a_file_held_open_over_its_rotation(path: Path) -> None:
    """queue_log stays open in Asterisk until it reloads: lines go on arriving in the renamed file."""
    with path.open("ab", buffering=0) as held:
        held.write(b"old 1\n")
        follower = Follower("queue_log", path, None)
        assert drain(follower) == b"old 1\n"
        path.rename(path.with_name("cel.jsonl.1"))
        held.write(b"old 2\n")
        assert drain(follower) == b"old 2\n"
    append(path, b"new 1\n")
    assert drain(follower) == b"new 1\n"


def test_two_rotations_while_we_were_away(path: Path) -> None:
    append(path, LONG + b"\n")
    first = Follower("cel", path, None)
    drain(first)
    append(path, b"a2\n")
    path.rename(path.with_name("cel.jsonl.2"))
    os.utime(path.with_name("cel.jsonl.2"), (1000, 1000))
    append(path, b"b1\n")
    path.rename(path.with_name("cel.jsonl.1"))
    os.utime(path.with_name("cel.jsonl.1"), (2000, 2000))
    append(path, b"c1\n")
    again = Follower("cel", path, last_place(first))
    assert drain(again) == b"a2\nb1\nc1\n"
    assert not again.gaps


def test_truncation_is_a_gap_and_reading_goes_on(path: Path) -> None:
    append(path, LONG + b"\n")
    follower = Follower("cel", path, None)
    drain(follower)
    os.truncate(path, 0)
    append(path, b"after\n")
    assert drain(follower) == b"after\n"
    assert "cut" in follower.gaps[0].reason


def test_a_vanished_file_is_a_gap(path: Path) -> None:
    append(path, LONG + b"\n")
    first = Follower("cel", path, None)
    drain(first)
    keep = path.with_name("unrelated")
    path.rename(keep)  # keeps the inode taken, so that the new file gets another
    append(path, b"new\n")
    again = Follower("cel", path, last_place(first))
    assert drain(again) == b"new\n"
    assert "gone" in again.gaps[0].reason


def test_a_reused_inode_is_not_taken_for_the_old_file(path: Path) -> None:
    append(path, LONG + b"\nsecond line of the old file\n")
    first = Follower("cel", path, None)
    drain(first)
    first.close()
    with path.open("r+b") as file:  # the same inode with other content
        file.write(b"y" * 400 + b"\n")
    again = Follower("cel", path, last_place(first))
    assert drain(again).startswith(b"y" * 400)
    assert "replaced" in again.gaps[0].reason


def test_a_line_without_end_is_handed_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower_module, "CHUNK_BYTES", 64)
    monkeypatch.setattr(follower_module, "LINE_LIMIT", 256)
    append(path, b"z" * 1000 + b"\nnext\n")
    follower = Follower("cel", path, None)
    got = drain(follower)
    assert got == b"z" * 1000 + b"\nnext\n"


def test_a_folder_out_of_reach_is_waited_for(path: Path) -> None:
    """Found by fuzzing: a mount that is late is no gap, and nothing is read twice when it is there."""
    append(path, LONG + b"\n")
    first = Follower("cel", path, None)
    drain(first)
    away = path.parent.with_name("away")
    path.parent.rename(away)
    again = Follower("cel", path, last_place(first))
    assert drain(again) == b""
    away.rename(path.parent)
    append(path, b"more\n")
    assert drain(again) == b"more\n"
    assert not again.gaps


@pytest.mark.parametrize("after", [b"c1\n", b"c1\nc2\nc3\n"])
def test_a_short_file_that_was_cut_and_grew_again(path: Path, after: bytes) -> None:
    """Found by fuzzing: fewer than 256 bytes had no head, so the new lines were taken for the old ones."""
    append(path, b"a1\n")
    follower = Follower("cel", path, None)
    drain(follower)
    os.truncate(path, 0)
    append(path, after)
    assert drain(follower) == after
    assert "cut" in follower.gaps[0].reason


def test_a_head_grows_with_the_file(path: Path) -> None:
    follower = Follower("cel", path, None)
    for number in range(40):
        append(path, b"line %d\n" % number)
        drain(follower)
        again = Follower("cel", path, last_place(follower))
        assert drain(again) == b""
        assert not again.gaps
    assert len(last_place(follower).head) == 32


def test_a_file_deleted_while_it_was_read(path: Path) -> None:
    """Found by fuzzing: what was written between it and the current file was passed over in silence."""
    append(path, b"a1\n")
    follower = Follower("cel", path, None)
    assert drain(follower) == b"a1\n"
    os.utime(path, (1000, 1000))
    path.unlink()
    append(path, b"b1\n")
    os.utime(path, (2000, 2000))
    path.rename(path.with_name("cel.jsonl.1"))
    append(path, b"c1\n")
    assert drain(follower) == b"b1\nc1\n"


def test_an_empty_new_file_does_not_follow_yet(path: Path) -> None:
    """Found by fuzzing: logrotate's `create` makes it while Asterisk still writes to the old one."""
    with path.open("ab", buffering=0) as held:
        held.write(b"a1\n")
        follower = Follower("queue_log", path, None)
        drain(follower)
        path.rename(path.with_name("cel.jsonl.1"))
        path.touch()
        assert drain(follower) == b""
        held.write(b"a2\n")
    append(path, b"b1\n")
    assert drain(follower) == b"a2\nb1\n"
    assert not follower.gaps


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=20), st.data())
def test_any_chunking_gives_the_same_lines(tmp_path_factory, pieces: list[bytes], data) -> None:
    path = tmp_path_factory.mktemp("journal") / "cel.jsonl"
    follower = Follower("cel", path, None)
    got = b""
    for piece in pieces:
        append(path, piece)
        if data.draw(st.booleans()):
            got += drain(follower)
        if data.draw(st.booleans()):
            follower.close()
            follower = Follower("cel", path, last_place(follower))
    got += drain(follower)
    written = b"".join(pieces)
    assert got == written[: written.rfind(b"\n") + 1]
    assert not follower.gaps
