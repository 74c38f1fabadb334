"""Speech whose every 20 ms say which they are: what a recording lacks is counted by frame, not guessed from its length.

A frame begins with 24 samples of one amplitude: eight of a fixed pattern, then its number, a bit a sample by sign.
A-law decodes to the same samples everywhere, so they stand in the file as they were sent.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from callcenter.local import programs
from callcenter.recordings.wav import HEADER_BYTES

SAMPLES = 160
FRAME_SECONDS = 0.02
RATE = 8000
BITS = 16
"""Frames of a call that can be told apart: 65,536, 21 minutes"""
LOUD, LOUD_LINEAR = 0xBA, 16128
"""A positive A-law code of half amplitude, and what it decodes to; without the sign bit it is the negative"""
SIGN = 0x80
MARK = np.array([1, 0, 1, 1, 0, 0, 1, 0], dtype=bool)
TEXT = (
    "您好，这里是社会保险服务热线。请问您要咨询什么问题？我想问一下网上申报的事情，单位新来了三个人，"
    "可是系统里一直显示正在审核。好的，请您先说一下单位的编号，我帮您查一下。请稍等。"
)

Bytes = npt.NDArray[np.uint8]


def spoken() -> Bytes:
    """Frames of real speech in A-law, one a row: about 20 s by the synthesiser that makes the prompts."""
    programs.provide(("espeak-ng", "ffmpeg"), lambda said: print(said, file=sys.stderr))
    said = subprocess.run(
        [programs.require("espeak-ng"), "--stdout", "-v", "cmn", TEXT], check=True, stdout=subprocess.PIPE
    ).stdout
    alaw = subprocess.run(
        [programs.require("ffmpeg"), "-v", "error", "-i", "-", "-ar", str(RATE), "-ac", "1", "-f", "alaw", "-"],
        check=True, input=said, stdout=subprocess.PIPE,
    ).stdout  # fmt: skip
    return np.frombuffer(alaw[: len(alaw) // SAMPLES * SAMPLES], np.uint8).reshape(-1, SAMPLES)


def codes(numbers: npt.NDArray[np.int64]) -> Bytes:
    """The samples that frames of these numbers begin with, a row each."""
    bits = (numbers[:, None] >> np.arange(BITS)) & 1
    signs = np.hstack([np.broadcast_to(MARK, (len(numbers), len(MARK))), bits.astype(bool)])
    return np.where(signs, LOUD, LOUD & ~SIGN & 0xFF).astype(np.uint8)


def numbers_in(samples: npt.NDArray[np.int16]) -> npt.NDArray[np.int64]:
    """The numbers of the frames that are in these samples, in order."""
    width = len(MARK) + BITS
    if len(samples) < width:
        return np.empty(0, np.int64)
    last = len(samples) - width + 1
    found = np.ones(last, dtype=bool)
    for place, positive in enumerate(MARK):
        found &= samples[place : place + last] == (LOUD_LINEAR if positive else -LOUD_LINEAR)
    at = np.flatnonzero(found)
    bits = samples[at[:, None] + len(MARK) + np.arange(BITS)]
    whole = (np.abs(bits.astype(np.int32)) == LOUD_LINEAR).all(axis=1)
    return np.asarray(((bits[whole] > 0).astype(np.int64) << np.arange(BITS)).sum(axis=1), np.int64)


def samples_of(path: Path) -> npt.NDArray[np.int16]:
    """A leg as Asterisk writes it, closed or not: 8 kHz, 16 bit, mono."""
    return np.fromfile(path, "<i2", offset=HEADER_BYTES) if path.stat().st_size > HEADER_BYTES else np.empty(0, "<i2")
