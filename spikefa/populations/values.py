"""Values of populations' variables: one a unit, the same in all streams, or one a neuron."""

from __future__ import annotations

import ast
from typing import Any
from zlib import crc32

import numpy as np
from brian2 import Equations, NeuronGroup, Quantity, get_dimensions, get_unit
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from brian2.core.base import BrianObjectException
from brian2.core.variables import ArrayVariable, LinkedVariable
from brian2.equations.equations import PARAMETER, SingleEquation
from brian2.units.fundamentalunits import DIMENSIONLESS
from brian2.utils.stringtools import get_identifiers

from spikefa._checks import called, finite_array, real_array, shown
from spikefa.core.changes import changed_variables
from spikefa.core.equation_errors import unreadable
from spikefa.engine.brian2_internals import belongs_to
from spikefa.errors import ArgumentError, EquationError, SpikefaError

#: What draws random numbers in a string.
_DRAWS = {"rand", "randn", "poisson", "binomial"}


def settable(population: NeuronGroup, variable: Any) -> ArrayVariable:
    """Return a state variable of a population that has a value for each of its neurons.

    Raises
    ------
    ArgumentError
        If there is no such variable; the message lists those that there are.
    """

    def fits(name: str) -> bool:
        known = population.variables[name]
        whole = isinstance(known, ArrayVariable) and not known.scalar and known.size == len(population)
        return whole and known.dtype != bool and not known.read_only and name[0] not in "_N"

    if isinstance(variable, str) and variable in population.variables and fits(variable):
        return population.variables[variable]
    names = sorted(name for name in population.variables if fits(name))
    raise ArgumentError(f"{_title(population)}: set must name a state variable, {names}, got {variable!r}")


def values(population: NeuronGroup, variable: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return values of a shape, ``(units,)`` or ``(units, streams)``, as `Population.set` takes them.

    Raises
    ------
    ArgumentError
        If they are of another shape or unit, or not finite.
    EquationError
        If Brian2 cannot read a string.
    """
    owner, known = _title(population), settable(population, variable)
    if isinstance(value, str):
        value = _of_string(population, variable, known, value, len(shape) == 2)
    elif callable(value):
        rng = np.random.default_rng([population.network.seed, crc32(f"{population.name}.{variable}".encode())])
        value = called(owner, f"that gives {variable!r}", value, rng, shape)
    if get_dimensions(value if isinstance(value, Quantity) else 1.0) is not known.dim:
        rule = "have no unit" if known.dim is DIMENSIONLESS else f"be in units of {get_unit(known.dim)!s}"
        raise ArgumentError(f"{owner}: {variable!r} must {rule}, got {shown(value)}")
    value = np.asarray(value)
    given = finite_array(owner, repr(variable), value, () if value.ndim == 0 else shape, known.dtype)
    if np.dtype(known.dtype).kind in "iu" and (given != np.round(given)).any():
        raise ArgumentError(f"{owner}: {variable!r} must be whole numbers, got {given[given != np.round(given)][0]}")
    return np.broadcast_to(given, shape)


def require_neurons(population: NeuronGroup, variable: str, value: Any) -> None:
    """Refuse an array that is to be set as a whole and has not a value for each neuron, of all streams.

    Raises
    ------
    ArgumentError
        If so.
    """
    known, shape = population.variables[variable], np.shape(value)
    if isinstance(known, ArrayVariable) and not known.scalar and shape not in ((), (1,), (known.size,)):
        a_unit = (
            f"; for one a unit: {population.name}.set({variable!r}, values)" if shape == (population.units,) else ""
        )
        raise ArgumentError(
            f"{_title(population)}: {variable!r} must be one value, or {known.size}, one a unit and stream, got "
            f"{shape}{a_unit}"
        )


def refuse_values_by_stream(population: NeuronGroup, variable: str, *texts: Any) -> None:
    """Refuse strings that would give a unit's parameter another value in each stream: by a draw, or by ``i``.

    Initial values of what a step changes may be given so.

    Raises
    ------
    ArgumentError
        Saying how to give a value a unit.
    """
    known, constants = population.variables[variable], set(population.constants)
    found = [
        (text, names)
        for text in texts
        if isinstance(text, str) and (names := get_identifiers(text) & (_DRAWS | {"i"}) - constants)
    ]
    if not found or population.streams == 1 or variable in population.written:
        return
    if (known.owner.name, known.name) in changed_variables(population.network.objects):
        return
    text, names = found[0]
    draws = "draw" if names & _DRAWS else "give, since i is the number of a neuron,"
    raise ArgumentError(
        f"{_title(population)}: {variable!r} is a parameter, of which {text!r} would {draws} another value in each of "
        f"{population.streams} streams; write set({variable!r}, ..., each='unit'), or each='neuron' if that is meant"
    )


def require_numbers(population: NeuronGroup, variable: str, value: Any) -> None:
    """Refuse what is neither a string nor real numbers, of which Brian2 says something about dimensions.

    Raises
    ------
    ArgumentError
        Naming the variable.
    """
    if not isinstance(value, str | LinkedVariable):
        real_array(_title(population), variable, value)


def _of_string(
    population: NeuronGroup, variable: str, known: ArrayVariable, text: str, each_neuron: bool
) -> np.ndarray:
    """Return the values of an expression, in which ``i`` is the number of the unit, or of the neuron."""
    try:
        ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError) as error:
        raise EquationError(f"{_title(population)}: {variable!r} must be an expression, got {text!r}") from error
    others = get_identifiers(text) & set(population.variables) - {"i", "N", "t", "dt"} - set(population.constants)
    if others:
        raise EquationError(f"{_title(population)}: {variable!r} must not depend on variables, got {min(others)!r}")
    numbered = population.numbered(text)
    with unreadable(f"{_title(population)}: {variable!r}"):
        group = NeuronGroup(
            len(population) if each_neuron else population.units,
            Equations([SingleEquation(PARAMETER, variable, dimensions=known.dim)]),
            namespace=population.namespace,
            dtype=float,
            clock=population.clock,
            name=f"{population.name}_{variable}_values*",
            codeobj_class=NumpyCodeObject,
        )
        belongs_to(group, population.network.id)
        try:
            group.state(variable).set_item(slice(None), numbered, namespace={})
        except (BrianObjectException, NotImplementedError, TypeError, ValueError) as error:
            if isinstance(error, SpikefaError):
                raise
            raise EquationError(f"{_title(population)}: {variable!r} cannot be computed, {_root(error)}") from error
    found = group.variables[variable].get_value()
    found = found.reshape(-1, population.streams) if each_neuron else found
    return Quantity(found, dim=known.dim)


def _title(population: NeuronGroup) -> str:
    return f"{population.__class__.__name__} {population.name!r}"  # also of a proxy


def _root(error: BaseException) -> str:
    """Return what Brian2 found first, as one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split())
