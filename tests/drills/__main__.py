"""`make drill`: every drill in its long form; prints a table and ends with 1 when anything was wrong."""

import argparse
import asyncio
import sys

from tests.drills.drills import SHARED
from tests.drills.run import Outcome, row, run
from tests.drills.site import drill_site

HEAD = (
    "drill|fault s|calls|talks|lost|doubled|invented|altered|harmed|recordings|announced|well after s|operator was told"
)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Fault drills on a real hotline under load.")
    parser.add_argument("--short", action="store_true", help="the forms of make test")
    parser.add_argument("names", nargs="*", help="only drills whose names contain one of these")
    return parser.parse_args()


async def drill(options: argparse.Namespace) -> int:
    faults: list[str] = []
    wanted = [d for d in SHARED if not options.names or any(name in d.name for name in options.names)]
    print("|" + HEAD + "|\n|" + "---|" * HEAD.count("|") + "---|", flush=True)
    async with drill_site() as site:
        for index, each in enumerate(wanted, 10):
            outcome: Outcome = await run(site, each, index, long=not options.short)
            print("|" + "|".join(map(str, row(outcome))) + "|", flush=True)
            faults += outcome.faults
    for fault in faults:
        print("✗", fault[:1500])
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(drill(arguments())))
