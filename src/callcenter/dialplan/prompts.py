"""Prompts: the catalogue's text spoken by espeak-ng's Mandarin, or a recorded file of the same name instead."""

import hashlib
import json
import re
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from callcenter.dialplan.site import Site, source_dir
from callcenter.errors import InvalidInput, SetupFailed

VOICE = ("-v", "cmn", "-s", "230", "-p", "45")
"""Mandarin, about four characters a second, a slightly lower pitch."""

FORMAT = ("-ac", "1", "-ar", "8000", "-c:a", "pcm_s16le")
"""What Asterisk plays to a G.711 trunk without work: 8 kHz, one channel, 16 bit."""

LEVEL = "highpass=f=200,lowpass=f=3600,volume=-3dB,alimiter=limit=0.7"
"""The telephone's band, and no clipping."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One entry of the catalogue. `name` is its file below `sounds/zh`, without ending."""

    name: str
    zh: str
    en: str


def read_catalogue(path: Path | None = None) -> tuple[Prompt, ...]:
    """The prompts of `dialplans/prompts.toml`. Raises `InvalidInput` for an entry without both languages."""
    path = path or source_dir("dialplans") / "prompts.toml"
    return tuple(_entries(tomllib.loads(path.read_text("utf-8")), ""))


def _entries(table: dict[str, object], prefix: str) -> Iterator[Prompt]:
    for key, value in table.items():
        name = f"{prefix}{key}"
        if not isinstance(value, dict) or not re.fullmatch(r"[a-z0-9-]+", key):
            raise InvalidInput(where="prompts.toml", what=f"{name} is no prompt", mend="give it zh and en")
        if isinstance(value.get("zh"), str) and isinstance(value.get("en"), str):
            yield Prompt(name, value["zh"], value["en"])
        else:
            yield from _entries(value, f"{name}/")


def write_prompts(site: Site) -> int:
    """Bring `sounds/zh` in line with the catalogue and the recorded files; return how many files were made."""
    known = _read_manifest(site)
    wanted = {prompt.name: fingerprint(site, prompt) for prompt in read_catalogue()}
    stale = [
        p
        for p in read_catalogue()
        if known.get(p.name) != wanted[p.name] or not (site.sounds_dir / f"{p.name}.wav").is_file()
    ]
    for prompt in stale:
        _write_prompt(site, prompt)
    if stale:
        _manifest_path(site).write_text(json.dumps(wanted, indent=0), "utf-8")
    return len(stale)


def fingerprint(site: Site, prompt: Prompt) -> str:
    """What the prompt's audio depends on: the recorded file's bytes, or the text and the way it is spoken."""
    recorded = recorded_file(site, prompt)
    source = recorded.read_bytes() if recorded else "\0".join((prompt.zh, *VOICE)).encode()
    return hashlib.sha256(source + "\0".join((*FORMAT, LEVEL)).encode()).hexdigest()


def recorded_file(site: Site, prompt: Prompt) -> Path | None:
    """The administrator's own recording, if there is one."""
    path = site.settings.home / "prompts" / "zh" / f"{prompt.name}.wav"
    return path if path.is_file() else None


def _write_prompt(site: Site, prompt: Prompt) -> None:
    target = site.sounds_dir / f"{prompt.name}.wav"
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        spoken = recorded_file(site, prompt) or speak(site.espeak, prompt.zh, Path(folder) / "spoken.wav")
        ready = Path(folder) / "ready.wav"
        convert = ("-nostdin", "-v", "error", "-y", "-i", str(spoken), "-af", LEVEL, "-bitexact", *FORMAT)
        _run((*site.ffmpeg, *convert, str(ready)), f"prompt {prompt.name}")
        ready.replace(target)


def speak(espeak: tuple[str, ...], text: str, path: Path) -> Path:
    """Say `text` in Mandarin into a WAV file (22 kHz, one channel). Raises `SetupFailed`."""
    _run((*espeak, *VOICE, "--stdin", "-w", str(path)), "speech", text)
    return path


def _run(command: tuple[str, ...], what: str, text: str = "") -> None:
    try:
        subprocess.run(command, input=text.encode(), capture_output=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", b"") or str(error).encode()
        raise SetupFailed(
            what=f"Could not make {what}",
            why=said.decode("utf-8", "replace").strip().splitlines()[-1],
            mend="check that espeak-ng and ffmpeg run, or put your own WAV below prompts/zh/",
        ) from None


def _manifest_path(site: Site) -> Path:
    return site.data_dir / "sounds" / "prompts.json"


def _read_manifest(site: Site) -> dict[str, str]:
    try:
        known: dict[str, str] = json.loads(_manifest_path(site).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known
