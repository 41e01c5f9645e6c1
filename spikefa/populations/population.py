"""Populations: Brian2 `NeuronGroup` objects of units x streams with a place in the step's schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from brian2 import BrianObject, Clock, Equations, NeuronGroup, Quantity, second
from brian2.core.variables import VariableView
from brian2.equations.equations import FLOAT
from brian2.groups.group import CodeRunner, VariableOwner
from brian2.utils.stringtools import get_identifiers
from numpy.typing import ArrayLike

from spikefa._checks import finite_array, one_of, real_array, refuse, shown
from spikefa.core.equation_errors import unreadable
from spikefa.core.expression_checks import check_statements
from spikefa.core.network import Network
from spikefa.core.part import EMIT, INTEGRATE, MARK, RECEIVE, RESET, THRESHOLD, Part
from spikefa.core.random_draws import Draws, refuse_unseeded
from spikefa.core.statements import assigned
from spikefa.engine.brian2_internals import EVENTS, belongs_to, seed_noise
from spikefa.errors import ArgumentError, SpikefaError
from spikefa.populations.arguments import check_arguments, owner_of, read_units
from spikefa.populations.seeded_views import PopulationPart, part, seeded
from spikefa.populations.values import refuse_values_by_stream, require_neurons, require_numbers, settable, values


class Population(Part, NeuronGroup):
    r"""Units x streams of one kind of neuron.

    Unit ``i`` of stream ``k`` is neuron ``i * streams + k`` of the `NeuronGroup`; ``population.view("v")``
    shows a variable as an array ``(units, streams)``. Every Brian2 monitor works on it.

    Parameters
    ----------
    network : Network
        The network it becomes a part of; gives streams, seed, dt, dtype and code-generation target.
    name : str
        A unique name; it also numbers the population's random draws.
    units : int or (int, int, int)
        Number of units; or maps, height and width, which make them maps of places for convolutions. Then unit
        ``(map * height + y) * width + x`` is that of a map at place (y, x).
    equations : str
        Brian2 equations; noise ``xi`` in them follows from the network's seed, too.
    emit : str
        Statements that run after the integration in every step and write the output, such as
        ``"s = int(rand() < p)"``. ``rand()`` and ``randn()`` are counter-based: the same numbers for the
        same seed on every target. Without it, a threshold must be given, and the output is 1 where a unit
        crossed it.
    output : str
        The variable that projections read.
    current : str
        The variable that projections write unless they name another port, see `Projection`.
    receive : str
        Statements that run between the projections and the integration, such as ``"I = I + 0.1 * randn()"``.
    random_numbers_of : str, optional
        The population whose random numbers it draws; its own by default.
    threshold, reset, refractory
        As in `NeuronGroup`. With `emit`, the threshold only tells Brian2's monitors what a spike is.
    slot : str
        The slot of the schedule: ``"start"``, ``"forward"`` or ``"feedback"``.
    namespace : dict, optional
        Constants of the equations.
    initial : dict, optional
        Values at rest by the variable's name, as `set` takes them for each unit: ``{"v": "-65*mV"}``. Evaluations
        begin with them.
    method : str
        Integration method. ``"euler"`` with dt/tau = a is exactly ``v + a*(I - v)``.

    Attributes
    ----------
    units : int
        Number of units.
    grid : (int, int, int) or None
        Maps, height and width, if `units` stated them.

    Raises
    ------
    ArgumentError
        If the number of units is not positive or the equations lack the output.
    EquationError
        If Brian2 cannot read the equations. Names and units are checked when a run begins.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(streams=2, target="numpy")
    >>> walk = fa.Population(net, "walk", 3, "y : 1\nI : 1", emit="y = y + randn()", output="y", threshold=None)
    >>> net.run_steps(1)
    >>> walk.view("y").shape
    (3, 2)
    """

    roles = ("population",)
    reads_events = False

    def __init__(
        self,
        network: Network,
        name: str,
        units: int | tuple[int, int, int],
        equations: str,
        *,
        emit: str = "",
        output: str = "s",
        current: str = "I",
        receive: str = "",
        random_numbers_of: str | None = None,
        threshold: str | None = "s > 0.5",
        reset: str | None = None,
        refractory: Any = False,
        slot: str = "forward",
        namespace: Mapping[str, Any] | None = None,
        initial: Mapping[str, Any] | None = None,
        method: str = "euler",
    ):
        owner = owner_of(type(self), network, name)
        self.statement = dict(
            name=name,
            units=units,
            equations=equations,
            emit=emit,
            output=output,
            current=current,
            receive=receive,
            random_numbers_of=random_numbers_of,
            threshold=threshold,
            reset=reset,
            refractory=refractory,
            slot=slot,
            namespace=namespace,
            initial=initial,
            method=method,
        )
        read = check_arguments(owner, network, self.statement)
        units, self.grid = read_units(owner, units)
        self.statement["units"] = self.grid or units
        self.network, self.units, self.streams, self.slot = network, units, network.streams, slot
        self.output_variable, self.current_variable = output, current
        self.constants = dict(namespace or {})
        #: Values that parameters have in evaluations, by name, and states that evaluations start with as they are.
        self.evaluation_values: dict[str, np.ndarray] = {}
        self.kept_in_evaluations: set[str] = set()
        # Whether anything of its own depends on the threshold's events.
        self.own_events = not emit or reset is not None or refractory is not False
        self._texts = texts = [equations, emit, threshold or "", reset or "", receive]
        draws = Draws(network, random_numbers_of or name)
        refuse_unseeded(owner, texts, self.constants)
        (equations, emit, threshold_code, reset_code, receive), drawn = draws.number(texts, self.constants)
        if output not in read.names:
            raise ArgumentError(
                f"{owner}: the equations must have the output {output!r}; they have {sorted(read.names)}"
            )
        if emit and output in read.parameter_names - assigned(emit, receive, reset_code):
            raise ArgumentError(f"{owner}: emit must assign the output {output!r}, got {shown(self.statement['emit'])}")
        if emit and refractory is not False and "not_refractory" not in get_identifiers(emit):
            example = "s = int(rand() < p and not_refractory)"
            got = self.statement["emit"]
            raise ArgumentError(f"{owner}: with refractory, emit must heed it, as in {example!r}, got {shown(got)}")
        noises = sorted(read.stochastic_variables)
        noise_draws, noise_drawn = draws.number(["randn()"] * len(noises))
        if threshold is None and (reset is not None or refractory is not False):
            raise ArgumentError(f"{owner}: reset and refractory need a threshold, got None")
        if threshold is None and not emit and slot == "forward" and output == "s":
            raise ArgumentError(f"{owner}: needs emit or a threshold, or nothing writes its output {output!r}")
        with unreadable(owner):
            super().__init__(
                units * network.streams,
                equations,
                method=method,
                threshold=threshold_code or None,
                reset=(reset_code if reset is not None else "") if threshold is not None else None,
                refractory=refractory,
                namespace={**(namespace or {}), **drawn, **noise_drawn},
                dtype=_dtypes(read, network.dtype),
                clock=network.clock,
                name=name,
                codeobj_class=network.codeobj_class,
            )
        self._draws, self._dtype = draws, np.dtype(network.dtype)
        seed_noise(self, dict(zip(noises, noise_draws, strict=True)))
        self._place = network.next_place(slot)
        self._set_schedule(receive, emit, threshold is not None)
        self._set_initial(initial or {})
        network.join(self)

    def _set_initial(self, initial: Mapping[str, Any]) -> None:
        try:
            for variable, value in initial.items():
                self.set(variable, value)
        except SpikefaError:
            for obj in (self, *self.contained_objects):
                belongs_to(obj, self.network.id)  # or Brian2 would warn that what is refused is not used
            raise

    def numbered(self, text: str, clock: Clock | None = None) -> str:
        """Return a statement or expression with its random draws numbered, see `Draws.number`."""
        owner = f"{type(self).__name__} {self.name!r}"
        check_statements(owner, "code", text)
        refuse_unseeded(owner, [text], self.constants)
        (text,), drawn = self._draws.number([text], self.constants, clock)
        self.namespace.update(drawn)
        return text

    def check_run_namespace(self, namespace: Mapping[str, Any]) -> None:
        """Refuse what the namespace of a run may not give, see `refuse_unseeded`."""
        refuse_unseeded(f"{type(self).__name__} {self.name!r}", self._texts, namespace)

    def run_regularly(
        self, code: str, dt: Quantity | None = None, clock: Clock | None = None, **options: Any
    ) -> CodeRunner:
        """As `NeuronGroup.run_regularly`, with random numbers of the network's seed."""
        if clock is None and dt is not None:
            clock = Clock(dt=dt)
        return super().run_regularly(self.numbered(code, clock), None, clock, **options)

    def __setattr__(self, name: str, value: Any, level: int = 0) -> None:
        """Set a variable, as in ``layer.v = "rand()"``, with random numbers of the network's seed."""
        known = name in getattr(self, "variables", ())
        if known:
            require_numbers(self, name, value)
            require_neurons(self, name, value)
        if known and isinstance(value, str):
            refuse_values_by_stream(self, name, value)
            value = self.numbered(value)
            with unreadable(f"{type(self).__name__} {self.name!r}, {name}"):
                super().__setattr__(name, value, level + 1)
        else:
            super().__setattr__(name, value, level + 1)

    def state(self, name: str, use_units: bool = True, level: int = 0) -> VariableView:
        """Return a variable, to be indexed and set; random numbers in strings are of the network's seed."""
        return seeded(super().state(name, use_units, level), self)

    def __getitem__(self, item: int | slice) -> PopulationPart:
        """Return some of its neurons, unit ``i`` of stream ``k`` being ``i * streams + k``."""
        return part(super().__getitem__(item))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}: {self.units} units>"

    def _set_schedule(self, receive: str, emit: str, spiking: bool) -> None:
        place = self._place
        if receive:
            self.run_regularly(receive, when=self.slot, order=place + RECEIVE, name=f"{self.name}_receive")
        self.state_updater.when, self.state_updater.order = self.slot, place + INTEGRATE
        if emit:
            self.run_regularly(emit, when=self.slot, order=place + EMIT, name=f"{self.name}_emit")
        elif spiking:
            thresholder = self.thresholder["spike"]
            thresholder.when, thresholder.order = self.slot, place + THRESHOLD
            marker = SpikesToOutput(self, place + MARK)
            self.contained_objects.append(marker)
            if "spike" in self.resetter:
                resetter = self.resetter["spike"]
                resetter.when, resetter.order = self.slot, place + RESET

    @property
    def spikes_by_threshold(self) -> bool:
        """Whether its output is 1 where a unit crossed its threshold, so that it has a rate in time."""
        return not self.statement["emit"]

    @property
    def place(self) -> int:
        """Order of this population's first operation within its slot; others follow by the offsets of `core.part`."""
        return self._place

    def array(self, variable: str) -> np.ndarray:
        """Return the owning array of a state variable, flat, shape ``(units * streams,)``.

        Raises
        ------
        KeyError
            If there is no such variable; the message lists those that exist.
        """
        known = self.variables.get(variable)
        if known is None or not hasattr(known, "get_value") or not getattr(known, "array", False):
            names = sorted(n for n, v in self.variables.items() if getattr(v, "array", False) and n[0] != "_")
            raise KeyError(f"{type(self).__name__} {self.name!r}: no state variable {variable!r}; it has {names}")
        return known.get_value()

    def of_its_type(self, variable: str) -> bool:
        """Whether a variable is an array ``(units * streams,)`` of the network's float type, as kernels read it."""
        known = self.variables.get(variable)
        array = getattr(known, "array", False) and not known.scalar
        return array and np.dtype(known.dtype) == self._dtype and known.size == self.units * self.streams

    def check_array(self, variable: str, what: str) -> None:
        """Refuse a variable that kernels, which read its memory, could not: `what` begins the message."""
        if self.of_its_type(variable):
            return
        known = self.variables[variable]
        kind = "a shared variable" if known.scalar else f"one of type {np.dtype(known.dtype)}"
        raise ArgumentError(
            f"{what} {variable!r} of {self.name!r} must be a state variable of type {self._dtype}, a value for each "
            f"unit, got {kind if getattr(known, 'array', False) else 'a subexpression'}"
        )

    def index(self, unit: ArrayLike, stream: ArrayLike | None = None) -> np.ndarray:
        r"""Return the numbers of units' neurons, as Brian2's monitors take them: ``unit * streams + stream``.

        Parameters
        ----------
        unit : int or array_like of int
        stream : int or array_like of int, optional
            All by default.

        Raises
        ------
        ArgumentError
            If there is no such unit or stream.

        Examples
        --------
        >>> import spikefa as fa
        >>> net = fa.Network(streams=10, target="numpy")
        >>> layer = fa.Layer(net, "h1", 8, "I : 1\ns : 1", emit="s = int(I > 0)")
        >>> layer.index([3, 5], stream=0).tolist()  # StateMonitor(layer, "s", record=layer.index([3, 5], stream=0))
        [30, 50]
        """
        owner = f"{type(self).__name__} {self.name!r}"
        unit = np.atleast_1d(np.asarray(unit))
        stream = np.arange(self.streams) if stream is None else np.atleast_1d(np.asarray(stream))
        for name, numbers, count in (("unit", unit, self.units), ("stream", stream, self.streams)):
            if numbers.dtype.kind not in "iu" or not ((numbers >= 0) & (numbers < count)).all():
                refuse(owner, name, f"be whole numbers from 0 to {count - 1}", numbers.tolist())
        return (unit[:, None] * self.streams + stream).ravel()

    def view(self, variable: str) -> np.ndarray:
        """Return a state variable as an array ``(units, streams)`` that shares its memory."""
        return self.array(variable).reshape(self.units, self.streams)

    def state_arrays(self) -> dict[str, np.ndarray]:
        """Return every array that this population owns and that one run leaves to the next, by name."""
        arrays = {}
        for name, variable in self.variables.items():
            mine = getattr(variable, "owner", None) is not None and variable.owner.name == self.name
            if (
                mine
                and name != EVENTS
                and getattr(variable, "array", False)
                and not variable.read_only
                and not variable.constant
            ):
                arrays[name] = variable.get_value()
        for name in ("lastspike", "not_refractory"):
            if name in self.variables:
                arrays[name] = self.variables[name].get_value()
        return arrays

    @property
    def written(self) -> set[str]:
        """Variables that projections, statements or a task write, so that what is set is an initial value."""
        return {self.output_variable, self.current_variable}

    def set(self, variable: str, value: Any, *, each: Literal["unit", "neuron"] = "unit") -> None:
        """Set a state variable so that units differ, as in ``layer.set("tau", "20*ms + 2*ms*randn()")``.

        Parameters
        ----------
        variable : str
        value : str, number, Quantity, array_like, or a function of (rng, shape)
            A string is an expression of Brian2, of the population's constants and of ``i``, the number of the unit (or
            neuron); its random numbers, and the generator that a function gets, follow from the network's seed and do
            not depend on the number of streams. An array is ``(units,)``, or with neurons ``(units, streams)``.
            Values have the variable's unit.
        each : {"unit", "neuron"}
            Whether each unit has a value, the same in all streams; or each neuron, a unit in a stream, its own.

        Raises
        ------
        ArgumentError
            If there is no such variable, or values are of another shape or unit, or not finite.
        EquationError
            If Brian2 cannot read the expression.
        """
        one_of(f"{type(self).__name__} {self.name!r}", "each", each, ("unit", "neuron"))
        settable(self, variable)
        shape = (self.units,) if each == "unit" else (self.units, self.streams)
        found = values(self, variable, value, shape)
        self.view(variable)[...] = found[:, None] if each == "unit" else found

    def set_in_evaluations(self, **values: ArrayLike) -> None:
        """Set parameters that differ between learning and evaluations, such as ``drop=0`` of a dropout.

        Parameters
        ----------
        **values : float or array_like (units,) or (units, streams)
            By name of the variable, in its base unit.

        Raises
        ------
        ArgumentError
            If there is no such state variable, or values do not fit it.
        """
        owner = f"{type(self).__name__} {self.name!r}"
        for name, value in values.items():
            array = self._state_variable("set_in_evaluations", name)
            what, dim = f"{name} in evaluations", self.variables[name].dim
            if isinstance(value, Quantity) and value.dim is not dim:
                refuse(owner, what, f"have the unit of {name!r}", value)
            value = real_array(owner, what, np.asarray(value))
            shape = (1,) if array.size == 1 else (self.units, self.streams)
            if value.ndim == 1 and array.size != 1:
                value = value[:, None]
            try:
                value = np.broadcast_to(value, shape)
            except ValueError:
                refuse(owner, what, f"be a number or an array {shape}", value.shape)
            self.evaluation_values[name] = finite_array(owner, what, value, shape, array.dtype).reshape(array.shape)

    def keep_in_evaluations(self, *variables: str) -> None:
        """Let evaluations start with the present values of state variables, such as adaptive thresholds.

        Other state starts from its initial values.

        Raises
        ------
        ArgumentError
            If there is no such state variable.
        """
        for name in variables:
            self._state_variable("keep_in_evaluations", name)
        self.kept_in_evaluations.update(variables)

    def _state_variable(self, what: str, name: str) -> np.ndarray:
        arrays = self.state_arrays()
        if name not in arrays:
            raise ArgumentError(
                f"{type(self).__name__} {self.name!r}: {what} must name state variables, {sorted(arrays)}, got {name!r}"
            )
        return arrays[name]

    def add_array(self, name: str) -> np.ndarray:
        """Add a variable of the network's float type, zero at first; return it as ``(units, streams)``."""
        self.variables.add_array(name, size=self.units * self.streams, dtype=self._dtype)
        return self.view(name)

    def _check_for_invalid_values(self, k: str, v: np.ndarray) -> None:
        # Brian2 compares with 1e50, which overflows float32.
        super()._check_for_invalid_values(k, np.asarray(v, np.float64))

    def restate(self, network: Network) -> Population:
        """State the same population again in another network."""
        return type(self)(network, **self.statement)


def _dtypes(equations: Equations, dtype: np.dtype) -> dict[str, np.dtype]:
    """Return the float type of each variable: times are of double precision, as in float32 they soon miss a step."""
    floats = {name: one.dim for name, one in equations.items() if one.var_type == FLOAT}
    return {name: np.dtype(float) if dim is second.dim else dtype for name, dim in floats.items()}


class SpikesToOutput(Part, BrianObject):
    """Write the threshold's events into the output variable: 1 for the units that crossed, else 0."""

    reads_events = False

    def __init__(self, population: Population, order: int):
        name = f"{population.name}_mark"
        super().__init__(clock=population.clock, when=population.slot, order=order, name=name)
        self.population = population
        self.output = population.array(population.output_variable)
        self.events = population.variables[EVENTS].get_value()

    def writes(self) -> list[tuple[VariableOwner, str]]:
        """Return the population's output."""
        return [(self.population, self.population.output_variable)]

    def run(self) -> None:
        """Mark this step's spikes."""
        self.output[:] = 0
        self.output[self.events[: self.events[-1]]] = 1
