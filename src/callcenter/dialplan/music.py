"""Hold music, made here so that it is nobody else's: a quiet pentatonic tune on soft bells. Always the same bytes."""

import audioop
import math
import wave
from array import array
from pathlib import Path

from callcenter.dialplan.site import Site

RATE = 8000
BEAT_SECONDS = 0.6
LEVEL = 3200
"""Peak of one note out of 32767: music under which an announcement is easily heard."""

BEEP_HERTZ, BEEP_SECONDS, BEEP_LEVEL = 1000, 0.4, 8000
"""The tone before a message: unlike a dial tone and unlike music."""

FRESH = "fresh"
"""The sound that `dialplans/` play before a channel hears something else than its last talk."""

TUNE = "e4 g4 a4 - c5 a4 g4 - e4 d4 c4 - d4 e4 - - g4 a4 c5 - d5 c5 a4 - g4 e4 g4 - a4 - - - "
SECOND_VOICE = "c3 - - - a2 - - - c3 - - - g2 - - - e3 - - - d3 - - - c3 - - - a2 - - - "
SEMITONES = {"c": -9, "d": -7, "e": -5, "g": -2, "a": 0}
"""The five notes of the mode 宫, as semitones from a."""


def write_music(site: Site) -> Path:
    """Put `data/moh/melody.wav` in place unless it is there; music of one's own may lie beside or instead of it."""
    folder = site.data_dir / "moh"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "melody.wav"
    if not any(folder.glob("*.wav")):
        save(path, melody())
    for music in folder.glob("*.wav"):
        write_alaw(music, music.with_suffix(".alaw"))
    return path


def write_beep(site: Site) -> None:
    """Put the tone in place after which callers leave a message, for every language."""
    samples = array("h", bytes(2 * int(RATE * BEEP_SECONDS)))
    for i in range(len(samples)):
        edge = min(i, len(samples) - 1 - i) / RATE
        samples[i] = int(min(edge / 0.01, 1.0) * BEEP_LEVEL * math.sin(2 * math.pi * BEEP_HERTZ * i / RATE))
    for language in ("zh", "en"):
        folder = site.data_dir / "sounds" / language
        folder.mkdir(parents=True, exist_ok=True)
        save(folder / "beep.wav", samples)
        write_alaw(folder / "beep.wav", folder / "beep.alaw")
    write_fresh(site)


def write_fresh(site: Site) -> None:
    """20 ms of silence: playing A-law makes Asterisk forget the translation of a talk that is over (decision 14)."""
    samples = audioop.lin2alaw(bytes(2 * RATE // 50), 2)
    (site.data_dir / "sounds" / f"{FRESH}.alaw").write_bytes(samples)


def melody() -> "array[int]":
    """The tune, twice through both voices: 16-bit samples at 8 kHz that end as quietly as they begin."""
    beats = TUNE.split()
    samples = array("h", bytes(2 * int(RATE * BEAT_SECONDS * (len(beats) + 4))))
    for voice, gain in ((beats, 1.0), (SECOND_VOICE.split(), 0.7)):
        for beat, note in enumerate(voice):
            if note != "-":
                add_note(samples, beat * BEAT_SECONDS, pitch(note), gain)
    return samples


def pitch(note: str) -> float:
    """Frequency in Hz of a note like `e4`, played an octave lower than written."""
    return 440.0 * 2 ** (SEMITONES[note[0]] / 12 + int(note[1]) - 5)


def add_note(samples: "array[int]", at_seconds: float, frequency: float, gain: float) -> None:
    """Mix a bell: a fast, soft beginning and a long fall, with two quieter overtones."""
    start = int(at_seconds * RATE)
    for i in range(min(int(RATE * 2.4), len(samples) - start)):
        t = i / RATE
        envelope = min(t / 0.02, 1.0) * math.exp(-2.2 * t) * LEVEL * gain
        angle = 2 * math.pi * frequency * t
        samples[start + i] += int(envelope * (math.sin(angle) + 0.3 * math.sin(2 * angle) + 0.1 * math.sin(3 * angle)))


def save(path: Path, samples: "array[int]") -> None:
    """Write a WAV file in one step."""
    fresh = path.with_name(f".{path.name}.new")
    with wave.open(str(fresh), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    fresh.replace(path)


def write_alaw(source: Path, target: Path) -> None:
    """The same sound as raw A-law at 8 kHz, in one step. A WAV file of another kind is left as it is."""
    with wave.open(str(source), "rb") as file:
        if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, 2, RATE):
            return
        samples = file.readframes(file.getnframes())
    fresh = target.with_name(f".{target.name}.new")
    fresh.write_bytes(audioop.lin2alaw(samples, 2))
    fresh.replace(target)
