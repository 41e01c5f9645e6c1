"""What Brian2 says about equations it cannot run, as one sentence that names whose they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from brian2 import DimensionMismatchError, NeuronGroup
from brian2.core.base import BrianObjectException
from brian2.equations.equations import EquationError as BrianEquationError
from brian2.stateupdaters.base import UnsupportedEquationsException

from spikefa.engine.brian2_internals import failed_object
from spikefa.errors import EquationError, SpikefaError

#: What Brian2 raises for equations and statements that it cannot read.
UNREADABLE = (SyntaxError, BrianEquationError, DimensionMismatchError, UnsupportedEquationsException, KeyError)

#: Characters of a reason, which may repeat the text that it is about.
LONGEST = 400


@contextmanager
def unreadable(owner: str) -> Iterator[None]:
    """Raise what Brian2 finds in the equations of `owner`, ``Layer 'h1'``, as `EquationError`."""
    try:
        yield
    except UNREADABLE as error:
        raise EquationError(f"{owner}: {_reason(error)}") from error


@contextmanager
def unprepared(populations: Iterable[NeuronGroup]) -> Iterator[None]:
    """Raise what Brian2 finds when it prepares a run, with the population it belongs to, as `EquationError`."""
    try:
        yield
    except BrianObjectException as error:
        reason: BaseException = error
        while isinstance(reason, BrianObjectException) and reason.__cause__ is not None:
            reason = reason.__cause__
        owner = _owner(failed_object(error), populations)
        if owner is None or not isinstance(reason, (*UNREADABLE, TypeError, ValueError)):
            raise
        raise EquationError(f"{owner}: {_reason(reason)}") from error


def own_cause(error: BaseException) -> BaseException:
    """Return the error of spikefa's own that Brian2 wrapped into another, or that one if there is none."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, SpikefaError):
        cause = cause.__cause__
    return error if cause is None else cause


def _owner(name: str, populations: Iterable[NeuronGroup]) -> str | None:
    for population in populations:
        if name == population.name or name in {part.name for part in population.contained_objects}:
            part = name.removeprefix(population.name).removeprefix("_")
            return f"{type(population).__name__} {population.name!r}" + (f", {part}" if part else "")
    return None


def _reason(error: BaseException) -> str:
    if isinstance(error, KeyError) and error.args:
        said = str(error.args[0])
    elif isinstance(error, SyntaxError) and error.text:
        said = f"{error.msg} in {error.text.strip()!r}"
    else:
        said = str(error)
    if unresolved := re.search(r'identifier "(\w+)" could not be resolved', said):
        said = f"{said.rstrip('.')}; if it is a constant, give it by namespace={{{unresolved[1]!r}: ...}}"
    cause = str(error.__cause__ or "")
    words = " ".join((said if cause in said else f"{said}: {cause}").split())
    return words if len(words) <= LONGEST else f"{words[:LONGEST]}..."
