"""What real calls left behind (tests/scenarios), as the bytes that stood in the files: the seeds of every target."""

from functools import cache
from pathlib import Path

from tests.scenarios.stories import NAMES, lines

AMI = Path(__file__).parents[1] / "scenarios" / "ami"


@cache
def journal_files() -> dict[str, dict[str, bytes]]:
    """Story → source → the file's bytes."""
    return {name: {source: _file(name, source) for source in ("cel", "queue_log")} for name in NAMES}


def _file(name: str, source: str) -> bytes:
    return b"".join(line.encode() + b"\n" for _, line in lines(name, source))


@cache
def ami_streams() -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in sorted(AMI.glob("*.ami")))
