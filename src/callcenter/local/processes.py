"""Processes we start, known by pid, start time and boot: no foreign process is ever signalled."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LOG_LIMIT_BYTES = 20_000_000
"""A log file that is larger than this at start is set aside as `.1`."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process: a pid alone may be somebody else's by now, with its start time and boot it can't be."""

    pid: int
    started_ticks: int
    boot_id: str
    child: subprocess.Popen[bytes] | None = field(default=None, compare=False)


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _stat_fields(pid: int) -> list[str] | None:
    """Fields 3 and up of /proc/PID/stat (proc(5)); the name before them may hold spaces and brackets."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def identify(pid: int, child: subprocess.Popen[bytes] | None = None) -> Process | None:
    """The process that has this pid now, or None."""
    fields = _stat_fields(pid)
    return Process(pid, int(fields[19]), _boot_id(), child) if fields else None


def is_alive(process: Process) -> bool:
    """Whether this very process still runs; a zombie counts as dead (and is reaped when it is our child)."""
    if process.child is not None:
        return process.child.poll() is None
    fields = _stat_fields(process.pid)
    running = fields is not None and fields[0] not in "ZX" and int(fields[19]) == process.started_ticks
    return running and process.boot_id == _boot_id()


def remember(path: Path, process: Process) -> None:
    """Note the process in `path`, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    facts = {"pid": process.pid, "started_ticks": process.started_ticks, "boot_id": process.boot_id}
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(facts))
    fresh.replace(path)


def recall(path: Path) -> Process | None:
    """The process noted in `path` when it still runs; a torn or foreign note counts as none."""
    try:
        facts = json.loads(path.read_text())
        process = Process(int(facts["pid"]), int(facts["started_ticks"]), str(facts["boot_id"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return process if is_alive(process) else None


def spawn(
    command: Sequence[str],
    *,
    log: Path,
    note: Path | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    dies_with_us: bool = False,
) -> Process:
    """Start a program in a session of its own (the terminal's Ctrl-C is ours to pass on), output to `log`.

    `note` is where the next start looks for it. Raises `OSError` when the program can't be started.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))
    tied = ("setpriv", "--pdeathsig", "TERM") if dies_with_us else ()
    with log.open("ab") as output:
        child = subprocess.Popen(
            [*tied, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=cwd,
            env=None if env is None else dict(env),
            start_new_session=True,
        )
    process = identify(child.pid, child)
    assert process is not None, "an unreaped child has a /proc entry"
    if note:
        remember(note, process)
    return process


async def ended(process: Process) -> None:
    """Return when the process is gone."""
    while is_alive(process):
        try:
            descriptor = os.pidfd_open(process.pid)
        except OSError:
            continue
        await _readable(descriptor)


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    loop.add_reader(descriptor, gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def send_signal(process: Process, number: signal.Signals) -> None:
    """Signal this very process; nothing happens when it is gone."""
    with contextlib.suppress(OSError):
        descriptor = os.pidfd_open(process.pid)
        try:
            if is_alive(process):
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)


async def stop(process: Process, steps: Iterable[tuple[signal.Signals, float]]) -> None:
    """Ask with each signal in turn, waiting its seconds; SIGKILL comes last of all."""
    for number, seconds in (*steps, (signal.SIGKILL, 10.0)):
        if not is_alive(process):
            return
        send_signal(process, number)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended(process), seconds)


async def until(condition: Callable[[], Awaitable[bool]], seconds: float, *, every: float = 0.05) -> bool:
    """Ask until the condition holds; False when it still doesn't after `seconds`."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await condition():
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(every)
    return True


def last_lines(log: Path, count: int = 5) -> str:
    """The end of a log, for an error message."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return "no log"
    return " | ".join(line.strip() for line in lines[-count:] if line.strip()) or "nothing in the log"
