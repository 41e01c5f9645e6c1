"""What tells that a file was written again."""

from __future__ import annotations

from pathlib import Path


def stamp(path: Path) -> tuple[int, ...]:
    """Return time, size and number of a file, which change when it is written or replaced; nothing without a file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino
