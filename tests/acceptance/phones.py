"""Phones for acceptance tests and the demo: each is a process of its own, driven from asyncio."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PROGRAM = Path(__file__).with_name("softphone.py")


class Softphone:
    """One SIP phone: `async with` starts it and leaves no process behind.

    With a password it is an agent's phone and has registered when `async with` begins; without one it is a caller,
    whose `bind` is the trunk's address.
    """

    def __init__(
        self,
        user: str,
        server: str,
        *,
        password: str = "",
        bind: str = "127.0.0.1",
        port: int = 0,
        tls: bool = False,
        certificate: Path | None = None,
        tone: int = 880,
        name: str = "",
        record: Path | None = None,
        say: Path | None = None,
        codec: str = "",
    ) -> None:
        self.user = user
        self.server = server
        self.password = password
        given: dict[str, object] = {"--password": password, "--name": name, "--record": record, "--say": say}
        given |= {"--certificate": certificate, "--codec": codec}
        options = [word for key, value in given.items() if value for word in (key, str(value))]
        self._command = [sys.executable, str(PROGRAM), "--user", user, "--server", server]
        self._command += [
            "--bind",
            bind,
            "--port",
            str(port),
            "--tone",
            str(tone),
            *options,
            *(["--tls"] if tls else []),
        ]
        self._by = ";transport=tls" if tls else ""
        self.events: list[dict[str, Any]] = []
        self._taken = 0
        self._arrived = asyncio.Condition()

    async def __aenter__(self) -> Self:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(*self._command, stdin=pipe, stdout=pipe)
        self._reading = asyncio.create_task(self._read())
        await self.expect("registered" if self.password else "started")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.send("quit")
            await asyncio.wait_for(self._process.wait(), 5)
        except (TimeoutError, ConnectionError):
            self._process.kill()
            await self._process.wait()
        await self._reading

    def send(self, command: str) -> None:
        """One command of `softphone.py`, such as `hangup` or `auto 0.5`."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n".encode())

    def dial(self, number: str) -> None:
        self.send(f"dial sip:{number}@{self.server}{self._by}")

    def transfer(self, number: str) -> None:
        self.send(f"transfer sip:{number}@{self.server}")

    def consult(self, number: str) -> None:
        self.send(f"consult sip:{number}@{self.server}")

    async def expect(self, event: str, within: float = 30, **facts: Any) -> dict[str, Any]:
        """The next event of that name (and facts) that was not expected before; it may have happened already.

        Raises `AssertionError` with what did happen when it does not come within so many seconds.
        """
        try:
            async with asyncio.timeout(within), self._arrived:
                while (found := self._next(event, facts)) is None:
                    if self._process.returncode is not None:
                        raise AssertionError(f"phone {self.user} ended with {self._process.returncode}")
                    await self._arrived.wait()
                return found
        except TimeoutError:
            raise AssertionError(f"phone {self.user} saw no {event} {facts}, but {self.events}") from None

    def _next(self, event: str, facts: dict[str, Any]) -> dict[str, Any] | None:
        for index in range(self._taken, len(self.events)):
            seen = self.events[index]
            if seen["event"] == event and facts.items() <= seen.items():
                self._taken = index + 1
                return seen
        return None

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            async with self._arrived:
                self.events.append(json.loads(line))
                self._arrived.notify_all()
        async with self._arrived:
            await self._process.wait()
            self._arrived.notify_all()


@asynccontextmanager
async def dial(
    number: str, server: str, *, caller: str = "13800138000", trunk: str = "127.0.0.9", **options: Any
) -> AsyncIterator[Softphone]:
    """A citizen who dials `number` through the trunk, saying 440 Hz; leaving hangs up."""
    async with Softphone(caller, server, bind=trunk, **{"tone": 440, **options}) as phone:
        phone.dial(number)
        yield phone
