"""Simulated calls with injected faults: what the listening and the judging say of each, against what was injected.

The audio is made of pieces of voices, prompts, music and line noise over G.711, laid out as a call is: notice, queue,
talk with hold. Each call has none or one fault; a call without one that is flagged is a false alarm.
"""

import audioop
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from callcenter.recordings import judging
from callcenter.recordings.hearing import Heard, Listener
from callcenter.recordings.judging import Facts
from callcenter.recordings.model import NOTES, Flag
from callcenter.recordings.pauses import Pause, is_silent

RATE = 8000
Samples = npt.NDArray[np.int16]
Fault = str


@dataclass
class Call:
    """A call as it should be on record, and its recording."""

    seconds: float
    talk_from: float
    audio: Samples
    """(n, 2)"""
    call_seconds: float
    closed: bool = True
    legs: int = 2
    pauses: list[Pause] = field(default_factory=list)
    changed_after: float = 0.0

    @property
    def talk_seconds(self) -> float:
        return self.seconds - self.talk_from


class Voices:
    """Pieces of sound, made once: speech-like, music-like, a quiet line; through G.711 as all telephone audio."""

    def __init__(self, seed: int) -> None:
        chance = np.random.default_rng(seed)
        self.speech = [_coded(_voice(chance, 20), law) for law in ("a", "u") for _ in range(6)]
        self.music = [_coded(_music(chance, 20), law) for law in ("a", "u")]
        self.quiet = [_coded(chance.normal(0, level, 20 * RATE), "a") for level in (6, 12, 25)]

    def piece(self, kind: str, chance: np.random.Generator, samples: int) -> Samples:
        """So many samples, from anywhere in one of them, repeated where it is too short."""
        pieces: list[Samples] = getattr(self, kind)
        chosen = pieces[chance.integers(len(pieces))]
        return np.resize(np.roll(chosen, int(chance.integers(len(chosen)))), samples)


def _voice(chance: np.random.Generator, seconds: int) -> Any:
    n = np.arange(seconds * RATE)
    phase = 2 * np.pi * np.cumsum(chance.uniform(90, 220) + 25 * np.sin(2 * np.pi * 0.7 * n / RATE)) / RATE
    voice = sum(np.sin(phase * k + chance.uniform(0, 6)) / k for k in range(1, 18))
    syllables = np.clip(np.sin(2 * np.pi * chance.uniform(2.5, 5) * n / RATE), 0, 1)
    return voice * syllables * chance.uniform(1200, 5000) + chance.normal(0, 15, len(n))


def _music(chance: np.random.Generator, seconds: int) -> Any:
    n = np.arange(seconds * RATE)
    notes = [220 * 2 ** (k / 12) for k in chance.integers(0, 24, 5)]
    return sum(np.sin(2 * np.pi * note * n / RATE) for note in notes) * 1500


def _coded(sound: Any, law: str) -> Samples:
    """Through A-law or mu-law and back."""
    linear = np.clip(sound, -32000, 32000).astype("<i2").tobytes()
    there, back = (audioop.lin2alaw, audioop.alaw2lin) if law == "a" else (audioop.lin2ulaw, audioop.ulaw2lin)
    return np.frombuffer(back(there(linear, 2), 2), "<i2")


def sound_call(voices: Voices, chance: np.random.Generator) -> Call:
    """A call as most are: notice, wait with music, talk; both sides carry at least the noise of a line."""
    waits, talks = float(chance.uniform(1, 8)), float(chance.uniform(6, 20))
    waiting, total = int(waits * RATE), int((waits + talks) * RATE)
    left = np.concatenate([voices.piece("quiet", chance, waiting), voices.piece("speech", chance, total - waiting)])
    right = np.concatenate([voices.piece("music", chance, waiting), voices.piece("speech", chance, total - waiting)])
    seconds = total / RATE
    jitter = float(chance.uniform(-0.3, 0.3))  # Asterisk's record and its file differ by some frames
    return Call(seconds, waits, np.stack([left, right], 1), seconds + jitter)


def _cut(call: Call, chance: np.random.Generator) -> None:
    lost = max(1.4, 0.012 * call.seconds) + float(chance.uniform(0, 0.6 * call.seconds))
    call.audio = call.audio[: int(max(call.seconds - lost, 1) * RATE)]


def _stretch(call: Call, chance: np.random.Generator) -> None:
    more = max(1.4, 0.012 * call.seconds) + float(chance.uniform(0, 10))
    call.audio = np.concatenate([call.audio, call.audio[: int(more * RATE)]])


def _side(side: int, zero: int = 0) -> Callable[[Call, np.random.Generator], None]:
    def silence(call: Call, chance: np.random.Generator) -> None:
        since = 0 if side == 0 else int(call.talk_from * RATE)
        call.audio[since:, side] = zero

    return silence


def _silent(call: Call, chance: np.random.Generator) -> None:
    call.audio[:] = 0


def _clip(call: Call, chance: np.random.Generator) -> None:
    side = int(chance.integers(2))
    loud = call.audio[:, side].astype(np.int32) * 40
    call.audio[:, side] = np.clip(loud, -32124, 32124)


def _unclosed(call: Call, chance: np.random.Generator) -> None:
    call.closed = False


def _cut_off(side: int) -> Callable[[Call, np.random.Generator], None]:
    """From mid-call on nothing comes any more; the call goes on for longer than anybody listens in silence."""

    def silence(call: Call, chance: np.random.Generator) -> None:
        more = float(chance.uniform(12.5, 40))
        call.audio = np.concatenate(
            [call.audio, np.resize(call.audio[int(call.talk_from * RATE) :], (int(more * RATE), 2))]
        )
        call.audio[-int(more * RATE) :, side] = int(chance.choice([0, 8]))
        call.seconds, call.call_seconds = call.seconds + more, call.call_seconds + more

    return silence


