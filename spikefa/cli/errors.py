"""Errors and warnings as sentences: what a user can mend is printed in one or two; a bug shows its traceback."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from spikefa.cli.output import console
from spikefa.errors import SpikefaError, SpikefaWarning

#: What an error's `hint` means on the command line; one that is not here, of other code, is printed as it is.
HINTS = {
    "another directory": "Give another directory with --run.",
    "data directory": "Name the directory of the data with --data-dir or the variable SPIKEFA_DATA.",
    "directory taken": "Go on with: spikefa resume DIRECTORY, or give another directory with --run.",
    "trust": "If you trust it, say --trust: it then runs with all that you may do.",
    "random or search": "Draw N points from it with --random N, or let Optuna choose them with --search N.",
    "another study": "Give another directory with --study.",
    "recordings": "They are made with: spikefa train --record-activity (the default).",
}


#: Status with which a command ends, by the class of the error.
STATUS: dict[type[Exception], int] = {SpikefaError: 2, OSError: 3}


def status_of(error: Exception) -> int | None:
    """Return the status with which an error ends the process; None if it is a bug."""
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), None)


def in_words(error: Exception) -> dict[str, str]:
    """Return an error's sentence, and what may help, if that is known."""
    hint = getattr(error, "hint", None)
    return {"error": str(error)} | ({} if hint is None else {"hint": HINTS.get(hint, hint)})


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """End the process with a sentence for an error inside, and with its `STATUS`."""
    try:
        yield
    except Exception as error:
        if (status := status_of(error)) is not None:
            said = in_words(error)
            console.print(f"spikefa: {said['error']}", style="red")
            if "hint" in said:
                console.print(said["hint"], style="red")
            sys.exit(status)
        sys.excepthook = sys.__excepthook__  # Brian2's asks for a report to Brian2, of a mistake in a model too
        raise


@contextmanager
def warnings_as_sentences() -> Iterator[None]:
    """Print a `SpikefaWarning` as a sentence; other warnings, as ever, with the place in the code."""
    stock = warnings.showwarning
    logging.captureWarnings(True)  # as Brian2 does at its import, over what would be set here
    logged = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if issubclass(category, SpikefaWarning):
            console.print(f"spikefa: {message}", style="yellow")
        else:
            (logged if "brian2" in sys.modules else stock)(message, category, *place, **more)

    warnings.showwarning = show
    try:
        yield
    finally:
        logging.captureWarnings(False)
        warnings.showwarning = stock
