"""Prompts made by the real espeak-ng and ffmpeg."""

import wave
from dataclasses import replace
from pathlib import Path

import pytest

from callcenter.dialplan.prompts import Prompt, fingerprint, read_catalogue, saying, sayings, write_prompts
from callcenter.dialplan.site import Site
from callcenter.errors import SetupFailed
from callcenter.local import programs
from callcenter.settings import Settings


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(
        settings=Settings(home=tmp_path),
        ami_password="",
        agent_passwords={},
        device_names={},
        modules_dir=tmp_path,
        documentation_dir=tmp_path,
        run_dir=tmp_path,
        espeak=(programs.require("espeak-ng"),),
        ffmpeg=(programs.require("ffmpeg"),),
    )


def test_prompts_are_made_once_and_replaceable(site: Site) -> None:
    prompts = read_catalogue()
    assert write_prompts(site) == len(sayings(site, prompts)) == 2 * len(prompts)
    assert write_prompts(site) == 0
    with wave.open(str(site.sounds_dir / "hotline-notice.wav")) as spoken:
        assert (spoken.getnchannels(), spoken.getframerate(), spoken.getsampwidth()) == (1, 8000, 2)
        assert 3 < spoken.getnframes() / 8000 < 8
    recorded = site.settings.home / "prompts" / "zh" / "goodbye.wav"
    recorded.parent.mkdir(parents=True)
    recorded.write_bytes((site.sounds_dir / "hotline-notice.wav").read_bytes())
    before = (site.sounds_dir / "goodbye.wav").stat().st_size
    assert write_prompts(site) == 1
    assert (site.sounds_dir / "goodbye.wav").stat().st_size > before


def test_missing_speech_program_is_said(site: Site) -> None:
    with pytest.raises(SetupFailed, match="prompts/zh"):
        write_prompts(replace(site, espeak=("no-such-program",)))


def test_changed_text_is_spoken_again(site: Site) -> None:
    before, after = (saying(Prompt("a", zh, "Hello"), "zh") for zh in ("您好", "再见"))
    assert fingerprint(site, before) != fingerprint(site, after)


def test_without_a_menu_nobody_can_choose_english(site: Site) -> None:
    silent = replace(site, settings=site.settings.model_copy(update={"menu": False}))
    assert {said.language for said in sayings(silent, read_catalogue())} == {"zh"}


def test_the_hint_is_spoken_in_the_other_language() -> None:
    hint = next(prompt for prompt in read_catalogue() if prompt.foreign)
    assert saying(hint, "zh").voice == saying(Prompt("a", "", ""), "en").voice
    assert saying(hint, "en").voice == saying(Prompt("a", "", ""), "zh").voice
