"""How whole recordings are: their lengths against their calls', their frames against those that were sent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.rig.phones import Told
from benchmarks.rig.speech import RATE, numbers_in, samples_of

SHORT = 0.01
"""A file that lacks more of its call than this share is cut"""
COUNTED_FROM = 10.0
"""Seconds of a call from which on it counts: of a short one 1 % is within the answer's own delay"""


@dataclass(frozen=True, slots=True)
class Whole:
    """One call. Shares from 0 to 1."""

    seconds: float
    short: float
    """Of the call's length that its shorter leg lacks; below 0 for one that is longer"""
    lost: float
    """Of the frames between a leg's first and last that are not in it; of the worse leg"""


def judged(told: Told, legs: tuple[Path, Path]) -> Whole:
    sounds = [samples_of(leg) if leg.exists() else np.empty(0, "<i2") for leg in legs]
    shortest = min(len(sound) for sound in sounds) / RATE
    return Whole(told.seconds, 1 - shortest / told.seconds, max(_lost(numbers_in(sound)) for sound in sounds))


def _lost(numbers: npt.NDArray[np.int64]) -> float:
    if not len(numbers):
        return 1.0
    seen = np.unique(numbers)
    return 1 - len(seen) / float(seen[-1] - seen[0] + 1)


def all_judged(calls: Iterable[Told], folder: Path, names: Mapping[str, str]) -> list[Whole]:
    """`names`: a call's number or key → the name of its recording in the folder."""
    found = []
    for told in calls:
        if told.seconds < COUNTED_FROM:
            continue
        name = names.get(told.number) or names.get(told.key) or "none"
        found.append(judged(told, (folder / f"{name}-caller.wav", folder / f"{name}-agent.wav")))
    return found


def cut_share(found: list[Whole]) -> float:
    """Of the files, those that are cut; 0 without any."""
    return sum(each.short > SHORT for each in found) / max(len(found), 1)


def said(found: list[Whole]) -> str:
    """One line on all of them."""
    if not found:
        return "no calls"
    short, lost = (np.array([getattr(each, column) for each in found]) for column in ("short", "lost"))
    cut, holed = int((short > SHORT).sum()), int((lost > SHORT).sum())
    return (
        f"{len(found)} calls: {cut} files > 1 % short ({cut / len(found):.2%}); shortness {_spread(short)};"
        f" more than 1 % of the frames missing inside in {holed} ({holed / len(found):.2%}), {_spread(lost)}"
    )


def _spread(shares: npt.NDArray[np.float64]) -> str:
    return f"median {np.median(shares):.3%}, p99 {np.quantile(shares, 0.99):.3%}, worst {shares.max():.3%}"
