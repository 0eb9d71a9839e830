"""What the operating system knows of our processes: which cores they run on, CPU seconds, resident memory (Linux)."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SERVER_CORE, LOAD_CORE = 0, 1
_TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """This process, and all that it starts meanwhile, run on one core; without effect where there is no such core."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    with suppress(OSError):             # before may be another core: it says nothing of which there are
        os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def family(pid: int) -> list[int]:
    """The process and everything that descends from it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            parents[int(entry.name)] = int(fields[1])
    found = [pid]
    for process in found:
        found.extend(child for child, parent in parents.items() if parent == process and child not in found)
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of the process and its descendants so far."""
    return sum((int(fields[11]) + int(fields[12])) / _TICKS for one in family(pid) if (fields := _stat(one)))


def resident_mb(pid: int) -> float:
    """Resident memory of the process alone, in MB (10^6 bytes); 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmRSS:")), 0.0)


def peak_mb() -> float:
    """The most resident memory that this process ever had, in MB. Not getrusage's: that of a child begins with its
    parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM:"))


def largest_resident_mb(pid: int) -> float:
    """Of a server's processes the one that holds most: its only worker."""
    return max(resident_mb(one) for one in family(pid))


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat after the name, which may contain anything; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
