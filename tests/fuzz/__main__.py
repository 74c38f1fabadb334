"""`python -m tests.fuzz TARGET [--minutes 10]`: look for inputs that break a law, guided by coverage (atheris).

What is found is kept below the corpus folder; a failing input is printed and written as `crash-…` beside it. Each
becomes a line of `regressions.py`, as small as it can be made (`--replay FILE` runs one input, `--shrink FILE` makes
it smaller).
"""

import argparse
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.fuzz.targets import TARGETS, load, shrunk

HANG_SECONDS = 10
"""One input; a plain run takes a few milliseconds, an instrumented one some tens."""
RSS_MEGABYTES = 1024
INSTRUMENTED = ("callcenter.calls", "callcenter.journal", "callcenter.ami")


def write_seeds(folder: Path, seeds: Iterable[bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (folder / f"seed-{number:04d}").write_bytes(seed)


def fuzz(target: str, minutes: float, corpus: Path) -> None:
    """Fuzz until the time is up or a law is broken; does not return."""
    import atheris

    with atheris.instrument_imports(include=list(INSTRUMENTED)):
        module = load(target)
    write_seeds(corpus / "seeds", module.seeds())
    (corpus / "found").mkdir(exist_ok=True)
    options = [
        f"-max_total_time={round(minutes * 60)}", f"-timeout={HANG_SECONDS}", f"-rss_limit_mb={RSS_MEGABYTES}",
        f"-max_len={module.MAX_BYTES}", f"-artifact_prefix={corpus}/", "-print_final_stats=1",
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, f"{corpus}/found", f"{corpus}/seeds"], module.fuzz_one)
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--corpus", type=Path, help="where inputs are kept; a temporary folder without it")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="run this one input")
    parser.add_argument("--shrink", type=Path, metavar="FILE", help="print a smaller input that fails alike")
    said = parser.parse_args()
    if said.replay:
        load(said.target).fuzz_one(said.replay.read_bytes())
    elif said.shrink:
        print(shrunk(load(said.target).fuzz_one, said.shrink.read_bytes()))
    else:
        fuzz(said.target, said.minutes, said.corpus or Path(tempfile.mkdtemp(prefix=f"fuzz-{said.target}-")))


main()
