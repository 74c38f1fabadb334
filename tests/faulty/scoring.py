"""Compares what was done to real calls with what the product told: found as the right thing, missed, false alarms."""

from collections import Counter
from dataclasses import dataclass, field

from tests.faulty.kinds import KINDS, Kind, Stage, Told, absent, fine
from tests.faulty.playing import Played
from tests.faulty.real import Trial

LENGTH_SECONDS = 1.5
"""A sound recording is as long as its call was for the caller, within so much"""
LATE_SECONDS = 0.4
"""A phone whose audio left in bursts for so long, because nobody ran it in time, makes a longer recording"""
MADE_SHARE = 0.98
"""So many calls must have gone as planned, else nothing was shown"""


@dataclass
class Line:
    """A row of the table."""

    injected: int = 0
    found: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)


@dataclass
class Score:
    lines: dict[str, Line] = field(default_factory=dict)
    sound: int = 0
    false_alarms: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    """Flagged as longer than the call, and so it was: our phones were late"""
    not_made: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """What does not add up"""

    @property
    def missed(self) -> int:
        return sum(len(line.missed) for line in self.lines.values())

    @property
    def false_share(self) -> float:
        return len(self.false_alarms) / max(self.sound, 1)


def score(trial: Trial) -> Score:
    result = Score({kind.name: Line() for kind in KINDS} | {name: Line() for name in trial.calls_in})
    disaster_of = {id(call): name for name, calls in trial.calls_in.items() for call in calls}
    made = [call for call in trial.played if _is_made(call, result)]
    for call in made:
        told = trial.before.told[call.number]
        if call.hit:
            _judge_hit(result.lines[disaster_of[id(call)]], call, told, trial)
        elif call.kind.stage in {Stage.NEVER, Stage.KEPT}:
            _judge_sound(result, call, told)
            if trial.intervals.get(disaster_of.get(id(call), ""), ()) is None and fine(told):
                _count(result.lines[disaster_of[id(call)]], "sound, as they must be")
        else:
            _judge_fault(result.lines[call.kind.name], call.kind, call, told)
    for call in made:
        if call.kind.stage is Stage.KEPT:
            _judge_fault(result.lines[call.kind.name], call.kind, call, trial.after.told[call.number])
    _judge_after(result, trial, made)
    _add_up(result, trial, made)
    return result


def _is_made(call: Played, result: Score) -> bool:
    """Whether the call went as planned. One that the hotline itself was hit in may end anyhow."""
    if call.hit:
        return bool(call.seen.answered_at)
    why = call.trouble or ("" if call.seen.talk_from else f"reached no agent: {call.seen.status}")
    if why:
        result.not_made.append(f"{call.number} {call.kind.name}: {why}")
    return not why


def _count(line: Line, found_as: str) -> None:
    line.injected += 1
    line.found[found_as] += 1


def _judge_fault(line: Line, kind: Kind, call: Played, told: Told) -> None:
    if kind.says(told):
        _count(line, told.summary)
    else:
        line.injected += 1
        line.missed.append(_described(call, told))


def _judge_hit(line: Line, call: Played, told: Told, trial: Trial) -> None:
    """It says what is wrong with it, or its audio is as long as the call was."""
    seconds, lasted = trial.before.seconds.get(call.number), call.seen.ended_at - call.seen.answered_at
    whole = seconds is not None and abs(seconds - lasted) <= LENGTH_SECONDS + call.seen.audio_late and lasted > 0
    if absent(told) or told.report == "flagged" or (fine(told) and whole):
        _count(line, "whole" if fine(told) else told.summary)
    else:
        line.injected += 1
        line.missed.append(f"{_described(call, told)}, {seconds} s of {lasted:.2f} s")


def _judge_sound(result: Score, call: Played, told: Told) -> None:
    result.sound += 1
    if fine(told):
        return
    if told.flags == {"long"} and call.seen.audio_late > LATE_SECONDS:
        result.late.append(f"{_described(call, told)}, {call.seen.audio_late:.2f} s late")
    else:
        result.false_alarms.append(_described(call, told))


def _judge_after(result: Score, trial: Trial, made: list[Played]) -> None:
    """Nothing is said of those that were left alone."""
    for call in made:
        added = trial.after.told[call.number].deviations - trial.before.told[call.number].deviations
        if call.kind.stage is not Stage.KEPT and added:
            result.false_alarms.append(f"{call.number}: verify: {' '.join(sorted(added))}")
    strange = {*trial.strange_before, *trial.strange_after}
    result.false_alarms += [f"verify, of no call: {each}" for each in sorted(strange)]


def _add_up(result: Score, trial: Trial, made: list[Played]) -> None:
    answered = sum(1 for call in trial.played if call.seen.answered_at)
    counts, after = trial.before.completeness, trial.after.completeness
    rows_deleted = sum(1 for call in made if call.kind.name == "row deleted")
    wrong = {
        f"{counts} does not balance": not trial.before.balances or not trial.after.balances,
        f"{counts['expected']} recordings expected, {answered} calls were answered": counts["expected"] != answered,
        f"{counts['pending']} recordings pending": counts["pending"] > 0 or trial.unconcluded > 0,
        f"{after['expected']} expected when rows were gone": after["expected"] != counts["expected"],
        f"{after['missing']} missing when {rows_deleted} rows were gone": after["missing"]
        != counts["missing"] + rows_deleted
        or trial.after.gone != rows_deleted,
        f"two recordings of one call: {trial.before.doubled[:5]}": bool(trial.before.doubled),
        f"plain audio left of sealed recordings: {trial.left[:6]}": bool(trial.left),
        f"{len(result.not_made)} calls did not go as planned": len(made) < MADE_SHARE * len(trial.played),
    }
    result.broken += [text for text, holds in wrong.items() if holds]


def _described(call: Played, told: Told) -> str:
    steps = " ".join(sorted(told.steps))
    said = f"{told.summary}, report {told.report}, {told.reason!r}, life: {steps}"
    return f"{call.number} ({call.kind.name}): {said}"
