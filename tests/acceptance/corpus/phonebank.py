"""The asyncio side of `bank.py`: a lane's phones in one process, and what each of them saw."""

import asyncio
import json
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PROGRAM = Path(__file__).with_name("bank.py")
Event = dict[str, Any]


class PhoneBank:
    """`async with` starts the process and leaves none behind. `events` is all that its phones have seen."""

    def __init__(self, server: str, *, trunk_port: int = 0) -> None:
        """`trunk_port` is where its trunk line takes calls; 0 for one that only calls."""
        self.server = server
        self.events: list[Event] = []
        self._command = [sys.executable, str(PROGRAM), str(trunk_port)]
        self._arrived = asyncio.Condition()

    async def __aenter__(self) -> Self:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(*self._command, stdin=pipe, stdout=pipe)
        self._reading = asyncio.create_task(self._read())
        await self.expect({"event": "started"}, 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.tell("quit")
            await asyncio.wait_for(self._process.wait(), 10)
        except (TimeoutError, ConnectionError, AssertionError):
            self._end()
            await self._process.wait()
        await self._reading

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    def tell(self, do: str, **facts: Any) -> None:
        """One command of `bank.py`."""
        assert self._process.stdin is not None
        assert self.alive, f"phones ended with {self._process.returncode}"
        self._process.stdin.write(json.dumps({"do": do, **facts}).encode() + b"\n")

    async def open(self, line: str, *, user: str, password: str = "", bind: str = "127.0.0.1", tone: int = 880) -> None:
        """A phone that registers, or without a password the trunk's side."""
        self.tell("line", line=line, user=user, password=password, bind=bind, tone=tone, server=self.server)
        await self.expect({"event": "registered", "line": line}, 0)

    async def reset(self) -> None:
        """Every phone idle and registered."""
        seen = len(self.events)
        self.tell("reset")
        await self.expect({"event": "reset"}, seen)

    async def register_all(self) -> None:
        """Every phone's registration anew."""
        seen = len(self.events)
        self.tell("register_all")
        await self.expect({"event": "registered all"}, seen)

    def _end(self) -> None:
        if self.alive:
            self._process.kill()

    def find(self, facts: Event, since: int, without: tuple[str, ...] = ()) -> Event | None:
        """The first event from the index `since` on that has these facts and whose call is none of those."""
        for event in self.events[since:]:
            if facts.items() <= event.items() and event.get("call") not in without:
                return event
        return None

    async def expect(self, facts: Event, since: int, within: float = 30, without: tuple[str, ...] = ()) -> Event:
        """Wait for `find`. Raises `AssertionError` with what was seen instead."""
        try:
            async with asyncio.timeout(within), self._arrived:
                while (found := self.find(facts, since, without)) is None:
                    assert self.alive, f"phones ended with {self._process.returncode}"
                    await self._arrived.wait()
                return found
        except TimeoutError:
            raise AssertionError(f"no {facts} within {within} s, but {self.events[since:]}") from None

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            async with self._arrived:
                self.events.append(json.loads(line))
                self._arrived.notify_all()
        async with self._arrived:
            await self._process.wait()
            self._arrived.notify_all()
