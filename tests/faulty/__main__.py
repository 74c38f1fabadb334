"""`python -m tests.faulty`: calls with injected faults of each kind; what was found, missed, and raised in vain.

`[--calls 100000]`: simulated calls, judged by the code that listens. `--real 1000`: real ones through a real hotline.
Exit code 1 when a fault was missed, or more than 0.1 % of sound calls were called faulty.
"""

import argparse
import asyncio
import sys
from concurrent.futures import ProcessPoolExecutor

from rich.console import Console
from rich.table import Table

from tests.faulty.real import real
from tests.faulty.scoring import Score, score
from tests.faulty.simulated import FAULTS, Outcome, simulate

PART = 1000
FALSE_ALARMS = 0.001
IN_DISASTERS = 160
"""About so many of a thousand real calls are those of the hotline's own disasters"""
EACH = 20
SHOWN = 10


def _part(asked: tuple[int, int]) -> Outcome:
    return simulate(*asked)


def simulated(calls: int, seed: int) -> int:
    total = Outcome()
    parts = [(min(PART, calls - n), seed + n) for n in range(0, calls, PART)]
    with ProcessPoolExecutor(2) as pool:
        for part in pool.map(_part, parts):
            for name in ("injected", "missed", "false_alarms"):
                getattr(total, name).update(getattr(part, name))
            total.sound += part.sound
    table = Table("fault", "injected", "missed", title=f"{calls} simulated calls")
    for name in FAULTS:
        table.add_row(name, str(total.injected[name]), str(total.missed[name]))
    table.add_row("none", str(total.sound), f"{total.false_alarms.total()} false alarms ({total.false_share:.4%})")
    Console().print(table)
    if total.false_alarms:
        print(dict(total.false_alarms))
    return 0 if not total.missed.total() and total.false_share <= FALSE_ALARMS else 1


def through_a_hotline(calls: int, seed: int) -> int:
    each = -(-EACH * calls // 1000)
    trial = asyncio.run(
        real(calls - IN_DISASTERS * calls // 1000, each, seed, say=lambda text: print(text, flush=True))
    )
    result = score(trial)
    show(result, f"{len(trial.played)} real calls, {trial.seconds:.0f} s", trial.before.completeness)
    return 0 if not result.missed and not result.broken and result.false_share <= FALSE_ALARMS else 1


def show(result: Score, title: str, completeness: dict[str, int]) -> None:
    table = Table("fault", "injected", "found", "missed", "found as", title=title)
    for name, line in result.lines.items():
        ways = "; ".join(f"{way} ×{number}" for way, number in line.found.most_common(4))
        table.add_row(name, str(line.injected), str(line.found.total()), str(len(line.missed)), ways)
    said = f"{len(result.false_alarms)} false alarms ({result.false_share:.2%})"
    table.add_row("none", str(result.sound), "", "", said)
    Console(width=150).print(table)
    print("The report of the day:", ", ".join(f"{name} {number}" for name, number in completeness.items()))
    for heading, texts in (
        ("missed", [text for line in result.lines.values() for text in line.missed]),
        ("false alarm", result.false_alarms),
        ("our phones were late", result.late),
        ("not as planned", result.not_made),
        ("does not add up", result.broken),
    ):
        for text in texts[:SHOWN]:
            print(f"{heading}: {text}")
        if len(texts) > SHOWN:
            print(f"{heading}: {len(texts) - SHOWN} more")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--real", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    return through_a_hotline(asked.real, asked.seed) if asked.real else simulated(asked.calls, asked.seed)


if __name__ == "__main__":
    sys.exit(main())
