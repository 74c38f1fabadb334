"""The local parts' rules: names of places, versions, notes on processes, confinement of apt."""

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from callcenter.errors import NotAllowed, SetupFailed
from callcenter.local import asterisk, broker, debian, places, ports, processes, programs
from callcenter.local.debian import Prefix
from callcenter.local.hotline import only_one
from callcenter.local.secrets import load_or_make
from callcenter.settings import Settings


def settings_at(home: Path) -> Settings:
    return Settings(home=home)


# ---- programs and packages


@pytest.mark.parametrize(
    ("version", "enough"),
    [("22.10.1", True), ("22.10.2", True), ("23.0.0", True), ("22.9.9", False), ("22.10", False), ("20.15.2", False)],
)
def test_asterisk_floor(version: str, enough: bool) -> None:
    assert (programs.version_numbers(version) >= programs.ASTERISK_FLOOR) is enough


def test_apt_is_confined(tmp_path: Path) -> None:
    options = debian.apt_options(tmp_path, "deb [signed-by=/k.gpg] scheme://mirror forky main")
    given = dict(option.split("=", 1) for option in options[1::2])
    assert set(options[::2]) == {"-o"}
    for folder in ("Dir::Etc", "Dir::State", "Dir::State::Lists", "Dir::State::status", "Dir::Cache"):
        assert given[folder].startswith(str(tmp_path)), folder
    assert given["Dir::Etc::sourceparts"] == "-", "the machine's own sources stay out"
    assert (tmp_path / "status").read_text() == "", "nothing counts as installed: libc comes, too"
    assert "signed-by" in (tmp_path / "etc" / "sources.list").read_text()


def test_unpacked_program_runs_through_its_own_loader(tmp_path: Path) -> None:
    libraries = tmp_path / "usr/lib/x86_64-linux-gnu"
    (libraries / "pulseaudio").mkdir(parents=True)
    (tmp_path / "usr/lib64").mkdir()
    (tmp_path / "usr/lib64/ld-linux-x86-64.so.2").touch()
    assert Prefix(tmp_path).command("usr/bin/ffmpeg") == (
        str(tmp_path / "usr/lib64/ld-linux-x86-64.so.2"),
        "--library-path",
        f"{libraries}:{libraries}/pulseaudio",
        str(tmp_path / "usr/bin/ffmpeg"),
    )


def test_wrapper_passes_arguments_and_odd_paths_on(tmp_path: Path) -> None:
    odd = tmp_path / "a folder with 'quotes'"
    debian.write_wrapper(odd / "tool", (sys.executable, "-c", "import sys; print(sys.argv[1:])"), {"X": "$(id)"})
    said = debian._run([str(odd / "tool"), "two words", "$HOME"])
    assert said.strip() == "['two words', '$HOME']"


# ---- places and secrets


def test_deep_home_gets_a_short_socket_folder(tmp_path: Path) -> None:
    deep = settings_at(tmp_path / ("d" * 90))
    other = settings_at(tmp_path / ("e" * 90))
    assert len(os.fsencode(places.socket_dir(deep))) + places.LONGEST_SOCKET_NAME <= places.SOCKET_PATH_BYTES
    assert places.socket_dir(deep) != places.socket_dir(other)
    assert places.socket_dir(settings_at(Path("/srv/h"))) == Path("/srv/h/var/run/s")


def test_socket_folder_of_another_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trap = tmp_path / "trap"
    trap.symlink_to(tmp_path)
    monkeypatch.setattr(places, "socket_dir", lambda _: trap)
    with pytest.raises(SetupFailed, match="not ours"):
        places.prepare(settings_at(tmp_path / "home"))


def test_calls_are_closed_to_others_on_the_machine(tmp_path: Path) -> None:
    settings = settings_at(tmp_path)
    places.prepare(settings)
    for folder in (settings.spool_dir, settings.asterisk_dir, places.log_dir(settings)):
        assert folder.stat().st_mode & 0o077 == 0, folder
    for folder in (settings.recordings_dir, settings.var_dir):
        assert folder.stat().st_mode & 0o066 == 0, "servers may pass, nobody may list"


def test_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "LEAST_FREE_BYTES", 1 << 60)
    with pytest.raises(SetupFailed, match="CALLCENTER_HOME"):
        places.prepare(settings_at(tmp_path))


def test_secrets_stay_the_same_and_private(tmp_path: Path) -> None:
    settings = settings_at(tmp_path)
    first = load_or_make(settings)
    assert load_or_make(settings) == first
    assert set(first.agent_passwords) == {"1001", "1002", "1003", "1004", "1010"}
    assert len({*first.agent_passwords.values(), first.api_key, first.ami_password}) == 7
    assert settings.secrets_dir.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in settings.secrets_dir.iterdir()} == {0o600}
    assert first.api_key not in repr(first)


def test_one_run_a_home(tmp_path: Path) -> None:
    settings = settings_at(tmp_path)
    places.prepare(settings)
    with only_one(settings), pytest.raises(NotAllowed, match=str(os.getpid())), only_one(settings):
        pass


# ---- ports and processes


def test_port_in_use_names_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        wanted = ports.WantedPort("CALLCENTER_HTTP_PORT", "127.0.0.1", port)
        with pytest.raises(SetupFailed, match=f"TCP port {port} .*set CALLCENTER_HTTP_PORT"):
            ports.require_free([wanted])
    ports.require_free([wanted])


def test_throw_away_ports_are_free_of_both_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a port was asked for by its TCP side alone, and somebody's UDP socket was on it."""
    (one,) = ports.passing_ports(1)
    monkeypatch.setattr(ports, "PASSING", range(one, one + 3))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as somebody:
        somebody.bind(("127.0.0.1", one))
        assert one not in ports.passing_ports(1)
        with pytest.raises(SetupFailed, match="of 4 are free"):
            ports.passing_ports(4)


async def test_noted_process_is_recalled_only_while_it_is_the_same(tmp_path: Path) -> None:
    note = tmp_path / "cat.pid"
    process = processes.spawn(["sleep", "600"], log=tmp_path / "log", note=note)
    assert processes.recall(note) == process
    facts = json.loads(note.read_text())
    note.write_text(json.dumps({**facts, "started_ticks": facts["started_ticks"] - 1}))
    assert processes.recall(note) is None, "the pid is somebody else's now"
    note.write_text('{"pid": ')
    assert processes.recall(note) is None
    await processes.stop(process, ())
    assert not processes.is_alive(process)


async def test_stubborn_process_is_killed_in_the_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = processes.spawn(["sh", "-c", "trap '' TERM; echo set; while :; do sleep 1; done"], log=log)
    assert await processes.until(lambda: _says(log, "set"), 10)
    await asyncio.wait_for(processes.stop(process, ((signal.SIGTERM, 0.2),)), 10)
    assert not processes.is_alive(process)


async def _says(log: Path, words: str) -> bool:
    return words in log.read_text()


def test_configuration_fingerprint_sees_every_change(tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_text("1")
    before = asterisk.fingerprint(tmp_path)
    assert asterisk.fingerprint(tmp_path) == before
    (tmp_path / "b.conf").write_text("")
    assert asterisk.fingerprint(tmp_path) != before


def test_broker_keeps_its_port(tmp_path: Path) -> None:
    assert broker.known_port(tmp_path) is None
    (tmp_path / "port").write_text("18831\n")
    assert broker.known_port(tmp_path) == 18831
