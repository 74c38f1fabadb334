"""A recording's levels, silence, clipping, keypad tones and peaks are those it was made with, however it is split."""

import audioop
import itertools
import json
import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callcenter.recordings.hearing import Heard, Listener, SideHeard, waveform
from callcenter.recordings.tones import COLUMNS, KEYS, ROWS

Audio = npt.NDArray[np.float64]
Law = Callable[[Audio], Audio]
RATE = 8000
FULL = 32768.0


def seconds(long: float) -> Audio:
    return np.arange(round(long * RATE)) / RATE


def sine(hertz: float, long: float, dbfs: float = -20.0, phase: float = 0.3) -> Audio:
    """Its peak is `dbfs`."""
    return np.asarray(FULL * 10 ** (dbfs / 20) * np.sin(2 * np.pi * hertz * seconds(long) + phase))


def key(digit: str, long: float, dbfs: float = -12.0, off: tuple[float, float] = (0, 0), twist: float = 0) -> Audio:
    """The stronger tone's peak is `dbfs`; positive `twist` (dB) weakens the row's."""
    row, column = divmod(KEYS.index(digit), 4)
    low = sine(ROWS[row] * (1 + off[0]), long, dbfs - max(twist, 0), phase=1.1)
    return low + sine(COLUMNS[column] * (1 + off[1]), long, dbfs + min(twist, 0), phase=2.3)


def silence(long: float) -> Audio:
    return np.zeros(round(long * RATE))


def noise(long: float, dbfs: float, seed: int = 1) -> Audio:
    """White; its RMS is `dbfs`."""
    return np.random.default_rng(seed).normal(0, FULL * 10 ** (dbfs / 20), round(long * RATE))


def pcm(audio: Audio) -> npt.NDArray[np.int16]:
    return np.round(audio).clip(-32768, 32767).astype(np.int16)


def mu_law(audio: Audio) -> Audio:
    return np.frombuffer(audioop.ulaw2lin(audioop.lin2ulaw(pcm(audio).tobytes(), 2), 2), np.int16).astype(np.float64)


def a_law(audio: Audio) -> Audio:
    return np.frombuffer(audioop.alaw2lin(audioop.lin2alaw(pcm(audio).tobytes(), 2), 2), np.int16).astype(np.float64)


def linear(audio: Audio) -> Audio:
    return audio


LAWS = pytest.mark.parametrize("law", [linear, mu_law, a_law])


def heard(left: Audio, right: Audio | None = None, splits: tuple[int, ...] = ()) -> Heard:
    listener = Listener()
    stereo = np.stack((pcm(left), pcm(np.zeros_like(left) if right is None else right)), axis=1)
    for block in np.split(stereo, splits):
        listener.hear(block)
    return listener.finish()


def left(audio: Audio) -> SideHeard:
    return heard(audio).left


def digits(audio: Audio) -> str:
    return "".join(each.digit for each in left(audio).digits)


@LAWS
@pytest.mark.parametrize("dbfs", [-1.0, -6.0, -20.0, -40.0])
@pytest.mark.parametrize("hertz", [300, 1004, 3100])
def test_levels_of_a_tone(law: Law, dbfs: float, hertz: float) -> None:
    side = left(law(sine(hertz, 3.3, dbfs)))
    assert side.rms_dbfs == pytest.approx(dbfs - 10 * math.log10(2), abs=0.1)
    assert side.peak_dbfs == pytest.approx(dbfs, abs=0.1 if law is linear else 0.35)


def test_level_is_of_what_is_not_silent() -> None:
    side = left(np.concatenate((silence(7), sine(1000, 1, -10), noise(7, -65))))
    assert side.rms_dbfs == pytest.approx(-13.0, abs=0.1)


@LAWS
def test_up_to_where_anything_came(law: Law) -> None:
    """The silence of a law is nothing, the noise of a line is something."""
    talk = np.concatenate([sine(440, 5.0), silence(12.0)])
    assert left(law(talk)).last_heard_at == pytest.approx(5.0, abs=0.02)
    assert left(law(np.concatenate([talk, noise(1.0, -60.0)]))).last_heard_at == pytest.approx(18.0, abs=0.02)
    assert left(law(silence(12.0))).last_heard_at is None


def test_each_side_is_heard_by_itself() -> None:
    whole = heard(sine(1000, 5, -10), key("7", 5, -30))
    assert (whole.left.rms_dbfs, whole.left.digits) == (pytest.approx(-13, abs=0.1), ())
    assert whole.right.rms_dbfs == pytest.approx(-30, abs=0.1)
    assert [each.digit for each in whole.right.digits] == ["7"]


