"""Compile functions with numba, and keep their machine code where nobody else can write.

What lies in a cache of compiled code is run as it is, so the folder must be the user's own, and closed to others. It is
``$SPIKEFA_CACHE``, else ``$NUMBA_CACHE_DIR/spikefa``, else ``~/.cache/spikefa/kernels``. Without such a folder, all
works, but each process compiles anew.
"""

from __future__ import annotations

import os
import stat
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numba

from spikefa.errors import SpikefaWarning

_naming = threading.RLock()


def cache_folder() -> Path | None:
    """Return the folder of compiled code, which need not exist; None for a user without a home."""
    if os.environ.get("SPIKEFA_CACHE"):
        return Path(os.path.expanduser(os.environ["SPIKEFA_CACHE"])).absolute()
    if os.environ.get("NUMBA_CACHE_DIR"):
        return Path(os.environ["NUMBA_CACHE_DIR"], "spikefa").absolute()
    place = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    return place / "spikefa" / "kernels" if place.is_absolute() else None


def private_folder() -> Path | None:
    """Return the folder of compiled code, made if it is not there yet.

    Returns
    -------
    Path or None
        None if it cannot be made or written; or, with a warning, if others could put code into it.
    """
    folder = cache_folder()
    return folder if folder is not None and _is_private(folder) else None


@cache
def _is_private(folder: Path) -> bool:
    try:
        folder.mkdir(0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        fault = _fault(folder)
    except OSError:
        return False
    if fault:
        warnings.warn(
            f"{fault}, who could change the code that spikefa keeps in {folder} and runs; so it keeps none there, and "
            "compiles anew in each process: remove the folder, or name another one by the variable SPIKEFA_CACHE",
            SpikefaWarning,
            stacklevel=2,
        )
    return not fault


def _fault(folder: Path) -> str:
    """Return why others could change what is in a folder, or nothing."""
    if not hasattr(os, "geteuid"):
        return ""  # on Windows, a user's folders are the user's own
    folder = folder.resolve()
    own = folder.stat()
    if own.st_uid != os.geteuid():
        return f"{folder} belongs to another user"
    if own.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"{folder} is writable by others"
    for above in folder.parents:
        mode = above.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            return f"{above} is writable by others"
    return ""


@contextmanager
def kept_in(folder: Path) -> Iterator[None]:
    """Within it, numba keeps the machine code of functions that are decorated with ``cache=True`` in a folder."""
    with _naming:
        before = numba.config.CACHE_DIR
        numba.config.CACHE_DIR = str(folder)
        try:
            yield
        finally:
            numba.config.CACHE_DIR = before


def compiled(**options: Any) -> Callable[[Callable], Callable]:
    """Return a decorator as `numba.njit`, which keeps the machine code for later processes, if it can.

    Parameters
    ----------
    **options
        Those of `numba.njit`, without ``cache``.
    """

    def decorate(function: Callable) -> Callable:
        folder = private_folder()
        if folder is None:
            return numba.njit(**options)(function)
        with kept_in(folder):
            return numba.njit(cache=True, **options)(function)

    return decorate
