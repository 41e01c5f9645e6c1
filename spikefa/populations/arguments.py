"""Check what a population is stated by, before Brian2 reads any of it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import Equations, Quantity, have_same_dimensions, second
from brian2.core.functions import Function
from brian2.core.names import Nameable
from brian2.stateupdaters.base import StateUpdateMethod

from spikefa._checks import identifier, is_number, is_whole, one_of, positive_int, refuse, shown, text
from spikefa.core.expression_checks import check_equations, check_expression, check_statements
from spikefa.core.network import SCHEDULE, Network, require_network
from spikefa.core.statements import assigned
from spikefa.engine.memory import require_memory
from spikefa.errors import ArgumentError, EquationError

#: Units times streams: Brian2 numbers neurons by 32 bits.
MOST_NEURONS = 2**31 - 1
#: What Brian2 gives each population, and only Brian2 writes.
NOT_ASSIGNED = frozenset({"i", "N", "t", "dt", "t_in_timesteps", "not_refractory", "lastspike"})
#: Steps.
LONGEST_REFRACTORY = 2**32


def owner_of(kind: type, network: Network, name: str) -> str:
    """Return how messages name a new population, ``Layer 'h1'``, after a check of both arguments."""
    require_network(kind.__name__, network)
    owner = f"{kind.__name__} {identifier(kind.__name__, 'name', name)!r}"
    network.check_new(name, owner)
    return owner


def read_units(owner: str, units: Any) -> tuple[int, tuple[int, int, int] | None]:
    """Return a number of units, and the maps, height and width that they are, or None.

    Parameters
    ----------
    owner : str
        Begins messages.
    units : int or (int, int, int)

    Raises
    ------
    ArgumentError
        If it is neither a positive whole number nor three of them.
    """
    if not isinstance(units, tuple | list):
        return positive_int(owner, "units", units), None
    if len(units) != 3 or not all(is_whole(length) and length > 0 for length in units):
        refuse(owner, "units", "be a positive whole number or (maps, height, width)", units)
    maps, height, width = map(int, units)
    return maps * height * width, (maps, height, width)


def check_arguments(owner: str, network: Network, given: Mapping[str, Any]) -> Equations:
    """Refuse arguments of `Population` that cannot be; return the equations that were read.

    Raises
    ------
    ArgumentError
        If one is of another type or outside its range.
    EquationError
        If equations, statements or expressions cannot be read, or are too large when they are written out.
    """
    units, _ = read_units(owner, given["units"])
    if units * network.streams > MOST_NEURONS:
        refuse(owner, "units", f"be at most {MOST_NEURONS // network.streams} with {network.streams} streams", units)
    for name in ("output", "current"):
        identifier(owner, name, given[name])
    one_of(owner, "slot", given["slot"], SCHEDULE)
    if given["random_numbers_of"] is not None:
        of = identifier(owner, "random_numbers_of", given["random_numbers_of"])
        if of not in (given["name"], *(population.name for population in network.populations)):
            names = [population.name for population in network.populations]
            refuse(owner, "random_numbers_of", f"name a population of the network, one of {names}", of)
    if text(owner, "method", given["method"]) not in StateUpdateMethod.stateupdaters:
        there_are = ", ".join(StateUpdateMethod.stateupdaters)
        method = shown(given["method"])
        raise EquationError(f"{owner}, stateupdater: No state updater with the name {method}; there are {there_are}")
    check_namespace(owner, given["namespace"])
    if given["initial"] is not None and not isinstance(given["initial"], Mapping):
        refuse(owner, "initial", "be a dict of values such as {'v': '-65*mV'}, or None", given["initial"])
    for name in ("emit", "receive", "reset"):
        if given[name] is not None or name != "reset":
            check_statements(owner, name, given[name])
    if given["threshold"] is not None:
        condition = check_expression(owner, "threshold", given["threshold"])
        if isinstance(condition, ast.Constant) and not isinstance(condition.value, bool):
            refuse(owner, "threshold", "be a condition such as 'v > 1'", given["threshold"])
    _check_refractory(owner, given["refractory"], network.clock.dt_)
    read = check_equations(owner, given["equations"])
    arrays = len(read.diff_eq_names | read.parameter_names) + 1
    require_memory(owner, "its variables", arrays * units * network.streams * network.dtype.itemsize)
    for name in given["namespace"] or ():
        if name in read.names or name in NOT_ASSIGNED:
            refuse(owner, "a name of the namespace", "not be a variable of the population", name)
    written = assigned(given["emit"], given["receive"], given["reset"] or "")
    if wrong := sorted(written & NOT_ASSIGNED - read.names):
        refuse(owner, "emit, receive and reset", f"not assign {', '.join(sorted(NOT_ASSIGNED))}", wrong[0])
    return read


def check_namespace(owner: str, namespace: Any) -> None:
    """Refuse a namespace that holds anything but numbers, quantities and functions by their names.

    Raises
    ------
    ArgumentError
        Otherwise.
    """
    if namespace is None:
        return
    if not isinstance(namespace, Mapping):
        refuse(owner, "namespace", "be a dict of constants such as {'tau': 10*ms}, or None", namespace)
    for name, value in namespace.items():
        identifier(owner, "a name of the namespace", name)
        if name.startswith("_"):
            refuse(owner, "a name of the namespace", "not begin with _, as Brian2's own do", name)
        number = is_number(value) or (
            isinstance(value, bool | np.bool_ | Quantity | np.ndarray) and np.ndim(value) == 0
        )
        if not (isinstance(value, Function) or (number and np.asarray(value).dtype.kind in "biuf")):
            refuse(owner, f"{name!r} of the namespace", "be a number, a quantity or a function of Brian2", value)
        if number and np.isnan(float(value)):
            refuse(owner, f"{name!r} of the namespace", "be a number", value)


def _check_refractory(owner: str, refractory: Any, dt: float) -> None:
    if isinstance(refractory, str):
        check_expression(owner, "refractory", refractory)
    elif not isinstance(refractory, bool):
        time = isinstance(refractory, Quantity) and np.ndim(refractory) == 0
        if not (time and have_same_dimensions(refractory, second) and 0 <= float(refractory) < np.inf):
            refuse(owner, "refractory", "be a time such as 5*ms, an expression, or False", refractory)
        if float(refractory) > LONGEST_REFRACTORY * dt:
            refuse(owner, "refractory", f"be at most 2**32 steps, the longest run, of {dt * second}", refractory)


def population_of(owner: str, network: Network, name: str, value: Any) -> Any:
    """Return the network's population that an argument is, or names.

    Raises
    ------
    ArgumentError
        If it is none of this network's.
    """
    require_network(owner, network)
    for population in network.populations:
        if population is value or (isinstance(value, str) and population.name == value):
            return population
    names = [population.name for population in network.populations]
    got = f"{type(value).__name__} {value.name!r}" if isinstance(value, Nameable) else shown(value)
    raise ArgumentError(f"{owner}: {name} must be one of the network's populations {names}, got {got}")
