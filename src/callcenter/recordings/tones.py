"""Keypad tones (DTMF) in the audio itself, of one side of a call: each is the sum of a row's and a column's tone.

Digits usually arrive beside the audio (RFC 4733) and are then not in it; those found here were sent in the audio, may
be what a caller typed in confidence, and would be kept with the recording. Sources: ITU-T Q.23 (frequencies), ITU-T
Q.24 (what a receiver accepts; its Annex A by administration).

Two stages. A DFT at the eight tones passes over all audio for 16 multiplications a sample and leaves the few windows in
which one row and one column hold much of the energy. In these both tones are measured together (least squares, so
neither leaks into the other), their frequencies by how far the phases come within a step; then it is seen how much of
the energy two such tones explain. What they leave unexplained holds every harmonic of a voice or an instrument, so
there is no test of second harmonics beside it.
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Complexes = npt.NDArray[np.complex64]
Integers = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]

ROWS = (697.0, 770.0, 852.0, 941.0)
COLUMNS = (1209.0, 1336.0, 1477.0, 1633.0)
"""Hz: ITU-T Q.23."""
KEYS = "123A456B789C*0#D"
"""Row by row."""

STEPS_A_SECOND = 200
"""A window begins each 5 ms."""
WINDOW_STEPS = 4
"""Windows of 20 ms: long enough to part the tones of a row or column, short enough that a tone of 40 ms fills some."""
TONE_DBFS = -45.0
"""Both tones together, dB below a square wave of full scale. Q.24 asks for -24 to -29 dBm, 17 dB above this: for a
warning, a digit attenuated on its way is a digit too."""
AROUND = 2
"""Windows before and after one that its tones' frequencies are measured with."""
LOOSE_SHARE = 0.35
"""First stage: the least part of a window's energy at one row and one column. A column 1.5 % off keeps 0.43 of its."""
SHARE = 0.77
"""Second stage: the least part of a window's energy that two tones explain. A window of which a tone fills 77 % has
this much, so it also tells where a tone begins and ends; noise 12 dB below the tones leaves 0.94."""
PURE_SHARE = 0.92
"""What they explain of a digit's purest window, if only one. Two held notes stay below by their harmonics; noise 15 dB
below the tones leaves 0.97."""
TWIST = 10 ** (9.5 / 10)
"""Most difference of level of row and column, as a ratio of powers. Q.24: 4 dB and 8 dB (AT&T), 5 dB (NTT)."""
DEVIATION = 0.02
"""Most deviation of a tone's frequency. Q.24: 1.5 % and 2 Hz more must work, 3.5 % must not. At 2.5 % four hours of
prompts played 7 % slow held five keys, at 2 % none."""
SHIFT, SHIFTS = 0.01, 2
"""Levels are measured at a tone's own frequency or 1 % or 2 % to either side, whichever is nearest to what is heard."""
LEAST_WINDOWS = 5
"""A tone of 40 ms, which Q.24 says must work, has at least 5 windows with `SHARE`, one of 30 ms at most 4."""
BRIDGED_WINDOWS = 5
"""Windows without a tone between two parts of one: an interruption of 10 ms spoils up to 5, a pause of 40 ms 10."""


@dataclass(frozen=True, slots=True)
class Digit:
    """A key's tone. `at` and `seconds` are right to 10 ms."""

    at: float
    seconds: float
    digit: str


class Keypad:
    """Finds the digits of one side of a call, fed blocks of one size."""

    def __init__(self, rate: int) -> None:
        self._step = rate // STEPS_A_SECOND
        self._tail = np.zeros((WINDOW_STEPS + 2 * AROUND) * self._step, np.float32)
        self._begins = -WINDOW_STEPS - AROUND
        self._found: list[Digit] = []
        self._open: _Run | None = None

    def hear(self, audio: Floats) -> None:
        """Whole steps, sample values as in the file. A window is judged once those around it are there."""
        heard = np.concatenate((self._tail, audio))
        for run in _runs(*_keys(heard, self._step), self._begins):
            self._take(run)
        self._tail = heard[-len(self._tail) :]
        self._begins += len(audio) // self._step

    def finish(self) -> tuple[Digit, ...]:
        """All digits in order. The last windows must have been heard out: with silence after the audio's end."""
        self._close()
        return tuple(self._found)

    def _take(self, run: "_Run") -> None:
        before = self._open
        if before and before.key == run.key and run.first - before.last - 1 <= BRIDGED_WINDOWS:
            since = before.since if run.first == before.last + 1 else run.first
            longest = max(before.longest, run.last - since + 1)
            purest = max(before.purest, run.purest)
            self._open = before._replace(last=run.last, since=since, longest=longest, purest=purest)
        else:
            self._close()
            self._open = run

    def _close(self) -> None:
        run, self._open = self._open, None
        if run and run.longest >= LEAST_WINDOWS and run.purest >= PURE_SHARE:
            overhang = (1 - SHARE) * WINDOW_STEPS
            steps = run.last - run.first + 1 + WINDOW_STEPS - 2 * overhang
            at = max(run.first - 0.5 + overhang, 0) / STEPS_A_SECOND
            self._found.append(Digit(round(at, 3), round(steps / STEPS_A_SECOND, 3), KEYS[run.key]))