def test_one_side_alone() -> None:
    whole = heard(sine(1000, 5), None)
    assert (whole.left.zero_seconds, whole.left.silent_seconds, whole.left.first_sound_at) == (0, 0, 0)
    assert whole.right == SideHeard(None, None, 5, 5, (0, 5), 0, None, ())


@pytest.mark.parametrize("samples", [0, 1, 159, 160, 161, 15999, 16000, 16001, 100001])
def test_nothing_but_zeros(samples: int) -> None:
    whole = heard(np.zeros(samples))
    long = round(samples / RATE, 3)
    assert whole.left == whole.right == SideHeard(None, None, long, long, (0, long), 0, None, ())
    assert whole.seconds == long
    assert whole.peaks == bytes(4 * math.ceil(samples / 800))


def test_silence_of_a_law_is_silent_and_not_nothing() -> None:
    side = left(a_law(silence(4)))
    assert (side.zero_seconds, side.silent_seconds, side.first_sound_at) == (0, 4, None)
    assert side.peak_dbfs == pytest.approx(-72.2, abs=0.1)


def test_where_silence_is() -> None:
    parts = (silence(1), sine(500, 2), noise(3.5, -60), sine(500, 0.5), silence(3.4), sine(500, 1), silence(0.64))
    side = left(np.concatenate(parts))
    assert side.first_sound_at == 1
    assert side.longest_silence == (3, 3.5)
    assert side.silent_seconds == pytest.approx(1 + 3.5 + 3.4 + 0.64)
    assert side.zero_seconds == pytest.approx(1 + 3.4 + 0.64)


def test_of_two_silences_as_long_the_first() -> None:
    side = left(np.concatenate((sine(500, 1), silence(2.5), sine(500, 1), silence(2.5))))
    assert side.longest_silence == (1, 2.5)


@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 400)), min_size=1, max_size=8),
    st.integers(0, 159),
)
@settings(max_examples=40, deadline=None)
def test_silence_is_what_a_plain_count_finds(parts: list[tuple[bool, int]], more: int) -> None:
    silent = [quiet for quiet, frames in parts for _ in range(frames)] + [True] * bool(more)
    audio = np.repeat([0.0 if quiet else 3000.0 for quiet in silent], 160)[: len(silent) * 160 - (160 - more) % 160]
    side = left(audio)
    stretches, at = [(0.0, 0.0)], 0
    for quiet, frames in itertools.groupby(silent):
        end = at + len(list(frames))
        if quiet:
            stretches.append((at * 0.02, min(end * 0.02, len(audio) / RATE) - at * 0.02))
        at = end
    longest = max(stretches, key=lambda each: round(each[1], 6))
    assert side.longest_silence == pytest.approx(longest, abs=0.001)
    assert side.silent_seconds == pytest.approx(sum(each[1] for each in stretches), abs=0.001)
    assert side.first_sound_at == (silent.index(False) / 50 if False in silent else None)


@LAWS
def test_a_clipped_second(law: Law) -> None:
    side = left(law(np.concatenate((sine(400, 3, -6), sine(400, 1, 6), sine(400, 3, -6)))))
    assert side.clipped_seconds == pytest.approx(1, abs=0.02)


@LAWS
def test_loud_is_not_clipped(law: Law) -> None:
    assert left(law(sine(400, 5, 0))).clipped_seconds == 0
    assert left(law(sine(150, 5, -0.5))).clipped_seconds == 0


@pytest.mark.parametrize(("run", "frames"), [(1, 0), (2, 0), (3, 1), (4, 1)])
@pytest.mark.parametrize("at", [0, 1000, 15990, 15998, 15999, 16000, 31998])
@pytest.mark.parametrize("value", [32124, -32124, 32767, -32768])
def test_a_run_at_full_scale(run: int, frames: int, at: int, value: int) -> None:
    audio = silence(4)
    audio[at : at + run] = value
    expected = frames if at + 3 <= len(audio) else 0
    assert left(audio).clipped_seconds == pytest.approx(0.02 * expected)


@LAWS
@pytest.mark.parametrize("digit", KEYS)
@pytest.mark.parametrize("dbfs", [-5.0, -20.0, -35.0])
def test_a_key(law: Law, digit: str, dbfs: float) -> None:
    side = left(law(np.concatenate((silence(1.963), key(digit, 0.1, dbfs), silence(0.5)))))
    (found,) = side.digits
    assert found.digit == digit
    assert found.at == pytest.approx(1.963, abs=0.007)
    assert found.seconds == pytest.approx(0.1, abs=0.01)


