"""For tests on real Postgres: a journal folder like Asterisk's, and waiting for conditions."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.scenarios.stories import lines


class JournalFolder:
    """Where a test plays Asterisk: it appends captured lines to the two files."""

    def __init__(self, folder: Path) -> None:
        self.files = {"cel": folder / "cel.jsonl", "queue_log": folder / "queue_log"}

    def append(self, source: str, data: bytes) -> None:
        with self.files[source].open("ab") as file:
            file.write(data)

    def play(self, name: str, first: int = 0, last: int | None = None) -> None:
        """Write lines [first, last) of a captured story, each to its file."""
        for source, line in lines(name)[first:last]:
            self.append(source, line.encode() + b"\n")


@pytest.fixture
def journal(tmp_path: Path) -> JournalFolder:
    return JournalFolder(tmp_path)


async def eventually(condition: Callable[[], Awaitable[Any]], seconds: float = 10) -> Any:
    """The first true answer of `condition`; fails after `seconds`."""
    async with asyncio.timeout(seconds):
        while not (answer := await condition()):
            await asyncio.sleep(0.02)
        return answer