class _Run(NamedTuple):
    """Windows with one key's tones, by their number in the recording: `longest` gapless, the last since `since`; the
    tones' share of the energy in the purest."""

    key: int
    first: int
    last: int
    since: int
    longest: int
    purest: float


def _runs(keys: npt.NDArray[np.int8], shares: Floats, begins: int) -> list[_Run]:
    """Each stretch of one key; the first window here is number `begins`."""
    if not (keys >= 0).any():
        return []
    edges = np.flatnonzero(np.diff(keys)) + 1
    firsts, ends = np.concatenate(([0], edges)).tolist(), np.concatenate((edges, [len(keys)])).tolist()
    return [
        _Run(int(keys[a]), begins + a, begins + b - 1, begins + a, b - a, float(shares[a:b].max()))
        for a, b in zip(firsts, ends, strict=True)
        if keys[a] >= 0
    ]


def _keys(heard: Floats, step: int) -> tuple[npt.NDArray[np.int8], Floats]:
    """The key of each window with all those around it, and a step after them, or -1; its tones' share of the energy."""
    count = len(heard) // step - WINDOW_STEPS
    keys, shares = np.full(count, -1, np.int8), np.zeros(count, np.float32)
    energy = _energies(heard, step)[:count]
    loud = energy >= WINDOW_STEPS * step * (32768 * 10 ** (TONE_DBFS / 20)) ** 2
    if loud.any():
        windows, guessed = _guess(heard, step, energy, loud)
        if len(windows):
            shares[windows] = _shares(heard, step, windows, guessed, energy[windows])
            keys[windows] = np.where(shares[windows] >= SHARE, guessed, -1)
    return keys[AROUND:-AROUND], shares[AROUND:-AROUND]


def _energies(heard: Floats, step: int) -> Floats:
    """Sum of squares of each window."""
    steps = heard.reshape(-1, step)
    return _windows(np.einsum("ij,ij->i", steps, steps))


def _windows(steps: Floats) -> Floats:
    """Sums of `WINDOW_STEPS` steps each."""
    count = len(steps) - WINDOW_STEPS + 1
    return np.asarray(sum(steps[i : i + count] for i in range(WINDOW_STEPS)), np.float32)


def _guess(heard: Floats, step: int, energy: Floats, loud: Flags) -> tuple[Integers, Integers]:
    """First stage: windows that may hold a key's tones, and that key."""
    vectors, turns = _transform(step)
    at_steps = (heard.reshape(-1, step) @ vectors).view(np.complex64)
    at = at_steps[: len(energy)].copy()
    for i in range(1, WINDOW_STEPS):
        at += at_steps[i : i + len(energy)] * turns[i]
    power = (at.real**2 + at.imag**2).reshape(-1, 2, 4)
    rows, columns = power.max(axis=2).T
    share = (rows + columns) * np.float32(2 / (WINDOW_STEPS * step))
    kept = loud & (share >= LOOSE_SHARE * energy) & (rows <= 4 * TWIST * columns) & (columns <= 4 * TWIST * rows)
    windows = np.flatnonzero(kept)
    best = power[windows].argmax(axis=2)
    return windows, best[:, 0] * 4 + best[:, 1]


