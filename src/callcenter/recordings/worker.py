"""The process that makes recordings: beside the listener, at the lowest priority, so that running calls come first.

A processor that is never idle would leave it nothing for ever. So a recording that has waited too long is made by a
process of low priority instead, which gets its small share of a full machine.

Jobs come as lines of JSON on standard input, answers go as lines to standard output; at the end of the input it ends,
so it never outlives its listener. It knows no database, no settings, and of the site's key the public half alone.
"""

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson
import structlog

from callcenter.errors import in_one_line

log = structlog.get_logger()

ANSWER_LIMIT = 64 << 20
"""Bytes of an answer: the peaks of a call of many hours are in it."""
SYSCALL_IOPRIO_SET, IOPRIO_PROCESS, LAST_OF_BEST_EFFORT, IDLE_CLASS = 251, 1, 2 << 13 | 7, 3 << 13
"""linux/ioprio.h; the number is x86-64's, elsewhere the disk's priority stays."""
AUTOGROUP = Path("/proc/self/autogroup")
"""Where the kernel shares the processor among sessions first (sched(7)), priorities count within our own session alone:
beside Asterisk, which has another one, our session's own niceness does."""
OVERDUE = "overdue"
"""The argument of a process whose jobs have waited too long"""
OVERDUE_NICE = 5
"""A third of what a running process of ordinary priority gets (sched_prio_to_weight in linux/kernel/sched/core.c)"""


@dataclass(frozen=True, slots=True)
class Job:
    """A recording to be sealed from its `legs` (caller, agent; None where there is none), or a `stereo` file."""

    recording: str
    folder: str
    format: str
    public_key: str
    """Path of the PEM file"""
    caller: str | None = None
    agent: str | None = None
    stereo: str | None = None


class JobFailed(OSError):
    """The worker could not do it; the text says why."""


class Worker:
    """Starts the process when there is a job and none runs; one job at a time.

    `patience`: who has waited for longer, in seconds, waits for an idle processor no more.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._overdue = False
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()

    async def do(self, job: Job, waited: float) -> dict[str, Any]:
        """The answer to a job that could have been done `waited` seconds ago.

        Raises `JobFailed`: also when the process dies over it.
        """
        async with self._lock:
            try:
                await self._choose(waited)
                return await self._ask(job)
            except WorkFailed:
                raise
            except BaseException:
                await self.close()  # its answer would be taken for the next job's
                raise

    @property
    def process(self) -> int | None:
        """The id of the process that runs, if one does."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def close(self) -> None:
        """End the process; whatever it was writing is not kept."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _ask(self, job: Job) -> dict[str, Any]:
        process = await self._running()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(orjson.dumps(asdict(job)) + b"\n")
            await process.stdin.drain()
            line = await process.stdout.readline()
        except (ConnectionError, ValueError) as error:
            raise JobFailed(f"the recording worker failed: {in_one_line(error)}") from None
        if not line.endswith(b"\n"):
            raise JobFailed(f"the recording worker died: status {await process.wait()}")
        answer: dict[str, Any] = orjson.loads(line)
        if "failed" in answer:
            raise WorkFailed(answer["failed"])
        return answer

    async def _choose(self, waited: float) -> None:
        """Of two priorities. A process can't raise its own again, so that another one takes over.

        Back at half the patience: not to and fro with each job.
        """
        overdue = waited > (self._patience / 2 if self._overdue else self._patience)
        if overdue != self._overdue:
            log.info("recording_worker_priority", overdue=overdue, waited=round(waited, 1))
            await self.close()
        self._overdue = overdue

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "callcenter.recordings.worker", *([OVERDUE] if self._overdue else []),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=ANSWER_LIMIT,
                start_new_session=True,
            )  # fmt: skip
        return self._process


class WorkFailed(JobFailed):
    """The worker is well; this recording could not be made."""


def _give_way(overdue: bool) -> None:
    """Processor and disk only when nobody else wants them; `overdue`: after the others, yet some of it always."""
    if not overdue:
        with suppress(OSError, AttributeError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    nice = OVERDUE_NICE if overdue else 19
    with suppress(OSError):
        os.nice(nice)
    _give_way_as_session(nice)
    if os.uname().machine == "x86_64":
        import ctypes  # noqa: PLC0415 - only here

        priority = LAST_OF_BEST_EFFORT if overdue else IDLE_CLASS
        ctypes.CDLL(None).syscall(SYSCALL_IOPRIO_SET, IOPRIO_PROCESS, 0, priority)


def _give_way_as_session(nice: int) -> None:
    """The kernel takes one such wish in a tenth of a second, from all processes together (EAGAIN)."""
    for _attempt in range(20):
        with suppress(FileNotFoundError, PermissionError):
            try:
                AUTOGROUP.write_text(str(nice))
            except OSError:
                time.sleep(0.05)
                continue
        return


def _answers(lines: Iterator[bytes]) -> Iterator[bytes]:
    from callcenter.recordings.making import make  # noqa: PLC0415 - encoders are only loaded in the worker

    for line in lines:
        try:
            answer = make(Job(**orjson.loads(line)))
        except Exception as error:
            answer = {"failed": in_one_line(error)}
        yield orjson.dumps(answer)


def main() -> None:
    """Work until the input ends."""
    _give_way(OVERDUE in sys.argv[1:])
    for answer in _answers(sys.stdin.buffer):
        sys.stdout.buffer.write(answer + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
