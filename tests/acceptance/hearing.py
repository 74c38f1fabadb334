"""What a caller heard: finds a prompt's own sound in a recording, by correlation. 16-bit samples at 8 kHz, seconds."""

import math
import wave
from array import array
from itertools import accumulate
from pathlib import Path

from tests.acceptance.evidence import RATE, Audio
from tests.acceptance.hotline import RunningHotline

HOP = 160
"""20 ms: the grain of the coarse search."""
ALIKE = 0.8
"""Correlation from which it is the same sound; G.711 leaves 0.98 and more, other speech stays below 0.4."""


def prompt(hotline: RunningHotline, name: str, language: str = "zh") -> list[int]:
    """A prompt's samples, as Asterisk has them."""
    return samples_of(hotline.settings.asterisk_dir / "data" / "sounds" / language / f"{name}.wav")


def samples_of(path: Path) -> list[int]:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (1, RATE, 2)
        return array("h", file.readframes(file.getnframes())).tolist()


def heard(hotline: RunningHotline, audio: Audio, *names: str, language: str = "zh") -> list[float]:
    """Where each of these prompts begins in what the caller heard, in seconds. Fails for one that he did not hear."""
    places = [find(audio.right, prompt(hotline, name, language)) for name in names]
    assert None not in places, dict(zip(names, places, strict=True))
    return [place for place in places if place is not None]


def not_heard(hotline: RunningHotline, audio: Audio, *names: str, language: str = "zh") -> None:
    """Fails for a prompt that the caller heard."""
    places = {name: find(audio.right, prompt(hotline, name, language)) for name in names}
    assert set(places.values()) == {None}, places


def find(samples: list[int], wanted: list[int], since: float = 0.0) -> float | None:
    """Where `wanted` is heard first from `since` on, in seconds; `None`: not at all."""
    middle, offset = _loudest(wanted)
    shape = _envelope(middle)
    candidates = _candidates(_envelope(samples), shape)
    for hop in sorted(candidates):
        for at in range(max(0, (hop - 1) * HOP), (hop + 2) * HOP):
            if _alike(samples[at : at + len(middle)], middle) > ALIKE:
                begin = (at - offset) / RATE
                if begin >= since:
                    return begin
                break
    return None


def _loudest(samples: list[int], seconds: float = 0.6) -> tuple[list[int], int]:
    """The loudest part of a sound and where it begins: enough to know it by."""
    size = int(seconds * RATE)
    if len(samples) <= size:
        return samples, 0
    sums = [0, *accumulate(abs(s) for s in samples)]
    start = max(range(0, len(samples) - size, HOP), key=lambda at: sums[at + size] - sums[at])
    return samples[start : start + size], start


def _envelope(samples: list[int]) -> list[float]:
    return [float(sum(abs(s) for s in samples[at : at + HOP])) for at in range(0, len(samples) - HOP + 1, HOP)]


def _candidates(envelope: list[float], shape: list[float], count: int = 40) -> list[int]:
    """The hops at which the loudness goes most like the wanted one's."""
    size = len(shape)
    scores = [(_alike(envelope[at : at + size], shape), at) for at in range(len(envelope) - size + 1)]
    return [at for score, at in sorted(scores, reverse=True)[:count] if score > 0.6]


def _alike(one: list[float] | list[int], two: list[float] | list[int]) -> float:
    """Normalised correlation, 1 for the same but for loudness."""
    if len(one) != len(two):
        return 0.0
    power = math.sqrt(sum(a * a for a in one) * sum(b * b for b in two))
    return sum(a * b for a, b in zip(one, two, strict=True)) / power if power else 0.0
