"""What goes into Asterisk's configuration, and what must not."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from callcenter.dialplan import render
from callcenter.dialplan.music import melody
from callcenter.dialplan.prompts import read_catalogue
from callcenter.dialplan.site import Site
from callcenter.errors import InvalidInput
from callcenter.settings import Settings


@pytest.fixture
def site(tmp_path: Path) -> Site:
    settings = Settings(home=tmp_path)
    return Site(
        settings=settings,
        ami_password="s3cret",
        agent_passwords={agent: f"pw{agent}" for agent in settings.phones},
        device_names={agent: f"d0-{agent}" for agent in settings.phones},
        modules_dir=tmp_path / "modules",
        documentation_dir=tmp_path / "documentation",
        run_dir=tmp_path / "run",
    )


def test_files_are_for_their_owner_only(site: Site) -> None:
    path = render.write_files(site, site.etc_dir)
    assert path.name == "asterisk.conf"
    assert {stat.S_IMODE(file.stat().st_mode) for file in site.etc_dir.iterdir()} == {0o600}


def test_no_template_syntax_is_left(site: Site) -> None:
    for name, text in render.render(site):
        assert "{{" not in text and "{%" not in text, name


def test_rendering_twice_changes_nothing(site: Site) -> None:
    render.write_files(site, site.etc_dir)
    assert render.changed_files(site, site.etc_dir) == []


def test_changed_setting_names_its_files(site: Site) -> None:
    render.write_files(site, site.etc_dir)
    other = replace(site, settings=site.settings.model_copy(update={"ring_seconds": 7}))
    assert render.changed_files(other, site.etc_dir) == ["extensions.conf", "queues.conf"]


def test_forgotten_file_is_removed(site: Site) -> None:
    site.etc_dir.mkdir(parents=True)
    (site.etc_dir / "sip.conf").write_text("[general]\n")
    render.remove_stale(site)
    assert not list(site.etc_dir.iterdir())


def test_folder_of_somebody_else_keeps_its_files(site: Site, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "nginx.conf").write_text("")
    render.write_files(site, other)
    assert (other / "nginx.conf").exists()


@pytest.mark.parametrize("bad", ["a\nsecret=x", "a\rb", "a\0b", "a;b", "a]b", 'a"b', "a\\b", "a{b", "a\x7fb"])
def test_value_that_could_be_syntax_is_refused(site: Site, bad: str) -> None:
    with pytest.raises(InvalidInput, match="character"):
        dict(render.render(replace(site, ami_password=bad)))


@given(st.text())
def test_checked_values_stay_on_their_line(text: str) -> None:
    try:
        checked = render.checked(text)
    except InvalidInput:
        return
    assert checked == text
    assert not set(checked) & set('\r\n\0;\\"[]{}|')


def test_missing_value_stops_the_rendering(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    full = render.template_values(site)
    monkeypatch.setattr(render, "template_values", lambda _: {k: v for k, v in full.items() if k != "pbx"})
    with pytest.raises(UndefinedError, match="pbx"):
        dict(render.render(site))


def test_cel_journal_is_where_the_settings_say(site: Site) -> None:
    files = dict(render.render(site))
    assert f"astlogdir => {site.settings.cel_path.parent.parent}\n" in files["asterisk.conf"]
    assert f"[{site.settings.cel_path.name}]" in files["cel_custom.conf"]


def test_channel_events_go_over_ami_only_where_asked_for(site: Site) -> None:
    off = dict(render.render(site))
    assert "-journal]" not in off["manager.conf"] and "cel_manager" not in off["modules.conf"]
    assert "[manager]" not in off["cel.conf"]
    on = dict(render.render(replace(site, settings=site.settings.model_copy(update={"cel_over_ami": True}))))
    assert "-journal]" in on["manager.conf"]
    assert "\nload = cel_manager.so\n" in on["modules.conf"]
    assert "\n[manager]\nenabled = yes\n" in on["cel.conf"]


def test_audio_follows_the_sip_address() -> None:
    assert render.media_address("127.0.0.1") == "127.0.0.1"
    assert render.media_address("0.0.0.0") == ""  # noqa: S104 - the case in question
    assert render.media_address("::") == ""


def test_catalogue_covers_what_asterisk_says_by_itself() -> None:
    names = {prompt.name for prompt in read_catalogue()}
    queue = {f"queue-{word}" for word in ("youarenext", "thereare", "callswaiting", "thankyou", "periodic-announce")}
    assert queue | {f"digits/{n}" for n in (*range(21), *range(30, 100, 10))} | {"digits/hundred"} <= names


def test_catalogue_speaks_chinese() -> None:
    for prompt in read_catalogue():
        assert any("\u4e00" <= letter <= "\u9fff" for letter in prompt.zh) or prompt.foreign, prompt


def test_catalogue_entry_without_english_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "prompts.toml"
    path.write_text('[notice]\nzh = "您好"\n', "utf-8")
    with pytest.raises(InvalidInput, match="notice"):
        read_catalogue(path)


def test_music_is_quiet_and_always_the_same() -> None:
    samples = melody()
    assert samples == melody()
    assert 1000 < max(samples) < 12000
    assert max(map(abs, samples[-800:])) < 300