@LAWS
@pytest.mark.parametrize("digit", KEYS)
@pytest.mark.parametrize("twist", [-8.0, -4.0, 0.0, 4.0, 8.0])
def test_a_key_off_its_frequencies_and_levels_in_noise(law: Law, digit: str, twist: float) -> None:
    for off in itertools.product((-0.015, 0, 0.015), repeat=2):
        tone = key(digit, 0.065, -9, off, twist)
        level = 10 * math.log10(np.square(tone).mean() / FULL**2)
        around = np.concatenate((silence(0.3), tone, silence(0.3)))
        assert digits(law(around + noise(len(around) / RATE, level - 15))) == digit, off


@LAWS
@pytest.mark.parametrize("digit", KEYS)
def test_the_shortest_key_that_must_be_found_and_one_that_must_not(law: Law, digit: str) -> None:
    for late in range(0, 80, 9):
        before, after = np.zeros(2000 + late), silence(0.2)
        assert digits(law(np.concatenate((before, key(digit, 0.04), after)))) == digit
        assert digits(law(np.concatenate((before, key(digit, 0.03), after)))) == ""


@LAWS
def test_a_number_as_a_phone_dials_it(law: Law) -> None:
    number = "138001380000#*ABCD"
    parts = [part for digit in number for part in (key(digit, 0.07), silence(0.05))]
    assert digits(law(np.concatenate(parts))) == number


def test_a_key_at_the_very_end_and_the_very_beginning() -> None:
    for more in (0, 1, 40, 100, 8000):
        audio = np.concatenate((key("5", 0.1), silence(1.8), np.zeros(more), key("9", 0.1)))
        assert digits(audio) == "59"


def test_a_key_held_long_is_one() -> None:
    (found,) = left(np.concatenate((silence(0.5), key("0", 9), silence(0.5)))).digits
    assert (found.at, found.seconds) == (pytest.approx(0.5, abs=0.01), pytest.approx(9, abs=0.01))


def test_a_short_interruption_is_none_and_a_pause_is() -> None:
    tone = key("3", 0.06)
    assert digits(np.concatenate((tone, silence(0.01), tone, silence(0.1)))) == "3"
    assert digits(np.concatenate((tone, silence(0.04), tone, silence(0.1)))) == "33"


@LAWS
@pytest.mark.parametrize(
    "tones", [(440,), (880,), (1209,), (697,), (350, 440), (440, 480), (450,), (480, 620), (1400,)]
)
def test_other_tones_are_no_key(law: Law, tones: tuple[float, ...]) -> None:
    audio = sum(sine(hertz, 5, -10) for hertz in tones)
    assert digits(law(np.asarray(audio))) == ""


@pytest.mark.parametrize("off", [(0.035, 0), (-0.035, 0), (0, 0.035), (0, -0.035)])
@pytest.mark.parametrize("digit", KEYS)
def test_tones_too_far_off_are_no_key(digit: str, off: tuple[float, float]) -> None:
    assert digits(key(digit, 1, -12, off)) == ""


@pytest.mark.parametrize("twist", [-13.0, 13.0])
@pytest.mark.parametrize("digit", KEYS)
def test_tones_of_unlike_level_are_no_key(digit: str, twist: float) -> None:
    assert digits(key(digit, 1, -12, twist=twist)) == ""


def test_noise_is_no_key() -> None:
    assert digits(noise(120, -15)) == ""


def voice(long: float, seed: int) -> Audio:
    """Like a voice: harmonics of a gliding pitch under two wandering resonances, in syllables with pauses."""
    chance = np.random.default_rng(seed)
    time = seconds(long)
    every = np.arange(0, long + 1, 0.12)

    def wander(low: float, high: float) -> Audio:
        return np.interp(time, every, chance.uniform(low, high, len(every)))

    turn, pitch = np.zeros_like(time), wander(90, 320)
    turn = 2 * np.pi * np.cumsum(pitch) / RATE
    first, second, audio = wander(300, 1000), wander(1000, 2300), np.zeros_like(time)
    for harmonic in range(1, 30):
        hertz = harmonic * pitch
        level = 1 / np.hypot(1, (hertz - first) / 45) + 0.5 / np.hypot(1, (hertz - second) / 60)
        audio += np.where(hertz < 3800, level * np.sin(harmonic * turn + harmonic**2), 0)
    return np.asarray(6000 * audio * wander(-0.3, 1).clip(min=0))


