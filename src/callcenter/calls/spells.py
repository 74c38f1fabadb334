"""Spells of time and their arithmetic: who was in the same bridge, and for how long."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple


class Spell(NamedTuple):
    """[start, end)"""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()


def union(spells: Iterable[Spell]) -> list[Spell]:
    """The same time without overlaps, in order; a spell may last no time, but not less."""
    merged: list[Spell] = []
    for spell in sorted(s for s in spells if s.end >= s.start):
        if merged and spell.start <= merged[-1].end:
            merged[-1] = Spell(merged[-1].start, max(merged[-1].end, spell.end))
        else:
            merged.append(spell)
    return merged


def overlap(left: Iterable[Spell], right: Sequence[Spell]) -> list[Spell]:
    """The time that lies in both."""
    both = (Spell(max(a.start, b.start), min(a.end, b.end)) for a in left for b in right)
    return union(s for s in both if s.end > s.start)


def difference(left: Iterable[Spell], right: Sequence[Spell]) -> list[Spell]:
    """The time of `left` that is not in `right`; neither list overlaps itself, `right` is in order."""
    rest: list[Spell] = []
    for spell in left:
        start = spell.start
        for other in right:
            if other.start > start:
                rest.append(Spell(start, min(other.start, spell.end)))
            start = max(start, other.end)
            if start >= spell.end:
                break
        rest.append(Spell(start, spell.end))
    return [s for s in rest if s.end > s.start]


def total(spells: Iterable[Spell]) -> float:
    """Seconds in spells that do not overlap, to the millisecond."""
    return round(sum(s.seconds for s in spells), 3)
