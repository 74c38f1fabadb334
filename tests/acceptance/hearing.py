"""What a caller heard: finds a prompt's own sound in a recording, by correlation. 16-bit samples at 8 kHz, seconds."""

import math
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.acceptance.evidence import RATE, Audio
from tests.acceptance.hotline import RunningHotline

ALIKE = 0.8
"""Correlation from which it is the same sound; G.711 leaves 0.98 and more, other speech stays below 0.4."""
PIECE = 0.25
"""A sound is known by its loud pieces of so many seconds: several prompts begin alike (抱歉，…)."""
SHARE = 0.6
"""Of the loud pieces, so many are heard one after the other; a busy machine may tear some."""
WORD = 4
"""Pieces of a word (星期三): no share of it will do, for others begin alike."""
SLIP = 0.3
"""Seconds by which a piece may be off its place behind the one before."""


def prompt(hotline: RunningHotline, name: str, language: str = "zh") -> Any:
    """A prompt's samples, as Asterisk has them."""
    return samples_of(hotline.settings.asterisk_dir / "data" / "sounds" / language / f"{name}.wav")


def samples_of(path: Path) -> Any:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (1, RATE, 2)
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")


def heard(hotline: RunningHotline, audio: Audio, *names: str, language: str = "zh") -> list[float]:
    """Where each of these prompts begins in what the caller heard, in seconds. Fails for one that he did not hear."""
    places = [find(audio.right, prompt(hotline, name, language)) for name in names]
    assert None not in places, dict(zip(names, places, strict=True))
    return [place for place in places if place is not None]


def heard_in_order(hotline: RunningHotline, audio: Audio, *names: str, language: str = "zh") -> list[float]:
    """As `heard`, each looked for after the one before: a sentence put together from prompts."""
    places: list[float] = []
    for name in names:
        place = find(audio.right, prompt(hotline, name, language), since=places[-1] + 0.05 if places else -SLIP)
        assert place is not None, (name, dict(zip(names, places, strict=False)))
        places.append(place)
    return places


def not_heard(hotline: RunningHotline, audio: Audio, *names: str, language: str = "zh") -> None:
    """Fails for a prompt that the caller heard."""
    places = {name: find(audio.right, prompt(hotline, name, language)) for name in names}
    assert set(places.values()) == {None}, places


def find(samples: Sequence[int], wanted: Any, since: float = -SLIP) -> float | None:
    """Where `wanted` is heard first from `since` on, in seconds; `None`: not at all.

    A recording may begin some frames after the prompt did: it then "begins" before 0.
    """
    sound, parts = np.asarray(samples, dtype=float), _pieces(np.asarray(wanted, dtype=float))
    begins = [_peaks(_likeness(sound, part)) - offset for part, offset in parts]
    fitting = [place for place in _chains(begins, _enough(len(parts))) if place >= since * RATE - 1]
    return max(0, min(fitting)) / RATE if fitting else None


def _enough(pieces: int) -> int:
    """How many must be heard; a word of a second must be heard whole."""
    return min(pieces, max(WORD, math.ceil(SHARE * pieces)))


def _peaks(likeness: Any) -> Any:
    """Where the same sound begins, once for each stretch of alike places."""
    alike = np.flatnonzero(likeness > ALIKE)
    stretches = np.split(alike, np.flatnonzero(np.diff(alike) > 1) + 1) if len(alike) else []
    return np.array([stretch[np.argmax(likeness[stretch])] for stretch in stretches], dtype=int)


def _chains(begins: list[Any], enough: int) -> list[int]:
    """Where a sound begins whose pieces follow one another, each at most `SLIP` off its place behind the one before."""
    chains: list[tuple[int, int, int]] = []  # pieces heard, where the last one would have the sound begin, the first
    for candidates in begins:
        longer = []
        for begin in map(int, candidates):
            heard, first = max(
                ((n + 1, f) for n, last, f in chains if abs(begin - last) <= SLIP * RATE), default=(1, begin)
            )
            longer.append((heard, begin, first))
        chains += longer
    return [first for heard, _, first in chains if heard >= enough]


def _pieces(samples: Any) -> list[tuple[Any, int]]:
    """The loud pieces of a sound and where they begin; all of a short one."""
    size = int(PIECE * RATE)
    if len(samples) < 4 * size:
        return [(samples, 0)]
    cut = [(samples[at : at + size], at) for at in range(0, len(samples) - size + 1, size)]
    loudest = max(float(part @ part) for part, _ in cut)
    return [(part, at) for part, at in cut if float(part @ part) > loudest / 10]


def _energies(samples: Any, size: int) -> Any:
    """Σ of squares over each stretch of that size."""
    sums = np.concatenate(([0.0], np.cumsum(samples * samples)))
    return sums[size:] - sums[:-size]


def _likeness(samples: Any, part: Any) -> Any:
    """Normalised correlation at each place, 1 for the same sound whatever its loudness."""
    if len(samples) < len(part):
        return np.zeros(0)
    room = 1 << (len(samples) + len(part)).bit_length()
    product = np.fft.irfft(np.fft.rfft(samples, room) * np.conj(np.fft.rfft(part, room)), room)
    power = np.sqrt(_energies(samples, len(part)) * float(part @ part))
    return product[: len(power)] / np.maximum(power, 1.0)
