"""Prompts: the catalogue's text spoken by espeak-ng, or a recorded file of the same name instead.

Mandarin always; English, too, where callers can choose it, that is, with the menu.
"""

import hashlib
import json
import re
import subprocess
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from callcenter.dialplan.site import Site, source_dir
from callcenter.errors import InvalidInput, SetupFailed

VOICES = {"zh": ("-v", "cmn", "-s", "230", "-p", "45"), "en": ("-v", "en", "-s", "165", "-p", "45")}
"""Mandarin, about four characters a second, a slightly lower pitch; English at the same pace."""

FORMAT = ("-ac", "1", "-ar", "8000", "-c:a", "pcm_s16le")
"""What Asterisk plays to a G.711 trunk without work: 8 kHz, one channel, 16 bit."""

LEVEL = "highpass=f=200,lowpass=f=3600,volume=-3dB,alimiter=limit=0.7"
"""The telephone's band, and no clipping."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One entry of the catalogue. `name` is its file below `sounds/zh` and `sounds/en`, without ending."""

    name: str
    zh: str
    en: str
    foreign: bool = False
    """Offers the other language, and so is spoken in it: an English sentence among the Chinese prompts."""


@dataclass(frozen=True, slots=True)
class Saying:
    """A prompt in one language: what is spoken, and by which voice."""

    name: str
    language: str
    text: str
    voice: tuple[str, ...]


def sayings(site: Site, prompts: Sequence[Prompt]) -> list[Saying]:
    """The catalogue in every language that this hotline speaks."""
    languages = ("zh", "en") if site.settings.menu else ("zh",)
    return [saying(prompt, language) for language in languages for prompt in prompts]


def saying(prompt: Prompt, language: str) -> Saying:
    """The prompt for callers of `language`, zh or en."""
    spoken = ("en" if language == "zh" else "zh") if prompt.foreign else language
    return Saying(prompt.name, language, prompt.zh if language == "zh" else prompt.en, VOICES[spoken])


def read_catalogue(path: Path | None = None) -> tuple[Prompt, ...]:
    """The prompts of a file, or of every `*.toml` in a folder (`dialplans/prompts` when none is named).

    Raises `InvalidInput` for an entry without both languages.
    """
    place = path or source_dir("dialplans") / "prompts"
    files = sorted(place.glob("*.toml")) if place.is_dir() else [place]
    prompts = [prompt for file in files for prompt in _entries(tomllib.loads(file.read_text("utf-8")), "")]
    twice = [name for name, count in Counter(prompt.name for prompt in prompts).items() if count > 1]
    if twice:
        raise InvalidInput(where="dialplans/prompts", what=f"{twice[0]} is written twice", mend="keep one of them")
    return tuple(prompts)


def _entries(table: dict[str, object], prefix: str) -> Iterator[Prompt]:
    for key, value in table.items():
        name = f"{prefix}{key}"
        if not isinstance(value, dict) or not re.fullmatch(r"[a-z0-9-]+", key):
            raise InvalidInput(where="prompts.toml", what=f"{name} is no prompt", mend="give it zh and en")
        if isinstance(value.get("zh"), str) and isinstance(value.get("en"), str):
            yield Prompt(name, value["zh"], value["en"], value.get("foreign") is True)
        else:
            yield from _entries(value, f"{name}/")


def write_prompts(site: Site) -> int:
    """Bring `sounds/` in line with the catalogue and the recorded files; return how many files were made."""
    known = _read_manifest(site)
    everything = sayings(site, read_catalogue())
    wanted = {_key(said): fingerprint(site, said) for said in everything}
    stale = [s for s in everything if known.get(_key(s)) != wanted[_key(s)] or not sound_file(site, s).is_file()]
    if stale:
        _make(site, stale)
        _manifest_path(site).write_text(json.dumps(wanted, indent=0), "utf-8")
    return len(stale)


def _key(said: Saying) -> str:
    return f"{said.language}/{said.name}"


def sound_file(site: Site, said: Saying) -> Path:
    """Where Asterisk looks for the prompt."""
    return site.sounds_dir.with_name(said.language) / f"{said.name}.wav"


def fingerprint(site: Site, said: Saying) -> str:
    """What the prompt's audio depends on: the recorded file's bytes, or the text and the way it is spoken."""
    recorded = recorded_file(site, said)
    source = recorded.read_bytes() if recorded else "\0".join((said.text, *said.voice)).encode()
    return hashlib.sha256(source + "\0".join((*FORMAT, LEVEL)).encode()).hexdigest()


def recorded_file(site: Site, said: Saying) -> Path | None:
    """The administrator's own recording, if there is one."""
    path = site.settings.home / "prompts" / said.language / f"{said.name}.wav"
    return path if path.is_file() else None


def _make(site: Site, stale: Sequence[Saying]) -> None:
    """Speak and convert; one ffmpeg for all, because its start takes longer than its work."""
    site.sounds_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=site.sounds_dir) as name:
        folder = Path(name)
        sources = [_source(site, said, folder / f"{n}-spoken.wav") for n, said in enumerate(stale)]
        _convert(site, sources, folder)
        for n, said in enumerate(stale):
            target = sound_file(site, said)
            target.parent.mkdir(parents=True, exist_ok=True)
            (folder / f"{n}.wav").replace(target)


def _source(site: Site, said: Saying, path: Path) -> Path:
    return recorded_file(site, said) or speak(site.espeak, said.text, path, said.voice)


def _convert(site: Site, sources: Sequence[Path], folder: Path) -> None:
    inputs = [word for source in sources for word in ("-i", str(source))]
    outputs = [
        word
        for n in range(len(sources))
        for word in ("-map", f"{n}:a:0", "-af", LEVEL, "-bitexact", *FORMAT, str(folder / f"{n}.wav"))
    ]
    _run((*site.ffmpeg, "-nostdin", "-v", "error", "-y", *inputs, *outputs), "prompts")


def speak(espeak: tuple[str, ...], text: str, path: Path, voice: tuple[str, ...] = VOICES["zh"]) -> Path:
    """Say `text`, in Mandarin unless told otherwise, into a WAV file (22 kHz, one channel). Raises `SetupFailed`."""
    _run((*espeak, *voice, "--stdin", "-w", str(path)), "speech", text)
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
