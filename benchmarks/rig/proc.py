"""What the kernel counts of a process (proc(5))."""

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
MIB = 1 << 20


def _times(pid: int) -> list[float]:
    """utime, stime, cutime, cstime in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return [int(field) / TICKS for field in fields[11:15]]


def cpu(pid: int) -> float:
    """CPU seconds of a process, all threads, and of the children that it has waited for."""
    return sum(_times(pid))


def rss(pid: int) -> float:
    """Resident memory, MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MIB


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def title(pid: int) -> str:
    """The command line; a Postgres backend's names its database."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def tree_cpu(pid: int) -> dict[int, float]:
    """CPU seconds of a process and of each living child by pid."""
    found = {pid: cpu(pid)}
    for child in children(pid):
        try:
            found[child] = cpu(child)
        except OSError:
            continue
    return found


def descendants(pid: int) -> list[int]:
    """Children, theirs and so on; none of a process that has gone."""
    try:
        return [each for child in children(pid) for each in (child, *descendants(child))]
    except OSError:
        return []


def whole_cpu(pid: int) -> float:
    """CPU seconds of a process with all that came of it, living or waited for; 0 when it has gone."""
    try:
        return cpu(pid) + sum(whole_cpu(child) for child in children(pid))
    except OSError:
        return 0.0


def idle_seconds() -> float:
    """What all processors together have idled, waiting for the disk included (proc(5), /proc/stat)."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return (int(fields[4]) + int(fields[5])) / TICKS
