"""The benchmark that counts a recording's missing frames: what it finds is what was taken out."""

import audioop
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from benchmarks.rig.phones import Told
from benchmarks.rig.speech import SAMPLES, codes, numbers_in
from benchmarks.rig.wholeness import judged

from callcenter.recordings.wav import HEADER_BYTES


def sound(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int16]:
    """Frames of these numbers over noise, as they stand in Asterisk's file."""
    frames = np.random.default_rng(5).integers(0, 256, (len(numbers), SAMPLES), np.uint8)
    code = codes(numbers)
    frames[:, : code.shape[1]] = code
    return np.frombuffer(audioop.alaw2lin(frames.tobytes(), 2), "<i2")


def leg(path: Path, samples: npt.NDArray[np.int16]) -> Path:
    path.write_bytes(b"\0" * HEADER_BYTES + samples.tobytes())
    return path


@pytest.mark.parametrize("shift", [0, 1, 77, 159])
def test_numbers_are_found_wherever_they_stand(shift: int) -> None:
    sent = np.array([0, 1, 2, 500, 65_535], np.int64)
    assert numbers_in(np.concatenate([np.zeros(shift, np.int16), sound(sent)])).tolist() == sent.tolist()


def test_speech_without_numbers_has_none() -> None:
    noise = np.random.default_rng(6).integers(-32_768, 32_767, 80_000, np.int16)
    assert numbers_in(noise).size == 0


def test_a_damaged_number_is_not_taken_for_another() -> None:
    samples = sound(np.arange(10, dtype=np.int64)).copy()
    samples[3 * SAMPLES + 12] = 0
    assert numbers_in(samples).tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9]


def test_holes_and_shortness_are_told_apart(tmp_path: Path) -> None:
    whole, told = np.arange(1000, dtype=np.int64), Told("1", answered_at=5.0, hung_up_at=25.0)
    holed = sound(whole).copy()
    holed[100 * SAMPLES : 120 * SAMPLES] = 0
    files = [
        leg(tmp_path / "whole.wav", sound(whole)),
        leg(tmp_path / "holed.wav", holed),
        leg(tmp_path / "cut.wav", sound(whole[:950])),
    ]
    found = [judged(told, (files[0], other)) for other in files]
    assert [round(each.short, 6) for each in found] == [0, 0, 0.05]
    assert [round(each.lost, 6) for each in found] == [0, 0.02, 0]


def test_a_recording_that_is_not_there_lacks_everything(tmp_path: Path) -> None:
    found = judged(Told("1", answered_at=0.0, hung_up_at=20.0), (tmp_path / "none.wav", tmp_path / "none.wav"))
    assert (found.short, found.lost) == (1.0, 1.0)