def _change(call: Call, chance: np.random.Generator) -> None:
    call.changed_after = float(chance.uniform(2.1, 90_000))


def _one_leg(call: Call, chance: np.random.Generator) -> None:
    call.legs = 1


def _loud_pause(call: Call, chance: np.random.Generator) -> None:
    call.pauses = [Pause(call.talk_from + 1, call.talk_from + 5, "phone 1001")]


def _pause(call: Call, chance: np.random.Generator) -> None:
    _loud_pause(call, chance)
    call.audio[int((call.talk_from + 1.1) * RATE) : int((call.talk_from + 5.1) * RATE)] = 0


def _left_paused(call: Call, chance: np.random.Generator) -> None:
    """The talk goes on, and ends, while it is paused."""
    call.audio = np.concatenate([call.audio, np.zeros((int(chance.uniform(11, 60) * RATE), 2), np.int16)])
    call.pauses = [Pause(call.seconds - 0.1, len(call.audio) / RATE, "phone 1001")]
    call.call_seconds += len(call.audio) / RATE - call.seconds
    call.seconds = len(call.audio) / RATE


def _sunk_in_thought(call: Call, chance: np.random.Generator) -> None:
    """A caller on a line without noise (mu-law's silence) listens for long, and says good-bye."""
    start = int(call.talk_from * RATE)
    call.audio[start : -int(1.5 * RATE), 0] = 0


def _told_at_length(call: Call, chance: np.random.Generator) -> None:
    """A muted agent listens up to the end, for less long than a cut-off line is silent."""
    call.audio[-int(min(9.0, 0.6 * call.talk_seconds) * RATE) :, 1] = 8
    call.changed_after = float(chance.uniform(0, 0.8))


FAULTS: dict[Fault, tuple[Callable[[Call, np.random.Generator], None], set[Flag]]] = {
    "cut": (_cut, {Flag.SHORT}),
    "longer": (_stretch, {Flag.LONG}),
    "caller silent": (_side(0), {Flag.CALLER_SILENT}),
    "caller silent, A-law": (_side(0, 8), {Flag.CALLER_SILENT}),
    "agent silent": (_side(1), {Flag.AGENT_SILENT}),
    "caller cut off": (_cut_off(0), {Flag.CALLER_SILENT}),
    "agent cut off": (_cut_off(1), {Flag.AGENT_SILENT}),
    "both silent": (_silent, {Flag.SILENT}),
    "clipped": (_clip, {Flag.CLIPPED}),
    "not closed": (_unclosed, {Flag.REPAIRED}),
    "changed after its end": (_change, {Flag.ALTERED}),
    "a leg missing": (_one_leg, {Flag.LEG_MISSING}),
    "sound while paused": (_loud_pause, {Flag.PAUSE_HEARD}),
}
"""What is done to a call, and the flag that must tell of it; others may come beside it (a short call may be silent)."""
SOUND: dict[str, Callable[[Call, np.random.Generator], None]] = {
    "plain": lambda call, chance: None,
    "paused": _pause,
    "left paused": _left_paused,
    "caller listens": _sunk_in_thought,
    "agent listens": _told_at_length,
}


def judge(call: Call) -> set[Flag]:
    """The faults that our code sees."""
    listener = Listener(RATE)
    listener.hear(np.ascontiguousarray(call.audio, np.int16))
    heard = listener.finish()
    return set(_flags(call, heard)) - NOTES


def _flags(call: Call, heard: Heard) -> list[Flag]:
    facts = Facts(
        call.call_seconds, call.talk_from, call.talk_seconds, call.closed, call.legs, call.pauses, call.changed_after
    )  # fmt: skip
    unheard = judging.unheard_share(heard.peaks, call.talk_from, call.talk_seconds)
    sides = {"left": _side_facts(heard.left), "right": _side_facts(heard.right)}
    flags = judging.flags_of(heard.seconds, sides, unheard, facts)
    loud = not all(is_silent(pause, heard.gaps) for pause in call.pauses)
    return [*flags, *([Flag.PAUSE_HEARD] if loud else [])]


def _side_facts(side: Any) -> dict[str, Any]:
    return {name: getattr(side, name) for name in ("peak_dbfs", "clipped_seconds", "digits", "last_heard_at")}


@dataclass
class Outcome:
    """What became of so many calls."""

    injected: Counter[Fault] = field(default_factory=Counter)
    missed: Counter[Fault] = field(default_factory=Counter)
    sound: int = 0
    false_alarms: Counter[str] = field(default_factory=Counter)

    @property
    def false_share(self) -> float:
        return self.false_alarms.total() / max(self.sound, 1)


def simulate(calls: int, seed: int, faulty: float = 0.2) -> Outcome:
    """So many calls, a share of them with a fault."""
    chance, outcome = np.random.default_rng(seed), Outcome()
    voices = Voices(seed)
    for _ in range(calls):
        call = sound_call(voices, chance)
        if chance.random() < faulty:
            name = str(chance.choice(list(FAULTS)))
            inject, expected = FAULTS[name]
            inject(call, chance)
            outcome.injected[name] += 1
            outcome.missed[name] += not expected <= judge(call)
        else:
            SOUND[str(chance.choice(list(SOUND), p=[0.8, *[0.05] * 4]))](call, chance)
            outcome.sound += 1
            if flags := judge(call):
                outcome.false_alarms[" ".join(sorted(flags))] += 1
    return outcome
