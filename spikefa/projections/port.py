"""Ports: variables of a population that are what arrives in a step, and what writes them."""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import BrianObject, NetworkOperation
from brian2.groups.group import CodeRunner, VariableOwner
from brian2.groups.neurongroup import Resetter
from brian2.synapses.synapses import SummedVariableUpdater, SynapticPathway

from spikefa.core.network import Network
from spikefa.core.part import ADD, PROJECT, STRIDE, Part
from spikefa.core.statements import assigned, overwritten
from spikefa.errors import ArgumentError, SpikefaError
from spikefa.populations.population import Population

#: A port is checked before the lines of delayed projections and the projections themselves write it.
BEFORE_PROJECTIONS = PROJECT - 0.75


class Port(Part, BrianObject):
    """A plain parameter that projections write in every step: the first that is active overwrites, the others add.

    If none is active, it is 0. Objects of Brian2 that add to it, such as a `PoissonInput` or the ``on_pre`` of
    `Synapses`, would add to what the projections then overwrite. When a run begins they are moved into the population's
    own place in the step, between its projections and its integration; what would overwrite the port is refused.

    Parameters
    ----------
    network : Network
    population : Population
    variable : str
    """

    roles = ("port",)
    reads_events = False

    def __init__(self, network: Network, population: Population, variable: str):
        name = f"{population.name}_{variable}_port"
        super().__init__(
            clock=network.clock, when=population.slot, order=population.place + BEFORE_PROJECTIONS, name=name
        )
        self.network, self.population, self.variable = network, population, variable
        self.projections: list[Any] = []
        self.closed = False  # whether no projection is active, in this run
        self._left = _LeftBehind(self)
        self.contained_objects.append(self._left)

    @classmethod
    def of(cls, network: Network, population: Population, variable: str) -> Port:
        """Return the port of a population, a new one if there is none yet."""
        for port in network.parts("port"):
            if (port.population, port.variable) == (population, variable):
                return port
        port = cls(network, population, variable)
        network.join(port)
        return port

    def writes(self) -> list[tuple[VariableOwner, str]]:
        """Return the variable."""
        return [(self.population, self.variable)]

    def begin_run(self) -> None:
        """Say which projection overwrites, and place what else adds to the port.

        Raises
        ------
        ArgumentError
            If an object of Brian2 overwrites the port, or adds to it between two steps.
        """
        active = [projection for projection in self.projections if projection.active]
        for number, projection in enumerate(active):
            projection.adds = number > 0
        self.closed = not active
        objects = [obj for obj in self.network.sorted_objects if obj.active]
        operations = [obj for obj in objects if isinstance(obj, NetworkOperation)]
        self._left.operations = [obj.name for obj in operations]
        self._left.active = bool(operations)
        for obj in objects:
            if isinstance(obj, CodeRunner) and not self._in_place(obj) and self._names(obj):
                self._place(obj)

    def before_run(self, run_namespace: dict) -> None:
        """Fetch the variable once a run."""
        super().before_run(run_namespace)
        self.array = self.population.array(self.variable)

    def run(self) -> None:
        """Clear what the last projections brought, if none does now; refuse what an operation has put there."""
        self._left.check(self.array)
        if self.closed:
            self.array[...] = 0

    def finish_run(self) -> None:
        """Have all objects active between two runs."""
        self._left.active = True

    def _in_place(self, obj: CodeRunner) -> bool:
        """Return whether an object runs after the population's projections, or is a reset, which may write anything."""
        low = self.population.place + ADD
        return isinstance(obj, Resetter) or (obj.when == self.when and low <= obj.order < low + STRIDE - ADD)

    def _names(self, obj: CodeRunner) -> set[str]:
        """Return what an object's code calls the port, if it writes it."""
        variable, known = self.population.variables[self.variable], obj.group.variables
        names = {obj.target_varname} if isinstance(obj, SummedVariableUpdater) else assigned(_code(obj))
        return {name for name in names if known.get(name) is variable}

    def _place(self, obj: CodeRunner) -> None:
        title = f"{type(self.population).__name__} {self.population.name!r}: {obj.name!r}"
        if isinstance(obj, SummedVariableUpdater) or overwritten(_code(obj)) & self._names(obj):
            raise ArgumentError(
                f"{title} must add to {self.variable!r}, which the projection {self.projections[0].name!r} writes in "
                f"every step, or write a variable of its own, got {_code(obj)!r}"
            )
        steps = obj.clock.dt_ / self.clock.dt_
        if round(steps) < 1 or not np.isclose(steps, round(steps), rtol=1e-9, atol=0):
            raise ArgumentError(
                f"{title} must have the network's dt, {self.clock.dt}, to add to {self.variable!r}, got {obj.clock.dt}"
            )
        obj.when, obj.order = self.when, self.population.place + ADD


class _LeftBehind(Part, BrianObject):
    """What a port holds once its population has done its step, while the network has operations.

    An operation is a Python function, so that what it writes is not known before. What it adds to the port then would
    be overwritten without a word.
    """

    reads_events = False
    only_reads = True

    def __init__(self, port: Port):
        population = port.population
        order = population.place + STRIDE - 0.5
        super().__init__(clock=port.clock, when=population.slot, order=order, name=f"{port.name}_left")
        self.port, self.operations, self.values = port, [], None

    def before_run(self, run_namespace: dict) -> None:
        """Forget the last run's values, since a user may write anything between two runs."""
        super().before_run(run_namespace)
        self.values = None

    def run(self) -> None:
        """Keep the values."""
        self.values = self.port.array.copy()

    def check(self, array: np.ndarray) -> None:
        """Refuse a port that is about to be overwritten and no longer holds the values.

        Raises
        ------
        SpikefaError
            If so.
        """
        if self.active and self.values is not None and not np.array_equal(self.values, array, equal_nan=True):
            owner, variable = self.port.population, self.port.variable
            raise SpikefaError(
                f"{type(owner).__name__} {owner.name!r}: {variable!r} must not be changed by an operation before "
                f"the projections write it in each step, got another value after {self.operations}; give the operation "
                f"when={owner.slot!r} and order={owner.place + ADD}, or a variable of its own"
            )


def _code(obj: CodeRunner) -> str:
    if isinstance(obj, SummedVariableUpdater):
        return f"{obj.target_varname} = {obj.expression.code} (summed)"
    code = obj.code if isinstance(obj, SynapticPathway) else obj.abstract_code
    return code if isinstance(code, str) else ""
