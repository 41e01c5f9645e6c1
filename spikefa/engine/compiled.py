"""Compile functions with numba, and keep their machine code where nobody else can write.

What lies in a cache of compiled code is run as it is, so the folder must be the user's own, and closed to others. It is
``$SPIKEFA_CACHE``, else ``$NUMBA_CACHE_DIR/spikefa``, else ``~/.cache/spikefa/kernels``. Without such a folder, all
works, but each process compiles anew.
"""

from __future__ import annotations

import hashlib
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
from numba.core.caching import FunctionCache, IndexDataCacheFile

from spikefa.errors import SpikefaWarning

_naming = threading.RLock()

#: Called with the name of each function that this process is about to load or compile, see `compile_ahead`.
ahead: Callable[[str], None] | None = None


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


@cache
def _kernels() -> bytes:
    paths = [Path(__file__), *sorted(Path(__file__).with_name("kernels").glob("*.py"))]
    return hashlib.sha256(b"\n".join(path.read_bytes() for path in paths)).digest()


def _version(function: Callable) -> str:
    """Return what the machine code of a function follows from: the text of its module, and of those that it may call.

    numba compares the time of its module alone: after a change of another module, whose functions are compiled into it,
    as a `git pull` makes, the old code would go on.
    """
    return hashlib.sha256(Path(function.__code__.co_filename).read_bytes() + _kernels()).hexdigest()[:16]


class _Files(IndexDataCacheFile):
    """numba's files of a function, safe against processes that save other signatures of it at the same time.

    numba numbers the files of machine code in their order, and names one in the index before it is written: two
    processes could write into one file, and what a killed one has not written would be read from before. Here its
    number follows from the signature, and it is written first.
    """

    def save(self, key: tuple, data: Any) -> None:
        """Save machine code, and then that it is there."""
        name = self._data_name(int(hashlib.sha256(repr(key).encode()).hexdigest()[:12], 16))
        self._save_data(name, data)
        self._save_index(self._load_index() | {key: name})

    @property
    def empty(self) -> bool:
        """Whether nothing is there that fits the source."""
        return not self._load_index()


class _Cache(FunctionCache):
    """numba's cache of a function; it asks first whether another process compiles the function.

    Environments that have the same texts share it, wherever they are installed.
    """

    def __init__(self, function: Callable, folder: Path):
        super().__init__(function)
        self.name = name_of(function)
        self._cache_path, version = str(folder), _version(function)
        self._cache_file = _Files(self._cache_path, f"{self._impl.filename_base}-{version}", version)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the machine code for a signature, or None."""
        if ahead is not None:
            ahead(self.name)
        found = super().load_overload(sig, target_context)
        if found is not None:  # what is compiled now and calls it is kept with all that it needs, such as threads
            found.library._reload_init = set(found.reload_init)
        return found


def name_of(function: Callable) -> str:
    """Return a function's full name."""
    return f"{function.__module__}.{function.__qualname__}"


def is_kept(function: Any) -> bool:
    """Return whether machine code of a function of `compiled` is kept, for whatever types."""
    return isinstance(function._cache, _Cache) and not function._cache._cache_file.empty


def compiled(**options: Any) -> Callable[[Callable], Callable]:
    """Return a decorator as `numba.njit`, which keeps the machine code for later processes, if it can.

    Parameters
    ----------
    **options
        Those of `numba.njit`, without ``cache``.
    """

    def decorate(function: Callable) -> Callable:
        dispatcher, folder = numba.njit(**options)(function), private_folder()
        if folder is not None:
            with kept_in(folder):
                dispatcher._cache = _Cache(function, folder)  # in the place of that of `cache=True`
        return dispatcher

    return decorate
