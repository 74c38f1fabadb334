"""The clock of a folder's file times against ours."""

import time
from pathlib import Path

import pytest

from callcenter.recordings.disk_clock import ahead_of


def test_of_our_own_disk_it_is_ours(tmp_path: Path) -> None:
    assert ahead_of(tmp_path) == pytest.approx(0, abs=0.5)
    assert not list(tmp_path.iterdir())


def test_ours_is_an_hour_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = time.time
    monkeypatch.setattr("callcenter.recordings.disk_clock.time.time", lambda: there() + 3600)
    assert ahead_of(tmp_path) == pytest.approx(3600, abs=0.5)


def test_nothing_can_be_asked(tmp_path: Path) -> None:
    assert ahead_of(tmp_path / "gone") == 0.0
