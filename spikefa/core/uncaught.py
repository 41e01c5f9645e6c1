"""Uncaught errors of spikefa, without the report to Brian2's developers that Brian2's hook asks for."""

from __future__ import annotations

import sys
from types import TracebackType

from brian2.utils.logger import BrianLogger, brian_excepthook

from spikefa.errors import SpikefaError


def print_uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Print an error of spikefa as Python does, and leave any other to Brian2."""
    if not issubclass(kind, SpikefaError):
        brian_excepthook(kind, error, traceback)
        return
    BrianLogger.exception_occured = True  # then it does not warn of objects that were never run
    sys.__excepthook__(kind, error, traceback)


def use_hook() -> None:
    """Take the place of Brian2's hook, and of no other, such as a debugger's."""
    if sys.excepthook is brian_excepthook:
        sys.excepthook = print_uncaught
