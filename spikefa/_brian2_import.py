"""Import Brian2 in any thread, under a parent that ignores Ctrl-C, and with a log that may fail.

Brian2 puts a handler of SIGINT over the one that it finds, when it is imported. Python allows that in the main thread
alone, so that a Dask or web worker could not import Brian2. And the handler calls the one below, which cannot be called
if the signal is ignored or left to the system, as in a process that a script has started by ``&``.

Brian2 keeps a log in a temporary file. If its disk is full, Python prints a traceback for every record.
"""

from __future__ import annotations

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
