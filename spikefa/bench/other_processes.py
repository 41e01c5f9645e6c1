"""How much other processes use the machine while something is measured: Linux says it in ``/proc``."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

STAT = Path("/proc/stat")


class OtherProcesses:
    """Their share of the processors since it was made: 1 is all of them; 0 where it is not known.

    What this process and its children use is not counted.
    """

    def __init__(self):
        self._began, self._busy, self._own = time.perf_counter(), _busy(), _own()

    @property
    def share(self) -> float:
        """The share until now."""
        passed = (time.perf_counter() - self._began) * (os.cpu_count() or 1)
        others = _busy() - self._busy - (_own() - self._own)
        return max(0.0, others / passed) if passed > 0 else 0.0


def _busy() -> float:
    """Return the seconds that all processors were at work, for the machine's own host, too."""
    if not STAT.exists():
        return _own()
    user, nice, system, _, _, irq, soft, steal = map(int, STAT.read_text().split(maxsplit=9)[1:9])
    return (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")


def _own() -> float:
    """Return the seconds of this process and its children, those that are gone among them."""
    mine = os.times()
    seconds = sum(mine[:4])
    for pid in _children(os.getpid()):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        seconds += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return seconds


def _children(pid: int) -> Iterator[int]:
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = [int(child) for child in listed.read_text().split()]
        except OSError:
            continue
        for child in found:
            yield child
            yield from _children(child)
