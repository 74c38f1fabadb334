"""What a seal tells of its audio."""

from pathlib import Path
from uuid import uuid4

import numpy as np
from tests.unit.test_hearing import key, pcm, silence

from callcenter.recordings.encoding import Format
from callcenter.recordings.sealing import seal
from callcenter.recordings.site_key import load_public, new_private, public_of


def test_which_keys_were_pressed_is_kept_nowhere(tmp_path: Path) -> None:
    """When, is: the number that somebody typed can be heard by who may listen."""
    (tmp_path / "site.pem").write_text(new_private())
    (tmp_path / "public").write_text(public_of(tmp_path / "site.pem"))
    typed = pcm(np.concatenate([part for digit in "419" for part in (silence(0.3), key(digit, 0.2))] + [silence(0.3)]))
    blocks = iter([np.stack((typed, typed), axis=1)])
    folder = tmp_path / "sealed"
    folder.mkdir()
    sealed = seal(uuid4(), blocks, len(typed), folder, Format.OPUS, load_public(tmp_path / "public"))
    for side in ("left", "right"):
        assert [round(each.pop("at"), 1) for each in sealed.heard[side]["digits"]] == [0.3, 0.8, 1.3]
        assert [set(each) for each in sealed.heard[side]["digits"]] == [{"seconds"}] * 3
    assert all(b'"digit"' not in path.read_bytes() for path in folder.iterdir())
