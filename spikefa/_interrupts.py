"""Ctrl-C is not lost in a callback.

Python drops an exception that is raised in a callback of a weak reference, in a finalizer, or in a function that C
calls, and prints its traceback. Compilers and garbage collection call such functions all the time, so that Ctrl-C may
well be raised in one.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

#: Seconds after which a dropped Ctrl-C comes again, when the callback has returned.
_AGAIN = 0.01


@contextmanager
def interrupts_are_kept() -> Iterator[None]:
    """Within it, a Ctrl-C that Python drops comes again a moment later, in place of the traceback."""
    before = sys.unraisablehook

    def hook(dropped: Any) -> None:
        if dropped.exc_type is KeyboardInterrupt:
            again = threading.Timer(_AGAIN, _come_again)
            again.daemon = True
            again.start()
        else:
            before(dropped)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


def _come_again() -> None:
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)  # wakes it where it waits
    else:  # Windows
        signal.raise_signal(signal.SIGINT)
