"""`make drill`: every drill in its long form; prints a table and ends with 1 when anything was wrong."""

import argparse
import asyncio
import sys
import traceback

from tests.drills.places import SETS, run_set
from tests.drills.run import Outcome, row

HEAD = (
    "drill",
    "fault, s",
    "calls",
    "talks",
    "unwritten",
    *("lost", "doubled", "invented", "altered", "harmed", "recordings", "announced"),
    "well after, s",
    "operator was told",
)
LONGEST = "service"
SHOWN = 5
"""Faults printed a drill; the sum tells of the rest."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Fault drills on a real hotline under load.")
    parser.add_argument("--short", action="store_true", help="the forms of make test")
    parser.add_argument("--set", action="append", choices=[*SETS, "pair"], help="only this set; may be repeated")
    parser.add_argument("names", nargs="*", help="only drills whose names contain one of these")
    return parser.parse_args()


def report(outcome: Outcome) -> None:
    print(f"| {' | '.join(map(str, row(outcome)))} |", flush=True)
    for fault in outcome.faults[:SHOWN]:
        print("✗", fault[:2000], flush=True)


async def drill(options: argparse.Namespace) -> int:
    """How many faults there were. The longest set goes beside the others: most of a drill is waiting."""
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}", flush=True)
    names = options.set or [*SETS, "pair"]
    lanes = [[name for name in names if name == LONGEST], [name for name in names if name != LONGEST]]
    faults = sum(await asyncio.gather(*(_lane(lane, options) for lane in lanes)))
    print("Nothing lost, doubled, invented, altered." if not faults else f"{faults} faults")
    return faults


async def _lane(names: list[str], options: argparse.Namespace) -> int:
    faults = 0
    for name in names:
        try:
            outcomes = await run_set(name, long=not options.short, names=options.names, report=report)
            faults += sum(len(outcome.faults) for outcome in outcomes)
        except Exception:
            traceback.print_exc()
            faults += 1
    return faults


if __name__ == "__main__":
    sys.exit(bool(asyncio.run(drill(arguments()))))
