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

    Examples
    --------
    >>> import spikefa as fa
    >>> try:
    ...     fa.Network(streams=0)
    ... except fa.SpikefaError as error:
    ...     print(error)
    Network: streams must be a positive whole number, got 0
    """

    def __init__(self, *message: object, hint: str | None = None):
        super().__init__(*message)
        self.hint = hint


class ArgumentError(SpikefaError, ValueError):
    """An argument has the wrong type, shape or range.

    Examples
    --------
    >>> import spikefa as fa
    >>> try:
    ...     fa.Range(0, float("inf"))
    ... except fa.ArgumentError as error:
    ...     print(error)
    Range: high must be a finite number, got inf
    """


class EquationError(SpikefaError, ValueError):
    """Equations or statements cannot run: bad syntax, an unknown name, units that do not agree.

    Examples
    --------
    >>> import spikefa as fa
    >>> try:
    ...     fa.Layer(fa.Network(), "layer", 2, "dv/dt = -v / ms")
    ... except fa.EquationError as error:
    ...     print(error)
    Layer 'layer': Parsing failed: ...
    """


class DataError(SpikefaError, ValueError):
    """Data do not have the expected form; the message says what to do about it.

    Examples
    --------
    >>> import spikefa as fa
    >>> try:
    ...     fa.datasets.load("missing.npz")
    ... except fa.DataError as error:
    ...     print(error)
    missing.npz: expected a file .npz, or a folder of images by class, found none
    """


class ModelError(SpikefaError, ValueError):
    """A model cannot be found, its file lacks what every model has, or a parameter does not fit.

    Examples
    --------
    >>> import spikefa as fa
    >>> try:
    ...     fa.new_run("runs/new", "missing_model.py")
    ... except fa.ModelError as error:
    ...     print(error)
    Model 'missing_model.py': no such model or file; there are ...
    """


class RunError(SpikefaError, ValueError):
    """A run directory cannot be made or used; the message names it and the reason.

    Examples
    --------
    >>> import spikefa as fa
    >>> try:
    ...     fa.open_run("runs/missing")
    ... except fa.RunError as error:
    ...     print(error)
    runs/missing: is no run directory, it has no run.json
    """


class LockedError(RunError):
    """Another process trains the run now; the message names it."""


class CheckpointError(SpikefaError, ValueError):
    """A checkpoint cannot be used; the message names the file and the reason.

    Examples
    --------
    >>> import spikefa as fa
    >>> try:
    ...     fa.open_run("runs/digits").weights(checkpoint="missing.h5")
    ... except fa.CheckpointError as error:
    ...     print(error)
    runs/digits/missing.h5: no checkpoint there
    """


class DivergenceError(SpikefaError, ArithmeticError):
    """Weights or activity are no longer finite.

    Examples
    --------
    >>> import spikefa as fa
    >>> try:
    ...     run.train()  # doctest: +SKIP
    ... except fa.DivergenceError as error:
    ...     print(f"a smaller learning rate may help: {error}")
    """


class SpikefaWarning(UserWarning):
    """What a user should know and may well want; the command line prints it as one sentence."""


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'eta'?"`` for a misspelt name, or an empty string if nothing is similar."""
    matches = get_close_matches(str(name), [str(other) for other in known], n=1)
    return f"; did you mean {matches[0]!r}?" if matches else ""
