"""What the phones of real calls send: voices over a line, nothing, or a square wave at full scale; A-law in packets."""

import audioop
from functools import cache

import numpy as np

from tests.drills.load import PACKET_SECONDS, SAMPLES, Says
from tests.faulty.simulated import Voices

VOICES = 12
LOUD = "loud"
NOTHING = "nothing"


class SoundBox:
    """`voice 3`, `voice 3 until 4.5` (seconds after the phone was up), `nothing`, `loud`."""

    def __init__(self, seed: int) -> None:
        self._voices = [audioop.lin2alaw(piece.astype("<i2").tobytes(), 2) for piece in Voices(seed).speech]

    def __call__(self, name: str) -> Says:
        if name == NOTHING:
            return lambda packet: None
        if name == LOUD:
            return lambda packet: _square()
        _, which, *until = name.split()
        last = float(until[1]) / PACKET_SECONDS if until else float("inf")
        audio = self._voices[int(which) % len(self._voices)]

        def says(packet: int) -> bytes | None:
            at = packet * SAMPLES % (len(audio) - SAMPLES)
            return audio[at : at + SAMPLES] if packet < last else None

        return says


@cache
def _square() -> bytes:
    wave = np.where(np.arange(SAMPLES) % 16 < 8, 32767, -32768).astype("<i2")
    return audioop.lin2alaw(wave.tobytes(), 2)