def _shares(heard: Floats, step: int, windows: Integers, keys: Integers, energy: Floats) -> Floats:
    """Second stage: what part of each window's energy its two tones explain; 0 if they don't have frequencies and
    levels of a key."""
    levels, shapes, turns = _fits(step)
    length = WINDOW_STEPS * step
    views = np.lib.stride_tricks.sliding_window_view(heard, length + step)[::step][windows][:, None, :]
    here = (views[:, :, :length] @ levels[keys, SHIFTS, SHIFTS])[:, 0].view(np.complex64)
    then = (views[:, :, step:] @ levels[keys, SHIFTS, SHIFTS])[:, 0].view(np.complex64)
    off = _steadied(then * here.conj() * turns[keys], windows) / _advances()[keys]
    shift = np.rint(off / SHIFT).clip(-SHIFTS, SHIFTS).astype(np.intp)
    fit = (keys, shift[:, 0] + SHIFTS, shift[:, 1] + SHIFTS)
    here = (views[:, :, :length] @ levels[fit])[:, 0] * _undrooped(off - shift * np.float32(SHIFT), keys)
    rows, columns = (here[:, :2] ** 2).sum(axis=1), (here[:, 2:] ** 2).sum(axis=1)
    near = (np.abs(off) <= DEVIATION).all(axis=1)
    even = (rows <= TWIST * columns) & (columns <= TWIST * rows)
    explained = np.square(here[:, None, :] @ shapes[fit]).sum(axis=(1, 2))
    return np.asarray(np.where(near & even, explained / energy, 0), np.float32)


def _steadied(turned: Complexes, windows: Integers) -> Floats:
    """By what angle each window's two tones come too far within a step, together with the windows around it: at an edge
    of a tone, where a window is filled in part, its middle moves less than a step."""
    rows = np.zeros((windows[-1] + 1 + 2 * AROUND, 2), np.complex64)
    rows[windows + AROUND] = turned
    return np.asarray(np.angle(sum(rows[windows + i] for i in range(2 * AROUND + 1))), np.float32)


def _undrooped(off: Floats, keys: Integers) -> Floats:
    """Makes good for levels measured so far beside their frequency: x/sin(x), x being how far the phase goes astray
    from a window's middle to its end. For row's cosine and sine, column's cosine and sine."""
    astray = np.abs(off) * _advances()[keys] * (WINDOW_STEPS / 2) + np.float32(1e-6)
    return np.asarray(np.repeat(astray / np.sin(astray), 2, axis=1), np.float32)


@cache
def _transform(step: int) -> tuple[Floats, Complexes]:
    """Cosines and sines of the 8 tones (samples of a step x 16); each tone's turn from a window's begin to a step."""
    omega = 2 * np.pi * np.array(ROWS + COLUMNS) / (step * STEPS_A_SECOND)
    vectors = np.exp(-1j * np.outer(np.arange(step), omega)).astype(np.complex64)
    turns = np.exp(-1j * np.outer(np.arange(WINDOW_STEPS) * step, omega))
    return vectors.view(np.float32), turns.astype(np.complex64)


@cache
def _fits(step: int) -> tuple[Floats, Floats, Complexes]:
    """For each key, shift of the row and of the column (16 x 5 x 5): what gives row's and column's cosine and sine
    (samples x 4) of a window, counted from its middle; what gives the energy of these, as a sum of squares (4 x 4).
    For each key each tone's turn back by a step."""
    pairs = np.array([(row, column) for row in ROWS for column in COLUMNS])
    shifts = 1 + SHIFT * np.arange(-SHIFTS, SHIFTS + 1)
    fitted = [_waves(step, pair * (row, column)) for pair in pairs for row in shifts for column in shifts]
    levels = np.stack([np.linalg.pinv(waves)[:4].T for waves in fitted])
    shapes = np.stack([np.linalg.cholesky(waves[:, :4].T @ waves[:, :4]) for waves in fitted])
    each, turns = (len(pairs), len(shifts), len(shifts)), np.exp(-2j * np.pi * pairs / STEPS_A_SECOND)
    return (
        levels.reshape(*each, -1, 4).astype(np.float32),
        shapes.reshape(*each, 4, 4).astype(np.float32),
        turns.astype(np.complex64),
    )


def _waves(step: int, pair: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Samples x 8: cosine and negative sine of a row and a column, then the same growing with time: a tone beside its
    frequency is that to the first order, and is kept from leaking into the other tone."""
    length = WINDOW_STEPS * step
    time = (np.arange(length) - (length - 1) / 2) / (step * STEPS_A_SECOND)
    angles = [2 * np.pi * hertz * time for hertz in pair.tolist()]
    waves = np.stack([part for angle in angles for part in (np.cos(angle), -np.sin(angle))], axis=1)
    return np.hstack((waves, waves * time[:, None] * STEPS_A_SECOND))


@cache
def _advances() -> Floats:
    """For each key how far row's and column's phase come within a step, in radians."""
    pairs = [(row, column) for row in ROWS for column in COLUMNS]
    return (2 * np.pi * np.array(pairs) / STEPS_A_SECOND).astype(np.float32)
