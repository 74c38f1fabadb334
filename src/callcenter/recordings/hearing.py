"""What a stereo recording sounds like, heard once from its beginning to its end: levels, silence, clipping, keypad
tones, and the peaks that a player draws.

The recording is heard in blocks of 2 s whatever it arrives in: all arithmetic then has the same shapes in the same
order, so the result is the same to the last bit, and no product is large enough for OpenBLAS to start threads for it
(2**18 multiplications). Kept are the state of a side, its digits, and peaks: 144 kB an hour.

Levels are relative to 32768, for RMS too (dBov of ITU-T G.100.1; ffmpeg's volumedetect says the same): a sine of full
scale has peak 0 and RMS -3.0.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from callcenter.recordings.gaps import Gaps
from callcenter.recordings.tones import Digit, Floats, Keypad

Samples = npt.NDArray[np.int16]
Flags = npt.NDArray[np.bool_]

FULL_SCALE = 32768
BLOCK_SECONDS = 2
FRAMES_A_SECOND = 50
"""Frames of 20 ms: what a packet of telephone audio holds, so a lost one is a whole frame or two parts."""
SILENCE_DBFS = -50.0
"""A frame of less RMS is silent. Speech is at -20 to -30 dBov (nominal -26: ITU-T P.56, G.100.1), the quiet noise of a
line below -60; G.711 A-law has no zero, its silence is +8 or -8 (-72)."""
NOTHING = 32
"""A frame of no larger sample brought nothing (-60 dBFS): no packets, or the silence of a law."""
CLIPPED = 32124
"""The largest value that G.711 mu-law decodes to; A-law's is 32256, a clipped sample before any codec 32767.
Both laws round what is within 0.15 dB of full scale to it, so a clipped top stays flat and is found at this height."""
CLIPPED_RUN = 3
"""Samples in a row at full scale. One or two are a loud peak; three are a flat top, but for tones below 230 Hz."""
PEAKS_A_SECOND = 10
"""A player draws an hour on some 1000 pixels, a minute on as many: 600."""
PEAK_BYTES = 4
"""Of a tenth of a second: left lowest, left highest, right lowest, right highest sample, int8, full scale 128.
40 bytes a second, 144 000 an hour."""


@dataclass(frozen=True, slots=True)
class SideHeard:
    """One side. `rms_dbfs` is over frames that aren't silent, None without any; `peak_dbfs` None when all is zero.

    `zero_seconds` are of frames that are zero throughout (nothing arrived, or mu-law's silence), `silent_seconds` have
    these and quieter ones than `SILENCE_DBFS`; `longest_silence` is where it begins and how long it is, (0, 0) without
    any; `clipped_seconds` are of frames in which the third or a later sample of a run at full scale falls;
    `last_heard_at` is where the last frame with more than `NOTHING` ends, None without any.
    """

    peak_dbfs: float | None
    rms_dbfs: float | None
    zero_seconds: float
    silent_seconds: float
    longest_silence: tuple[float, float]
    clipped_seconds: float
    first_sound_at: float | None
    digits: tuple[Digit, ...]
    last_heard_at: float | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """`left`: what the caller said; `right`: what the caller heard; `peaks`: see `PEAK_BYTES` and `waveform`."""

    seconds: float
    left: SideHeard
    right: SideHeard
    peaks: bytes
    gaps: tuple[tuple[float, float], ...] = ()
    """Begin and length of what is empty on both sides (`gaps`)"""


class Listener:
    """Hears one recording. Not for two threads at a time."""

    def __init__(self, rate: int = 8000) -> None:
        """`rate` in Hz, a multiple of 200. Raises `ValueError`."""
        if rate <= 0 or rate % 200:
            raise ValueError(f"{rate} Hz: no multiple of 200")
        self._rate, self._samples = rate, 0
        self._block = np.zeros((BLOCK_SECONDS * rate, 2), np.int16)
        self._sides = (_Side(rate), _Side(rate))
        self._peaks: list[bytes] = []
        self._gaps = Gaps(1 / FRAMES_A_SECOND)

    def hear(self, block: Samples) -> None:
        """Samples of shape (n, 2), any n; the result is the same however they are split."""
        done = 0
        while done < len(block):
            held = self._samples % len(self._block)
            piece = block[done : done + len(self._block) - held]
            self._block[held : held + len(piece)] = piece
            done += len(piece)
            self._samples += len(piece)
            if held + len(piece) == len(self._block):
                self._listen(len(self._block))

    def finish(self) -> Heard:
        """Hears what is left over, followed by silence. Call it once."""
        held = self._samples % len(self._block)
        if held:
            self._block[held:] = 0
            self._listen(held)
        left, right = (side.finish(self._samples) for side in self._sides)
        return Heard(round(self._samples / self._rate, 3), left, right, b"".join(self._peaks), self._gaps.finish())

    def _listen(self, samples: int) -> None:
        """The block, of which so many samples are the recording's."""
        sides = np.ascontiguousarray(self._block.T)
        frames = sides.reshape(2, -1, self._rate // FRAMES_A_SECOND)
        lowest, highest = frames.min(axis=2), frames.max(axis=2)
        for side, audio, low, high in zip(self._sides, sides, lowest, highest, strict=True):
            side.hear(audio, low, high, samples)
        empty = ((lowest == 0) & (highest == 0)).all(axis=0)
        self._gaps.see(empty[: -(-samples * FRAMES_A_SECOND // self._rate)])
        self._peaks.append(_peaks(lowest, highest)[: -(-samples * PEAKS_A_SECOND // self._rate)].tobytes())


class _Side:
    """What is known of a side so far."""

    def __init__(self, rate: int) -> None:
        self._rate, self._frame = rate, rate // FRAMES_A_SECOND
        self._keypad = Keypad(rate)
        self._quietest = np.float32((FULL_SCALE * 10 ** (SILENCE_DBFS / 20)) ** 2)
        self._full = np.zeros(CLIPPED_RUN - 1, np.bool_)
        self._frames = self._peak = self._zero = self._silent = self._clipped = 0
        self._loud_energy, self._loud_samples = 0.0, 0
        self._first_sound: int | None = None
        self._last_heard: int | None = None
        self._silence, self._longest = _Stretch(0, 0), _Stretch(0, 0)

    def hear(self, audio: Samples, lowest: Samples, highest: Samples, samples: int) -> None:
        """A block of which so many samples are the recording's, and the least and greatest value of each frame."""
        sounds = audio.astype(np.float32)
        lengths = np.diff(np.arange(0, len(audio) + 1, self._frame).clip(max=samples))[: -(-samples // self._frame)]
        self._peak = max(self._peak, -int(lowest.min()), int(highest.max()))
        self._zero += int(lengths[((lowest == 0) & (highest == 0))[: len(lengths)]].sum())
        self._mark(((highest > NOTHING) | (lowest < -NOTHING))[: len(lengths)])
        self._measure(sounds, lengths)
        self._clip(audio, lowest, highest)
        self._keypad.hear(sounds)

    def finish(self, samples: int) -> SideHeard:
        """`samples`: of the whole recording."""
        self._keypad.hear(np.zeros(BLOCK_SECONDS * self._rate, np.float32))
        start, end = (min(frame * self._frame, samples) / self._rate for frame in self._longest)
        return SideHeard(
            peak_dbfs=_decibels(self._peak),
            rms_dbfs=_decibels(math.sqrt(self._loud_energy / max(self._loud_samples, 1))),
            zero_seconds=round(self._zero / self._rate, 3),
            silent_seconds=round(self._silent / self._rate, 3),
            longest_silence=(round(start, 3), round(end - start, 3)),
            clipped_seconds=round(self._clipped / FRAMES_A_SECOND, 3),
            first_sound_at=None if self._first_sound is None else self._first_sound / FRAMES_A_SECOND,
            digits=self._keypad.finish(),
            last_heard_at=self._ends_at(self._last_heard, samples),
        )

    def _ends_at(self, frames: int | None, samples: int) -> float | None:
        return None if frames is None else round(min(frames * self._frame, samples) / self._rate, 3)

    def _mark(self, came: Flags) -> None:
        """Up to where anything came, in frames."""
        found = np.flatnonzero(came)
        if len(found):
            self._last_heard = self._frames + int(found[-1]) + 1

    def _measure(self, sounds: Floats, lengths: npt.NDArray[np.int64]) -> None:
        """Loudness and silence of frames with so many samples each."""
        frames = sounds.reshape(-1, self._frame)[: len(lengths)]
        energy = np.einsum("ij,ij->i", frames, frames)
        silent = energy < self._quietest * lengths
        self._silent += int(lengths[silent].sum())
        self._loud_energy += float(energy[~silent].sum(dtype=np.float64))
        self._loud_samples += int(lengths[~silent].sum())
        if self._first_sound is None and not silent.all():
            self._first_sound = self._frames + int(silent.argmin())
        self._follow(silent)
        self._frames += len(lengths)

    def _follow(self, silent: Flags) -> None:
        """Carry the silence of the last frames on, and keep the longest; of two the earlier."""
        edges = np.flatnonzero(np.diff(silent, prepend=False, append=False)) + self._frames
        for start, end in edges.reshape(-1, 2).tolist():
            joined = start == self._frames and self._silence.end == start
            self._silence = _Stretch(self._silence.start if joined else start, end)
            if self._silence.frames > self._longest.frames:
                self._longest = self._silence

    def _clip(self, audio: Samples, lowest: Samples, highest: Samples) -> None:
        """Count frames with a long enough run at full scale; the last samples are kept for the next block."""
        if highest.max() < CLIPPED and lowest.min() > -CLIPPED:
            self._full = np.zeros(CLIPPED_RUN - 1, np.bool_)
            return
        full = np.concatenate((self._full, (audio >= CLIPPED) | (audio <= -CLIPPED)))
        runs = np.logical_and.reduce([full[i : i + len(audio)] for i in range(CLIPPED_RUN)])
        self._clipped += int(runs.reshape(-1, self._frame).any(axis=1).sum())
        self._full = full[len(audio) :]


class _Stretch(NamedTuple):
    """Frames from `start` to before `end`."""

    start: int
    end: int

    @property
    def frames(self) -> int:
        return self.end - self.start


def waveform(peaks: bytes, points: int = 2000) -> list[list[float]]:
    """Left and right as lists of at most `points` numbers within -1 and 1: `peaks` of wavesurfer.js 7.

    Each number is the sample furthest from 0 in its time, with its sign, as wavesurfer's own `exportPeaks` says it.
    """
    pairs = np.frombuffer(peaks, np.int8).reshape(-1, 2, 2).astype(np.int16)
    furthest = np.where(-pairs[:, :, 0] > pairs[:, :, 1], pairs[:, :, 0], pairs[:, :, 1])
    each = max(-(-len(furthest) // points), 1)
    padded = np.concatenate((furthest, np.zeros((-len(furthest) % each, 2), np.int16))).reshape(-1, each, 2)
    at = np.abs(padded).argmax(axis=1)[:, None]
    chosen = np.take_along_axis(padded, at, axis=1)[:, 0]
    return [[round(value / 128, 3) for value in side.tolist()] for side in chosen.T]


def _peaks(lowest: Samples, highest: Samples) -> npt.NDArray[np.int8]:
    """`PEAK_BYTES` of each tenth of a second, rounded, from least and greatest value of each frame of both sides."""
    shape = (2, -1, FRAMES_A_SECOND // PEAKS_A_SECOND)
    both = np.stack((lowest.reshape(shape).min(axis=2), highest.reshape(shape).max(axis=2)))
    rounded = (both.astype(np.int32) + 128) >> 8
    return rounded.clip(-128, 127).astype(np.int8).transpose(2, 1, 0).reshape(-1, PEAK_BYTES)


def _decibels(value: float) -> float | None:
    """Below `FULL_SCALE`; None for nothing."""
    return round(20 * math.log10(value / FULL_SCALE), 2) if value else None