def melody(long: float, seed: int) -> Audio:
    """Two voices of held notes with harmonics, all of the tempered scale from 220 to 1760 Hz."""
    chance = np.random.default_rng(seed)
    notes = 220 * 2 ** (np.arange(37) / 12)

    def part() -> Audio:
        played = [chance.choice(notes) * seconds(chance.choice([0.125, 0.25, 0.5])) for _ in range(int(long * 4))]
        audio = [sum(np.sin(2 * np.pi * n * turn) / n**1.5 for n in (1, 2, 3)) for turn in played]
        return np.concatenate(audio)[: round(long * RATE) // 2]

    return np.asarray(5000 * (part() + part()))


@pytest.mark.parametrize("seed", range(3))
def test_a_voice_is_no_key(seed: int) -> None:
    side = left(mu_law(voice(100, seed)))
    assert side.digits == ()
    assert side.silent_seconds < 80


@pytest.mark.parametrize("seed", range(3))
def test_music_is_no_key(seed: int) -> None:
    assert digits(a_law(melody(120, seed))) == ""


def test_a_key_beside_a_voice_on_the_other_side() -> None:
    whole = heard(np.concatenate((silence(4), key("4", 0.08), silence(2))), voice(6.08, 9))
    assert ([each.digit for each in whole.left.digits], whole.right.digits) == (["4"], ())


MIXED = np.concatenate(
    (
        voice(2.5, 4),
        key("5", 0.05),
        silence(0.7),
        noise(0.3, -62),
        key("#", 0.3, -30),
        sine(300, 0.2, 4),
        silence(2.111),
    )
)


@given(st.lists(st.integers(0, len(MIXED)), max_size=30).map(sorted))
@settings(max_examples=60, deadline=None)
def test_splits_change_nothing(splits: list[int]) -> None:
    assert heard(MIXED, MIXED[::-1], tuple(splits)) == WHOLE


WHOLE = heard(MIXED, MIXED[::-1])


def test_what_is_split_has_everything_in_it() -> None:
    assert "".join(each.digit for each in WHOLE.left.digits) == "5#"
    for side in (WHOLE.left, WHOLE.right):
        assert min(side.zero_seconds, side.silent_seconds, side.longest_silence[1], side.clipped_seconds) > 0
    assert heard(MIXED, MIXED[::-1], tuple(range(0, len(MIXED), 7))) == WHOLE


def test_peaks_are_the_least_and_greatest_of_a_tenth_of_a_second() -> None:
    audio, other = noise(7.34, -20, 2), noise(7.34, -8, 3)
    found = np.frombuffer(heard(audio, other).peaks, np.int8).reshape(-1, 4)
    assert len(found) == 74
    for side, samples in ((found[:, :2], pcm(audio)), (found[:, 2:], pcm(other))):
        for tenth, (low, high) in enumerate(side.tolist()):
            part = samples[tenth * 800 : tenth * 800 + 800]
            assert low == pytest.approx(max(part.min() / 256, -128), abs=0.51)
            assert high == pytest.approx(min(part.max() / 256, 127), abs=0.51)


@pytest.mark.parametrize("points", [1, 7, 50, 2000])
def test_waveform_of_a_player(points: int) -> None:
    quiet_then_loud = np.concatenate((silence(5), sine(500, 5, -6)))
    both = waveform(heard(quiet_then_loud, -quiet_then_loud / 2).peaks, points)
    assert json.loads(json.dumps(both)) == both
    assert len(both[0]) == len(both[1]) <= points
    assert max(map(abs, both[0])) == pytest.approx(0.5, abs=0.01)
    assert max(map(abs, both[1])) == pytest.approx(0.25, abs=0.01)
    if points > 1:
        assert both[0][: len(both[0]) // 2] == [0] * (len(both[0]) // 2)


def test_waveform_of_nothing() -> None:
    assert waveform(heard(silence(0)).peaks) == [[], []]


def test_state_of_a_side_does_not_grow_with_the_call() -> None:
    """Beside peaks and digits: the same arrays after an hour as after ten seconds."""
    sizes = []
    for minutes in (1, 60):
        listener, minute = Listener(), np.stack([pcm(sine(300, 60)), pcm(silence(60))], axis=1)
        for _ in range(minutes):
            listener.hear(minute)
        sizes.append(sum(len(each) for each in listener._peaks) - minutes * 60 * 40)
        arrays = [each for side in listener._sides for each in vars(side).values()]
        sizes.append(sum(each.nbytes for each in arrays if isinstance(each, np.ndarray)))
    assert sizes[:2] == sizes[2:]


def test_a_rate_that_has_no_whole_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="11025"):
        Listener(11025)


def test_wideband_audio() -> None:
    listener = Listener(16000)
    time = np.arange(16000) / 16000
    tone = 5000 * (np.sin(2 * np.pi * 770 * time) + np.sin(2 * np.pi * 1336 * time))
    listener.hear(np.stack((pcm(tone), pcm(0 * tone)), axis=1))
    whole = listener.finish()
    assert (whole.seconds, [each.digit for each in whole.left.digits], len(whole.peaks)) == (1, ["5"], 40)
