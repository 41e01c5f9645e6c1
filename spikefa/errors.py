"""The exceptions of spikefa: one tree, whose messages are sentences for users.

Every message names the owner, the rule and the value: ``Layer 'h1': units must be a positive whole number, got 0``.
The command line prints these, and `OSError`, as one sentence; any other exception is a bug and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class SpikefaError(Exception):
    """What a user did or gave cannot work; the message says what and why.

    Parameters
    ----------
    message : str
        A sentence that names no option of the command line.
    hint : str, optional
        What would help, in one or two words, such as ``"data directory"``: the command line adds a sentence about it
        (see `spikefa.cli.errors.HINTS`).
    """

    def __init__(self, *message: object, hint: str | None = None):
        super().__init__(*message)
        self.hint = hint


class ArgumentError(SpikefaError, ValueError):
    """An argument has the wrong type, shape or range."""


class EquationError(SpikefaError, ValueError):
    """Equations or statements cannot run: bad syntax, an unknown name, units that do not agree."""


class DataError(SpikefaError, ValueError):
    """Data do not have the expected form; the message says what to do about it."""


class ModelError(SpikefaError, ValueError):
    """A model cannot be found, its file lacks what every model has, or a parameter does not fit."""


class RunError(SpikefaError, ValueError):
    """A run directory cannot be made or used; the message names it and the reason."""


class LockedError(RunError):
    """Another process trains the run now; the message names it."""


class CheckpointError(SpikefaError, ValueError):
    """A checkpoint cannot be used; the message names the file and the reason."""


class DivergenceError(SpikefaError, ArithmeticError):
    """Weights or activity are no longer finite."""


class SpikefaWarning(UserWarning):
    """What a user should know and may well want; the command line prints it as one sentence."""


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'eta'?"`` for a misspelt name, or an empty string if nothing is similar."""
    matches = get_close_matches(str(name), [str(other) for other in known], n=1)
    return f"; did you mean {matches[0]!r}?" if matches else ""
