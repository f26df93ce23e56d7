"""What processes used, from /proc: CPU time and memory of a process and all below it."""

import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


def ticks_of(stat: str) -> int:
    """Return the clock ticks, user and system, in the text of `/proc/PID/stat` (proc(5))."""
    # The name in parentheses may hold spaces and parentheses itself.
    fields = stat.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def pss_of(smaps_rollup: str) -> int:
    """Return the kilobytes of memory, shared pages by share, in the text of `smaps_rollup`."""
    for line in smaps_rollup.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise ValueError("no Pss in smaps_rollup")


def family(pid: int) -> list[int]:
    """Return the process and all its living descendants."""
    found = [pid]
    for parent in found:
        for children in (_PROC / str(parent) / "task").glob("*/children"):
            found += [int(child) for child in children.read_text().split()]
    return found


def cpu_seconds(pids: list[int]) -> float:
    """Return the CPU time of the processes since their start; raises OSError when one ended."""
    ticks = sum(ticks_of((_PROC / str(pid) / "stat").read_text()) for pid in pids)
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mb(pids: list[int]) -> float:
    """Return the megabytes of the processes, shared pages by share."""
    texts = [(_PROC / str(pid) / "smaps_rollup").read_text() for pid in pids]
    return sum(pss_of(text) for text in texts) / 1024


def busy_ticks(stat: str) -> int:
    """Return the ticks that all cores worked for anybody, in the text of `/proc/stat` (proc(5))."""
    user, nice, system, _idle, _iowait, irq, softirq = stat.split()[1:8]
    return sum(map(int, (user, nice, system, irq, softirq)))


@dataclass(frozen=True)
class Used:
    """Seconds of CPU; others: cores that processes outside of the measurement kept busy."""

    gateway: float
    upstream: float
    others: float


class Meter:
    """Counts from its making on; wrk and this process are neither the gateway nor others."""

    def __init__(self, gateway: int, upstream: int) -> None:
        self.gateway, self.upstream = family(gateway), family(upstream)
        self._before = self._now()

    def _now(self) -> tuple[float, float, float, float, float]:
        busy = busy_ticks((_PROC / "stat").read_text()) / os.sysconf("SC_CLK_TCK")
        own = 0.0
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
            usage = resource.getrusage(who)
            own += usage.ru_utime + usage.ru_stime
        gateway, upstream = cpu_seconds(self.gateway), cpu_seconds(self.upstream)
        return time.monotonic(), busy, own, gateway, upstream

    def used(self) -> Used:
        """Return what was used so far; raises OSError where a process of the gateway ended."""
        pairs = zip(self._now(), self._before, strict=True)
        wall, busy, own, gateway, upstream = (now - before for now, before in pairs)
        return Used(gateway, upstream, max(0.0, busy - own - gateway - upstream) / wall)
