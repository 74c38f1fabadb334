"""Prompts as sounds: each is made once and kept under its fingerprint; what Asterisk plays is a link to one of them.

So a deployment changes prompts by links, in one step each, and going back puts the links of before in their places.
"""

import hashlib
import json
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from callcenter.dialplan.music import write_alaw
from callcenter.dialplan.placing import hard_link, replace_file
from callcenter.dialplan.prompts import VOICES, Saying, sayings
from callcenter.dialplan.site import Site
from callcenter.errors import SetupFailed

FORMAT = ("-ac", "1", "-ar", "8000", "-c:a", "pcm_s16le")
"""The master: 8 kHz, one channel, 16 bit."""
ENDINGS = ("wav", "alaw")
"""Files of one sound. Asterisk plays the A-law one to an A-law trunk untranslated (docs/decisions/0014)."""
LEVEL = "highpass=f=200,lowpass=f=3600,volume=-3dB,alimiter=limit=0.7"
"""The telephone's band, and no clipping."""


@dataclass(frozen=True, slots=True)
class Sound:
    """What one prompt sounds like."""

    made: str
    """Fingerprint of all that its audio depends on; its file in the store is named so"""
    says: str
    """The text; empty for an administrator's own recording, which nobody has written down"""


Sounds = Mapping[str, Sound]
"""`zh/goodbye` → its sound"""


def write_prompts(site: Site) -> int:
    """Bring `sounds/` in line with the catalogue and the recorded files; return how many changed."""
    return len(put_sounds(site, make_sounds(site)))


def make_sounds(site: Site) -> dict[str, Sound]:
    """Make and keep what the catalogue says and is not kept yet. What Asterisk plays stays. Raises `SetupFailed`."""
    everything = sayings(site)
    wanted = _sounds_of(site, everything)
    missing = {wanted[s.key].made: s for s in everything if not _is_kept(site, wanted[s.key].made)}
    if missing:
        _make(site, missing)
    return wanted


def wanted_sounds(site: Site) -> dict[str, Sound]:
    """What `make_sounds` would give; nothing is made."""
    return _sounds_of(site, sayings(site))


def _sounds_of(site: Site, everything: Iterable[Saying]) -> dict[str, Sound]:
    return {said.key: sound_of(site, said) for said in everything}


def sound_of(site: Site, said: Saying) -> Sound:
    """What the prompt's audio depends on: the recorded file's bytes, or the text and the way it is spoken."""
    recorded = recorded_file(site, said)
    source = recorded.read_bytes() if recorded else "\0".join((said.text, *said.voice)).encode()
    made = hashlib.sha256(source + "\0".join((*FORMAT, LEVEL)).encode()).hexdigest()
    return Sound(made, "" if recorded else said.text)


def recorded_file(site: Site, said: Saying) -> Path | None:
    """The administrator's own recording, if there is one."""
    path = site.settings.home / "prompts" / said.language / f"{said.name}.wav"
    return path if path.is_file() else None


def sounds_in_force(site: Site) -> dict[str, Sound]:
    """What Asterisk plays now; nothing before the first time."""
    try:
        known = json.loads(_manifest_path(site).read_text("utf-8"))
        return {key: Sound(**sound) for key, sound in known.items()}
    except (OSError, ValueError, TypeError):
        return {}


def put_sounds(site: Site, wanted: Sounds) -> list[str]:
    """Let Asterisk play these; those that were ours and are not wanted go. Returns which changed.

    A sound that is not kept any more leaves what is there in its place.
    """
    changed = [key for key, sound in wanted.items() if _linked(site, key, sound)]
    for key in {*sounds_in_force(site)} - {*wanted}:
        for ending in ENDINGS:
            sound_file(site, key, ending).unlink(missing_ok=True)
        changed.append(key)
    if changed:
        listed = {key: asdict(sound) for key, sound in wanted.items()}
        replace_file(_manifest_path(site), json.dumps(listed, ensure_ascii=False, indent=0))
    return changed


def forget_sounds(site: Site, still_named: Iterable[Sounds]) -> None:
    """Remove kept sounds that nobody names any more: neither Asterisk now nor a deployment that one may go back to."""
    named = {sound.made for sounds in (*still_named, sounds_in_force(site)) for sound in sounds.values()}
    for path in _store(site).glob("*.*"):
        if path.is_file() and path.stem not in named:
            path.unlink()


def sound_changes(old: Sounds, new: Sounds) -> list[str]:
    """One line a prompt that would sound otherwise."""
    keys = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
    return [_change(key, old.get(key), new.get(key)) for key in keys]


def _change(key: str, was: Sound | None, will: Sound | None) -> str:
    if was is None or will is None:
        return f"{'-' if will is None else '+'} prompt {key}: {_words(was or will)}"
    return f"~ prompt {key}: {_words(was)} → {_words(will)}"


def _words(sound: Sound | None) -> str:
    return (sound.says if sound else "") or "(own recording)"


def sound_file(site: Site, key: str, ending: str = "wav") -> Path:
    """Where Asterisk looks for the prompt."""
    return site.data_dir / "sounds" / f"{key}.{ending}"


def _store(site: Site) -> Path:
    return site.data_dir / "prompts"


def _kept(site: Site, made: str, ending: str = "wav") -> Path:
    return _store(site) / f"{made}.{ending}"


def _is_kept(site: Site, made: str) -> bool:
    return all(_kept(site, made, ending).is_file() for ending in ENDINGS)


def _linked(site: Site, key: str, sound: Sound) -> bool:
    """Let the prompt's files be the kept ones, each in one step; whether they were not."""
    if not _is_kept(site, sound.made):
        return False
    pairs = [(_kept(site, sound.made, ending), sound_file(site, key, ending)) for ending in ENDINGS]
    other = [(kept, target) for kept, target in pairs if not (target.is_file() and target.samefile(kept))]
    for kept, target in other:
        hard_link(target, kept)
    return bool(other)


def _make(site: Site, missing: Mapping[str, Saying]) -> None:
    """Speak and convert; one ffmpeg for all, because its start takes longer than its work."""
    _store(site).mkdir(parents=True, exist_ok=True)
    (site.data_dir / "sounds").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_store(site)) as name:
        folder = Path(name)
        sources = [_source(site, said, folder / f"{n}-spoken.wav") for n, said in enumerate(missing.values())]
        _convert(site, sources, folder)
        for n, made in enumerate(missing):
            write_alaw(folder / f"{n}.wav", folder / f"{n}.alaw")
            for ending in ENDINGS:
                (folder / f"{n}.{ending}").replace(_kept(site, made, ending))


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
