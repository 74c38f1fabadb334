"""`python -m tests.acceptance.corpus [words of a story's name …]`: tell the stories and print the table.

Each call is judged twice: as Asterisk's files tell of it, and as AMI alone does.
"""

import sys
from pathlib import Path

import pytest

from tests.acceptance.corpus.table import BY_AMI

FOLDER = Path(__file__).parent


def main(words: list[str]) -> int:
    chosen = ["-k", " or ".join(f"({' and '.join(word.split())})" for word in words)] if words else []
    quiet = ["-q", "--no-header", "--tb=line", "-p", "no:cacheprovider"]
    at_once = [] if words else ["-n", "2", "--dist", "loadfile"]
    return int(pytest.main([str(FOLDER), BY_AMI, *quiet, *at_once, *chosen]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
