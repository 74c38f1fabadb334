"""Files handed over to the user that a server runs as."""

import os
from pathlib import Path

import pytest

from callcenter.local.identity import Identity


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands files over")
def test_what_is_theirs_already_is_left_alone(tmp_path: Path) -> None:
    """Even a vain chown changes when a file was changed."""
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    theirs.touch()
    os.chown(theirs, 65534, 65534)
    ours.touch()
    before = theirs.stat().st_ctime_ns
    Identity(65534, 65534).own_all(tmp_path)
    assert theirs.stat().st_ctime_ns == before
    assert {path.stat().st_uid for path in (tmp_path, theirs, ours)} == {65534}
