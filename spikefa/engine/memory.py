"""Memory: how much there is to take."""

from __future__ import annotations

import re
from pathlib import Path

from spikefa.errors import ArgumentError

#: The limit of a container or batch job, and what it has taken of it.
_LIMITS = (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))


def free_memory(proc: Path = Path("/proc/meminfo"), groups: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Return how many bytes this process could take without swapping; None if the system does not tell.

    Parameters
    ----------
    proc, groups : Path
        Where Linux tells it.
    """
    found = []
    available = re.search(r"MemAvailable:\s*(\d+) kB", _text(proc))
    if available:
        found.append(1024 * int(available[1]))
    for limit, taken in _LIMITS:
        numbers = [_text(groups / name).strip() for name in (limit, taken)]
        if all(number.isdigit() for number in numbers):
            found.append(int(numbers[0]) - int(numbers[1]))
    return max(0, min(found)) if found else None


def require_memory(owner: str, what: str, size: int, share: int = 1) -> None:
    """Refuse what would need more memory than is free, before any is taken.

    Parameters
    ----------
    owner, what : str
        For the message.
    size : int
        Bytes.
    share : int
        It has to fit into one of so many equal parts of the free memory.

    Raises
    ------
    ArgumentError
        If it does not fit.
    """
    free = free_memory()
    if free is not None and size > free // share:
        part = "half of " if share == 2 else ""
        raise ArgumentError(
            f"{owner}: {what} must fit into {part}the free memory, {free // share:,} bytes, got {size:,} bytes"
        )


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
