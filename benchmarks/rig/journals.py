"""Journals of any number of calls, made of captured ones: other ids, channels, numbers and times, else byte for byte.

The calls are interleaved as they would be: each starts when it starts, and its lines come when they came.
"""

import heapq
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count
from math import ceil
from pathlib import Path

STORIES = Path(__file__).parents[2] / "tests" / "scenarios" / "journals"
MIX = {
    "answered": 34, "agent_hangs_up": 17, "hold": 6, "ring_no_answer_then_other": 6, "reject_then_other": 3,
    "blind_transfer": 3, "attended_transfer": 2, "transfer_back_to_queue": 2, "abandoned_ringing": 9, "timed_out": 3,
    "left_during_notice": 5, "cancel_at_once": 2, "no_agent": 2, "closed": 3, "outbound": 2, "emergency_at_night": 1,
}  # fmt: skip
"""Captured story → its share in per cent. Each leaves one record; 25.5 journal lines a call on average."""
VARIABLE = re.compile(
    r'hotline-(?P<epoch>\d{10})\.(?P<counter>\d+)|(?<=-)(?P<channel>[0-9a-f]{8})(?=[";,|\\/&]|$)'
    r'|(?<="eventtime":")(?P<at>[0-9.]+)|^(?P<second>\d{10})(?=\|)|(?<![\d.])(?P<number>1[3-9]\d{9})(?![\d.])'
)
CHANNELS_A_CALL = 64
"""Room for the numbers in one story's channel names."""


Variable = tuple[str, float]
"""What varies, and by how much it differs from the call's first: ("counter", 2), ("at", 3.125)"""


@dataclass(frozen=True, slots=True)
class Line:
    """One captured line as a %-template; `at` is seconds from the story's begin."""

    source: str
    at: float
    template: str
    indices: tuple[int, ...]
    """Which of the story's variables stand in the template"""

    def pick(self, values: list[str]) -> tuple[str, ...]:
        return tuple([values[index] for index in self.indices])


@dataclass(frozen=True, slots=True)
class Story:
    lines: tuple[Line, ...]
    variables: tuple[Variable, ...]


@cache
def story(name: str) -> Story:
    rows = [json.loads(row) for row in (STORIES / f"{name}.jsonl").read_text().splitlines()[1:]]
    found = [match for row in rows for match in VARIABLE.finditer(row["line"])]
    begin = min(float(match["at"]) for match in found if match["at"])
    counter = min(int(match["counter"]) for match in found if match["counter"])
    channel = min((int(match["channel"], 16) for match in found if match["channel"]), default=0)
    variables: dict[Variable, int] = {}
    lines = [_cut(row["src"], row["line"], (begin, counter, channel), variables) for row in rows]
    return Story(tuple(sorted(lines, key=lambda line: line.at)), tuple(variables))


def _cut(source: str, line: str, first: tuple[float, int, int], variables: dict[Variable, int]) -> Line:
    """Cut out what varies. `first` is the story's begin, lowest counter and lowest channel number."""
    begin, counter, channel = first
    template, indices, end, at = "", [], 0, 0.0
    for match in VARIABLE.finditer(line):
        found: list[Variable] = [("number", 0)]
        if match["epoch"]:
            found = [("second", int(match["epoch"]) - begin), ("counter", int(match["counter"]) - counter)]
        elif match["channel"]:
            found = [("channel", int(match["channel"], 16) - channel)]
        elif match["at"]:
            at = float(match["at"]) - begin
            found = [("at", at)]
        elif match["second"]:
            found = [("second", int(match["second"]) - begin)]
            at = max(found[0][1] + 0.5, 0.0)  # queue_log has whole seconds
        template += line[end : match.start()].replace("%", "%%") + ("hotline-%s.%s" if match["epoch"] else "%s")
        indices += [variables.setdefault(each, len(variables)) for each in found]
        end = match.end()
    template += line[end:].replace("%", "%%")
    return Line(source, at, template, tuple(indices))


class Call:
    """One call that a story happens to. Channels get their counters when they first appear, as Asterisk gives them."""

    def __init__(self, lines: Story, begin: float, number: int) -> None:
        self._values = [_value(kind, value, begin, number) for kind, value in lines.variables]

    def told(self, line: Line, counters: Iterator[int]) -> str:
        """The line as Asterisk would have written it."""
        picked = line.pick(self._values)
        if "" in picked:
            for index in line.indices:
                self._values[index] = self._values[index] or str(next(counters))
            picked = line.pick(self._values)
        return line.template % picked


def _value(kind: str, value: float, begin: float, number: int) -> str:
    if kind == "at":
        return f"{begin + value:.6f}"
    if kind == "second":
        return str(int(begin + value))
    if kind == "counter":
        return ""  # not known yet
    if kind == "channel":
        return f"{number * CHANNELS_A_CALL + int(value):08x}"
    return f"13{number % 10**9:09d}"


def traffic(
    calls: int, rate: float, begin: float, first: int, counters: Iterator[int], part: float = 1.0
) -> Iterator[tuple[float, str, str]]:
    """(when, source, line) of `calls` calls that come at random, `rate` a second on average; in order of time.

    `first` is the first call's number: the same numbers are the same calls. `counters` is where Asterisk's counter of
    channels stands. With a `part` below 1 each call's journal breaks off after that share of its lines.
    """
    chance, order = random.Random(first), count()  # noqa: S311 - the same traffic each time
    names = chance.choices(list(MIX), MIX.values(), k=calls)
    waiting: list[tuple[float, int, Line, Call]] = []
    for number, name in enumerate(names, first):
        begin += chance.expovariate(rate)
        while waiting and waiting[0][0] <= begin:
            at, _, line, call = heapq.heappop(waiting)
            yield at, line.source, call.told(line, counters)
        lines, call = story(name).lines, Call(story(name), begin, number)
        for line in lines[: ceil(len(lines) * part)]:
            heapq.heappush(waiting, (begin + line.at, next(order), line, call))
    while waiting:
        at, _, line, call = heapq.heappop(waiting)
        yield at, line.source, call.told(line, counters)


class Journal:
    """The two files in a folder, written as one Asterisk does: whole lines at their ends, its counter only rises."""

    def __init__(self, folder: Path) -> None:
        self.files = {"cel": folder / "cel.jsonl", "queue_log": folder / "queue_log"}
        self._counters = count(1)
        for path in self.files.values():
            path.touch()

    def traffic(
        self, calls: int, rate: float, begin: float, first: int, part: float = 1.0
    ) -> Iterator[tuple[float, str, str]]:
        """See `traffic`; nothing is written yet."""
        return traffic(calls, rate, begin, first, self._counters, part)

    def append(self, lines: list[tuple[str, str]]) -> None:
        """(source, line) in order."""
        for source, path in self.files.items():
            text = "".join(f"{line}\n" for where, line in lines if where == source)
            if text:
                with path.open("a") as file:
                    file.write(text)

    def write(self, calls: int, rate: float, begin: float, first: int, part: float = 1.0) -> None:
        """A whole stretch of traffic at once (see `traffic`)."""
        out = {source: path.open("a") for source, path in self.files.items()}
        for _, source, line in self.traffic(calls, rate, begin, first, part):
            out[source].write(line + "\n")
        for file in out.values():
            file.close()

    @property
    def bytes(self) -> int:
        return sum(path.stat().st_size for path in self.files.values())
