"""Import Brian2 in any thread, under a parent that ignores Ctrl-C, with a log that may fail, and without matplotlib.

Brian2 puts a handler of SIGINT over the one that it finds, when it is imported. Python allows that in the main thread
alone, so that a Dask or web worker could not import Brian2. And the handler calls the one below, which cannot be called
if the signal is ignored or left to the system, as in a process that a script has started by ``&``.

Brian2 keeps a log in a temporary file. If its disk is full, Python prints a traceback for every record.

Brian2 holds all names of `pylab`, and so imports pyplot, a fourth of the time of its import. It does without if there
is no matplotlib. Here it does, too, until somebody asks for a name that it then lacks, or for all names.
"""

from __future__ import annotations

import builtins
import gc
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from logging import LogRecord
from types import ModuleType
from typing import Any


class _Loader(Loader):
    """Runs Brian2's own loader, and leaves SIGINT alone where Brian2's handler would fail."""

    def __init__(self, own: Any):
        self._own = own

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._own.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__.loader = module.__loader__ = self._own
        with _no_garbage(), _no_pylab(module):
            if threading.current_thread() is not threading.main_thread():
                with _no_handlers():
                    self._own.exec_module(module)
            else:
                before = signal.getsignal(signal.SIGINT)
                self._own.exec_module(module)
                if before is not None and not callable(before):
                    signal.signal(signal.SIGINT, before)
        if (log := module.BrianLogger.file_handler) is not None:
            log.handleError = _lose


def _lose(record: LogRecord) -> None:
    """Leave a record of the log out that cannot be written."""


@contextmanager
def _no_handlers() -> Iterator[None]:
    """Within it, `signal.signal` does nothing in this thread, which may not set handlers."""
    stock, thread = signal.signal, threading.get_ident()

    def set_handler(number: int, handler: Any) -> Any:
        return None if threading.get_ident() == thread else stock(number, handler)

    signal.signal = set_handler
    try:
        yield
    finally:
        signal.signal = stock


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Within it, garbage is not looked for: what an import makes stays."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@contextmanager
def _no_pylab(brian2: ModuleType) -> Iterator[None]:
    """Within it, Brian2 finds no `pylab`, unless it is there already; afterwards, at the first name that it lacks."""
    if "pylab" in sys.modules or "matplotlib.pyplot" in sys.modules:
        yield
        return
    sys.modules["pylab"] = None
    try:
        yield
    finally:
        del sys.modules["pylab"]
    of_numpy, held = _names_without_pylab(), vars(brian2)
    dropped = {name for name in of_numpy if name not in held}  # Brian2 drops some that it finds annoying
    for name in of_numpy:
        if hasattr(builtins, name) and _same(held, of_numpy, name):
            del held[name]  # pylab prefers some of Python's

    def __getattr__(name: str) -> Any:
        if name != "__all__" and name.startswith("_"):
            raise AttributeError(f"module 'brian2' has no attribute {name!r}")
        if held.pop("__getattr__", None) is not None:
            try:
                import pylab
            except ImportError:
                names = of_numpy
            else:
                names = vars(pylab)
            for own, value in names.items():
                if own[0] != "_" and own not in dropped and (own not in held or _same(held, of_numpy, own)):
                    held[own] = value
        return getattr(brian2, name)

    brian2.__getattr__ = __getattr__


def _names_without_pylab() -> dict[str, Any]:
    """Return what Brian2 holds in the place of the names of `pylab`."""
    names: dict[str, Any] = {}
    exec("from numpy import *\nfrom numpy.fft import *\nfrom numpy.linalg import *\nfrom numpy.random import *", names)
    del names["__builtins__"]
    return names


def _same(held: dict[str, Any], others: dict[str, Any], name: str) -> bool:
    return name in held and name in others and held[name] is others[name]


class _Finder(MetaPathFinder):
    """Finds Brian2 where Python does, and gives it a `_Loader`."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != "brian2":
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


def allow_in_any_thread() -> None:
    """Let the first ``import brian2`` of this process, by whomever, work in any thread and under any parent."""
    if "brian2" not in sys.modules:
        sys.meta_path.insert(0, _Finder())
