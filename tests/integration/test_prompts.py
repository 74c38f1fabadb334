"""Prompts made by the real espeak-ng and ffmpeg."""

import shutil
import wave
from dataclasses import replace
from pathlib import Path

import pytest

from callcenter.calls.model import Line
from callcenter.dialplan.prompts import Prompt, read_catalogue, saying, sayings
from callcenter.dialplan.site import Site
from callcenter.dialplan.sounds import (
    forget_sounds,
    make_sounds,
    put_sounds,
    sound_changes,
    sound_of,
    sounds_in_force,
    write_prompts,
)
from callcenter.errors import SetupFailed
from callcenter.local import programs
from callcenter.schedule import snapshot
from callcenter.schedule.model import OpeningHours, ScheduleFacts
from callcenter.settings import Settings


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return site_of(tmp_path)


def site_of(home: Path) -> Site:
    return Site(
        settings=Settings(home=home),
        ami_password="",
        agent_passwords={},
        device_names={},
        modules_dir=home,
        documentation_dir=home,
        run_dir=home,
        espeak=(programs.require("espeak-ng"),),
        ffmpeg=(programs.require("ffmpeg"),),
    )


def test_prompts_are_made_once_and_replaceable(site: Site) -> None:
    prompts = read_catalogue()
    assert write_prompts(site) == len(sayings(site)) == 2 * len(prompts)
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
    assert sound_of(site, before).made != sound_of(site, after).made


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of a site that has made its prompts."""
    other = site_of(tmp_path_factory.mktemp("kept"))
    make_sounds(other)
    return other.data_dir / "prompts"


@pytest.fixture
def spoken(site: Site, kept: Path) -> Site:
    """A site whose prompts need not be spoken again."""
    shutil.copytree(kept, site.data_dir / "prompts")
    return site


def test_making_changes_nothing_that_is_played(spoken: Site) -> None:
    site = spoken
    write_prompts(site)
    before, played = sounds_in_force(site), (site.sounds_dir / "goodbye.wav").read_bytes()
    recorded = site.settings.home / "prompts" / "zh" / "goodbye.wav"
    recorded.parent.mkdir(parents=True)
    recorded.write_bytes((site.sounds_dir / "hotline-notice.wav").read_bytes())
    made = make_sounds(site)
    assert sounds_in_force(site) == before and (site.sounds_dir / "goodbye.wav").read_bytes() == played
    assert sound_changes(before, made) == ["~ prompt zh/goodbye: 感谢您的来电，再见。 → (own recording)"]
    assert put_sounds(site, made) == ["zh/goodbye"]
    assert (site.sounds_dir / "goodbye.wav").read_bytes() != played
    forget_sounds(site, [before])
    assert put_sounds(site, before) == ["zh/goodbye"]
    assert (site.sounds_dir / "goodbye.wav").read_bytes() == played
    forget_sounds(site, [])
    assert put_sounds(site, made) == []  # forgotten: what is there stays


def test_prompt_that_is_no_more_goes(spoken: Site) -> None:
    site = spoken
    write_prompts(site)
    wanted = sounds_in_force(site)
    own = site.sounds_dir / "somebody-elses.wav"
    own.write_bytes(b"")
    del wanted["zh/goodbye"]
    assert put_sounds(site, wanted) == ["zh/goodbye"]
    assert not (site.sounds_dir / "goodbye.wav").exists() and own.exists()


def test_closed_prompt_says_the_hours_of_the_schedule(site: Site) -> None:
    hours = (OpeningHours(1, Line.HOTLINE, frozenset({1, 2, 3, 4, 5, 6}), 8 * 60 + 30, 18 * 60),)
    snapshot.write(site.schedule_path, ScheduleFacts(hours=hours))
    said = {each.key: each.text for each in sayings(site)}
    assert "服务时间为周一至周六，8点30分至18点，节假日除外" in said["zh/hotline-closed"]
    assert "Hours are Monday to Saturday, 8:30 to 18, except" in said["en/hotline-closed"]


def test_without_a_menu_nobody_can_choose_english(site: Site) -> None:
    silent = replace(site, settings=site.settings.model_copy(update={"menu": False}))
    assert {said.language for said in sayings(silent)} == {"zh"}


def test_the_hint_is_spoken_in_the_other_language() -> None:
    hint = next(prompt for prompt in read_catalogue() if prompt.foreign)
    assert saying(hint, "zh").voice == saying(Prompt("a", "", ""), "en").voice
    assert saying(hint, "en").voice == saying(Prompt("a", "", ""), "zh").voice
