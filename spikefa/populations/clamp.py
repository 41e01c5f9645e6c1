"""Clamps: chosen units held at values, for lesions, voltage clamps and stimulation."""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import BrianObject, Quantity, have_same_dimensions, second
from brian2.groups.group import VariableOwner
from numpy.typing import ArrayLike

from spikefa._checks import array, identifier, real_array, refuse, shown, text
from spikefa.core.network import Network
from spikefa.core.part import INTEGRATE, MARK, RECEIVE, THRESHOLD, Part
from spikefa.core.statements import assigned
from spikefa.engine.brian2_internals import EVENTS
from spikefa.errors import ArgumentError
from spikefa.populations.arguments import population_of
from spikefa.populations.population import Population


class Clamp(Part, BrianObject):
    r"""Hold a variable of chosen units at a value in every step, while it is active and within its time.

    A current or port is held between the projections and the integration, a variable of a differential equation before
    and after the integration, an output after all that writes it: what is later in the step sees the value, and so do
    Brian2's monitors and synapses. A silenced unit is one whose output is held at 0. What is held at the time of an
    evaluation or recording is held throughout it; ``clamp.active = False`` ends it.

    Parameters
    ----------
    network : Network
    population : Population or str
    variable : str
        A state variable, such as the output ``"s"``, the potential ``"v"`` or the current ``"I"``.
    units : array_like of int (n,) or of bool (units,)
        The units that are held, all by default.
    value : number, Quantity or array_like (n,) or (n, streams)
        With the variable's unit; 0 by default, which silences an output.
    start, stop : Quantity
        Time from which, and before which, it holds.
    name : str

    Raises
    ------
    ArgumentError
        If there is no such population, variable or unit, or values do not fit; the message names the clamp.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> layer = fa.Layer(net, "h1", 8, "I : 1\ns : 1", emit="s = int(I > 0)")
    >>> lesion = fa.Clamp(net, "h1", "s", units=[0, 3, 7], value=0)
    >>> lesion.active
    True
    """

    reads_events = False

    def __init__(
        self,
        network: Network,
        population: Population | str,
        variable: str,
        units: ArrayLike | None = None,
        value: Any = 0,
        *,
        start: Quantity = 0 * second,
        stop: Quantity = np.inf * second,
        name: str = "clamp*",
    ):
        population = population_of("Clamp", network, "population", population)
        identifier("Clamp", "name", name, star=True)
        owner = f"Clamp of {shown(variable)} of {population.name!r}"
        text(owner, "variable", variable)
        if variable not in population.state_arrays():
            names = sorted(population.state_arrays())
            raise ArgumentError(f"{owner}: must be of a state variable, one of {names}")
        if population.variables[variable].scalar:
            raise ArgumentError(f"{owner}: must be of a variable that each unit has, and all share this one")
        order = population.place + _place(population, variable)
        super().__init__(clock=network.clock, when=population.slot, order=order, name=name)
        self.population, self.variable = population, variable
        self.units = np.arange(population.units) if units is None else _chosen(owner, units, population.units)
        self.value = _values(owner, population, variable, value, (len(self.units), network.streams))
        self._from, self._to = (_time(owner, what, at) for what, at in (("start", start), ("stop", stop)))
        if self._from >= self._to:
            refuse(owner, "stop", f"be after start, {start!s}", stop)
        if variable in population.equations.diff_eq_names:
            self.contained_objects.append(_BeforeIntegration(self))
        made_of_events = variable == population.output_variable and not population.statement.get("emit")
        if made_of_events and "spike" in population.thresholder:
            self.contained_objects.append(_Events(self))
        network.join(self)

    def writes(self) -> list[tuple[VariableOwner, str]]:
        """Return what it holds."""
        return [(self.population, self.variable)]

    def begin_run(self) -> None:
        """Hold a port before the integration; projections into it may have come after the clamp."""
        for port in self.population.network.parts("port"):
            if port.population is self.population and port.variable == self.variable:
                self.order = self.population.place + RECEIVE + 0.5

    def before_run(self, run_namespace: dict) -> None:
        """Fetch the variable once a run."""
        super().before_run(run_namespace)
        self._held = self.population.view(self.variable)

    @property
    def holds(self) -> bool:
        """Whether it holds in the current step."""
        step = self.population.network.outer_step
        if step is None:
            step = self.clock.variables["timestep"].get_value()[0]
        # By steps: sums of dt would miss a limit.
        return bool(self._from <= step * self.clock.dt_ < self._to)

    def run(self) -> None:
        """Set the units' values."""
        if self.holds:
            self._held[self.units] = self.value


