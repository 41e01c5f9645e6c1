"""Write files whole: a reader sees the old contents or the new, never a part."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def write_new(path: str | os.PathLike, data: str, what: str = "the file") -> None:
    """Write a file that must not exist yet: if two processes write it at once, one is refused.

    Parameters
    ----------
    path : path
    data : str
        Written as UTF-8.
    what : str
        What the file is, for the error message.

    Raises
    ------
    FileExistsError
        If the file exists.
    OSError
        If it cannot be written (no such folder, no permission, disk full); then no file is left.
    """
    path = Path(path)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        try:
            with open(descriptor, "wb") as f:
                f.write(data.encode())
                f.flush()
                os.fsync(f.fileno())
        except BaseException:
            path.unlink()
            raise
    except OSError as error:
        raise OSError(error.errno, f"cannot write {what} ({error.strerror})", str(path)) from error


def write_whole(path: str | os.PathLike, data: bytes | str, what: str = "the file") -> None:
    """Write a file atomically: temporary file, fsync, rename.

    Parameters
    ----------
    path : path
    data : bytes or str
        Text is written as UTF-8.
    what : str
        What the file is, for the error message.

    Raises
    ------
    OSError
        If it cannot be written (no such folder, no permission, disk full). An older file is untouched.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            with open(part, "wb") as f:
                f.write(data.encode() if isinstance(data, str) else data)
                f.flush()
                os.fsync(f.fileno())
            os.replace(part, path)
        finally:
            with contextlib.suppress(OSError):
                part.unlink()
    except OSError as error:
        raise OSError(error.errno, f"cannot write {what} ({error.strerror})", str(path)) from error
