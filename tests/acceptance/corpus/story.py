"""What a story is: who does what, and what a person who watched would say happened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Spans = str | Sequence[str]
"""`A answers .. caller hangs up`: from one step of the script to another; several are added up."""


@dataclass(frozen=True)
class Expected:
    """One caller's one record. Times are spans between steps, measured on the phones; a role stands for its number."""

    outcome: str
    hung_up_by: str | None = "caller"
    agent: str | None = None
    """Who answered first"""
    talk: Mapping[str, Spans] = field(default_factory=dict)
    hold: Mapping[str, Spans] = field(default_factory=dict)
    wait: Spans | None = ()
    """None: no telephone can tell when he came to the queue"""
    unanswered: Sequence[str] = ()
    """Who was offered the call by a queue and didn't take it, one entry an attempt"""
    apart: Sequence[str] = ()
    """Whose phones rang for a call of its own, such as a consultation that joined nobody"""
    visits: Sequence[str] | None = None
    """Results of the stays in queues; by default one that fits the outcome"""
    marks: Sequence[str] = ()
    menu: str | None = None
    direction: str = "inbound"
    line: str | None = "hotline"
    notice: bool = True
    recordings: int | None = 1
    """None: it depends on microseconds whether there was an answer"""
    service: str | None = "open"
    name: str | None = None
    """The caller's name as it must be kept; None: not looked at"""
    number: str | None = None
    """What the record must call the caller, when that isn't the number that he rang from"""
    records: int = 1
    """How many calls this number made"""
    which: int = 0
    """Which of them is meant, oldest first"""
    timeline: Sequence[str] = ()
    """Kinds that must be among the entries"""
    evidence: Sequence[str] = ("channel_ends",)
    or_else: "Expected | None" = None
    """What may be said as well, where two things happened in the same instant"""

    @property
    def summary(self) -> str:
        """In a few words."""
        talks = f" by {'+'.join(self.talk)}" if self.talk else ""
        marks = f" [{','.join(self.marks)}]" if self.marks else ""
        ends = f", {self.hung_up_by} ends" if self.hung_up_by else ""
        return f"{self.outcome}{talks}{marks}{ends}"


@dataclass(frozen=True)
class Story:
    """`script` has one step a line (`language.py`). `expected` is for `caller`, `others` for the further callers."""

    name: str
    script: str
    expected: Expected | None
    others: Mapping[str, Expected] = field(default_factory=dict)
    members: int = 2
    """How many agents are in the queue; the lane's other phones are colleagues"""
    queue: str = ""
    """A queue that differs: `ringall`, `one-waits`, `empty-leaves` (lanes.py)"""
    internal: int = 0
    """Records of calls between phones of ours that were no citizen's"""
    outbound: int = 0
    known: str = ""
    """A fault that is known and not yet mended"""
    ghosts: int = 0
    """Records of phones' calls that the known fault leaves besides"""
    at: str = ""
    """The wall clock when it begins (`2026-12-31 23:59:50`), where the hours matter"""
    lane: int | None = None
    """Only in this lane"""

    @property
    def steps(self) -> list[str]:
        return [line.strip() for line in self.script.strip().splitlines() if line.strip()]

    @property
    def summary(self) -> str:
        """For the table."""
        everybody = [part for part in (self.expected, *self.others.values()) if part]
        return everybody[0].summary if everybody else f"{self.internal + self.outbound} calls of agents"

    @property
    def callers(self) -> dict[str, Expected]:
        """Role → what is expected of his record."""
        return {**({"caller": self.expected} if self.expected else {}), **self.others}