class _BeforeIntegration(Part, BrianObject):
    """Hold a clamp's units before the integration, too: projections and synapses may have added to them since."""

    reads_events = False

    def __init__(self, clamp: Clamp):
        order = clamp.population.place + RECEIVE + 0.5
        super().__init__(clock=clamp.clock, when=clamp.when, order=order, name=f"{clamp.name}_before")
        self.clamp = clamp

    def writes(self) -> list[tuple[VariableOwner, str]]:
        """Return what it holds."""
        return self.clamp.writes()

    def run(self) -> None:
        """Set the units' values."""
        self.clamp.run()


class _Events(Part, BrianObject):
    """Let a threshold's events, of which the output is made, be those of the values that a clamp holds."""

    def __init__(self, clamp: Clamp):
        order = clamp.population.place + THRESHOLD + 0.5
        super().__init__(clock=clamp.clock, when=clamp.when, order=order, name=f"{clamp.name}_events")
        self.clamp, self.events = clamp, clamp.population.variables[EVENTS].get_value()
        self.neurons = clamp.population.index(clamp.units)
        self.spikes = self.neurons[clamp.value.ravel() > 0.5]

    def run(self) -> None:
        """Take away the units' events, and put those in that they are to have."""
        if self.clamp.holds:
            others = np.setdiff1d(self.events[: self.events[-1]], self.neurons)
            events = np.union1d(others, self.spikes)
            self.events[: events.size], self.events[-1] = events, events.size


def _place(population: Population, variable: str) -> float:
    if variable in population.equations.diff_eq_names:
        return INTEGRATE + 0.5
    statement = population.statement
    made = assigned(*(statement.get(part) for part in ("emit", "reset"))) | {population.output_variable}
    return MARK + 0.5 if variable in made else RECEIVE + 0.5


def _chosen(owner: str, units: ArrayLike, count: int) -> np.ndarray:
    chosen = array(owner, "units", units)
    if chosen.dtype == bool and chosen.shape == (count,):
        return np.flatnonzero(chosen)
    if chosen.dtype.kind not in "iu" or chosen.ndim != 1 or not chosen.size:
        refuse(owner, "units", f"be whole numbers (n,) or bool ({count},)", units)
    if len(np.unique(chosen)) < len(chosen):
        refuse(owner, "units", "be different ones", chosen.tolist())
    if not ((chosen >= 0) & (chosen < count)).all():
        refuse(owner, "units", f"be 0 to {count - 1}", int(chosen[(chosen < 0) | (chosen >= count)][0]))
    return chosen


def _values(owner: str, population: Population, variable: str, value: Any, shape: tuple[int, int]) -> np.ndarray:
    dim = population.variables[variable].dim
    numbers = real_array(owner, "value", value)
    if not have_same_dimensions(value if isinstance(value, Quantity) else numbers, Quantity(1, dim=dim)):
        refuse(owner, "value", f"have the unit of {variable!r}", value)
    value = np.asarray(numbers)
    if value.ndim == 1 and len(value) == shape[0]:
        value = value[:, None]
    if not np.isfinite(value).all() or not _fits(value, shape):
        refuse(
            owner,
            "value",
            f"be finite, a number or an array ({shape[0]},) or {shape}",
            value.tolist(),
        )
    return np.broadcast_to(value, shape)


def _fits(value: np.ndarray, shape: tuple[int, int]) -> bool:
    try:
        return np.broadcast_shapes(value.shape, shape) == shape
    except ValueError:
        return False


def _time(owner: str, name: str, at: Any) -> float:
    if not (isinstance(at, Quantity) and have_same_dimensions(at, second) and np.ndim(at) == 0 and float(at) >= 0):
        refuse(owner, name, "be a time of at least 0", at)
    return float(at)
