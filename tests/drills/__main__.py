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
    """How many faults there were."""
    faults = 0
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}", flush=True)
    for name in options.set or [*SETS, "pair"]:
        try:
            outcomes = await run_set(name, long=not options.short, names=options.names, report=report)
        except Exception:
            traceback.print_exc()
            faults += 1
            continue
        faults += sum(len(outcome.faults) for outcome in outcomes)
    print("nothing lost, doubled, invented, altered" if not faults else f"{faults} faults")
    return faults


if __name__ == "__main__":
    sys.exit(bool(asyncio.run(drill(arguments()))))
