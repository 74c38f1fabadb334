"""Prompts: the catalogue's text spoken by espeak-ng's Mandarin, or a recorded file of the same name instead."""

import hashlib
import json
import re
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
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
    catalogue = read_catalogue()
    wanted = {prompt.name: fingerprint(site, prompt) for prompt in catalogue}
    stale = [p for p in catalogue if known.get(p.name) != wanted[p.name] or not sound_file(site, p).is_file()]
    if stale:
        _make(site, stale)
        _manifest_path(site).write_text(json.dumps(wanted, indent=0), "utf-8")
    return len(stale)


def sound_file(site: Site, prompt: Prompt) -> Path:
    """Where Asterisk looks for the prompt."""
    return site.sounds_dir / f"{prompt.name}.wav"


def fingerprint(site: Site, prompt: Prompt) -> str:
    """What the prompt's audio depends on: the recorded file's bytes, or the text and the way it is spoken."""
    recorded = recorded_file(site, prompt)
    source = recorded.read_bytes() if recorded else "\0".join((prompt.zh, *VOICE)).encode()
    return hashlib.sha256(source + "\0".join((*FORMAT, LEVEL)).encode()).hexdigest()


def recorded_file(site: Site, prompt: Prompt) -> Path | None:
    """The administrator's own recording, if there is one."""
    path = site.settings.home / "prompts" / "zh" / f"{prompt.name}.wav"
    return path if path.is_file() else None


def _make(site: Site, prompts: Sequence[Prompt]) -> None:
    """Speak and convert; one ffmpeg for all, because its start takes longer than its work."""
    site.sounds_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=site.sounds_dir) as name:
        folder = Path(name)
        sources = [_source(site, prompt, folder / f"{n}-spoken.wav") for n, prompt in enumerate(prompts)]
        _convert(site, sources, folder)
        for n, prompt in enumerate(prompts):
            target = sound_file(site, prompt)
            target.parent.mkdir(parents=True, exist_ok=True)
            (folder / f"{n}.wav").replace(target)


def _source(site: Site, prompt: Prompt, path: Path) -> Path:
    return recorded_file(site, prompt) or speak(site.espeak, prompt.zh, path)


def _convert(site: Site, sources: Sequence[Path], folder: Path) -> None:
    inputs = [word for source in sources for word in ("-i", str(source))]
    outputs = [
        word
        for n in range(len(sources))
        for word in ("-map", f"{n}:a:0", "-af", LEVEL, "-bitexact", *FORMAT, str(folder / f"{n}.wav"))
    ]
    _run((*site.ffmpeg, "-nostdin", "-v", "error", "-y", *inputs, *outputs), "prompts")


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
