"""Populations with a role in the network: input, layers, and the feedback to them."""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import Hz, Quantity, have_same_dimensions
from brian2.utils.stringtools import get_identifiers

from spikefa._checks import identifier, is_finite, is_number, refuse
from spikefa._checks import text as checked_text
from spikefa.core.expression_checks import check_equations
from spikefa.core.network import Network
from spikefa.errors import ArgumentError
from spikefa.populations.arguments import owner_of, population_of
from spikefa.populations.population import Population


class Input(Population):
    """The stimulated population: the stimulus writes a variable of it, from which its units emit.

    Parameters
    ----------
    network, name, units, equations, emit, output, namespace
        As in `Population`. By default a value is the probability of a spike in a step.
    stimulus_variable : str
        The variable that the stimulus writes.
    limits : (float, float) or None
        The smallest and largest value that may be shown; None allows every finite one. Images of bytes are
        shown in [0, 1].
    max_rate : Quantity, optional
        The rate of a value of 1, such as ``63.75*Hz``, in the place of `emit`: a value x is a Poisson process of rate
        ``x * max_rate``, at any dt. A step has a spike with probability ``1 - exp(-x * max_rate * dt)``, that of one
        event or more.

    Raises
    ------
    ArgumentError
        If limits are none, or the rate is no rate, or more than one spike a step.

    Examples
    --------
    >>> from brian2 import Hz
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 784, max_rate=63.75 * Hz)  # a pixel of 1 spikes at this rate
    """

    roles = (*Population.roles, "input")
    stimulus_variable = "x"
    limits: tuple[float, float] | None = (0, 1)

    def __init__(
        self,
        network: Network,
        name: str,
        units: int | tuple[int, int, int],
        equations: str = "x : 1\ns : 1",
        *,
        emit: str | None = None,
        stimulus_variable: str = "x",
        limits: tuple[float, float] | None = (0, 1),
        max_rate: Quantity | None = None,
        **options: Any,
    ):
        owner = owner_of(type(self), network, name)
        if limits is not None:
            limits = _limits(owner, limits)
        identifier(owner, "stimulus_variable", stimulus_variable)
        if max_rate is not None:
            if emit is not None:
                raise ArgumentError(f"{owner}: takes emit or max_rate, got both")
            rate = _rate(owner, max_rate, limits, network)
            output = options.get("output", "s")
            emit = f"{output} = int(rand() < -expm1(-{rate!r}*Hz * dt * {stimulus_variable}))"
        elif emit is None:
            emit = "s = int(rand() < x)"
        options = {"slot": "start", **options}
        super().__init__(network, name, units, equations, emit=emit, **options)
        if not self.of_its_type(stimulus_variable):
            names = sorted(name for name in self.state_arrays() if self.of_its_type(name))
            refuse(owner, "stimulus_variable", f"be a state variable of its equations, {names}", stimulus_variable)
        self.stimulus_variable = stimulus_variable
        self.limits = limits
        self.statement |= {"stimulus_variable": stimulus_variable, "limits": limits}

    @property
    def written(self) -> set[str]:
        """Variables that projections, statements or a task write."""
        return {*super().written, self.stimulus_variable}


def _limits(owner: str, limits: Any) -> tuple[float, float]:
    pair = isinstance(limits, tuple | list) and len(limits) == 2 and all(map(is_number, limits))
    if not (pair and all(map(is_finite, limits)) and limits[0] < limits[1]):
        refuse(owner, "limits", "be (smallest, largest) or None", limits)
    return float(limits[0]), float(limits[1])


def _rate(owner: str, max_rate: Any, limits: tuple[float, float] | None, network: Network) -> float:
    """Return the rate of a value of 1, in Hz."""
    rate = isinstance(max_rate, Quantity) and np.ndim(max_rate) == 0 and have_same_dimensions(max_rate, Hz)
    if not (rate and 0 < float(max_rate) < np.inf):
        refuse(owner, "max_rate", "be a rate above 0, such as 60*Hz", max_rate)
    if limits is None or limits[0] < 0:
        refuse(owner, "limits", "be at least 0 with max_rate", limits)
    dt = float(network.clock.dt_)
    if float(max_rate) * limits[1] * dt > 1:
        refuse(owner, "max_rate", f"be at most {1 / (limits[1] * dt):g} Hz, one spike a step", max_rate)
    return float(max_rate)


class Layer(Population):
    r"""A forward population: potential and spike or rate output, see `Population`.

    Examples
    --------
    >>> from brian2 import ms
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> equations = "dv/dt = (I - v) / tau : 1\nI : 1\ns : 1"
    >>> layer = fa.Layer(net, "h1", 10, equations, threshold="v > 1", reset="v = 0", namespace={"tau": 20 * ms})
    """

    roles = (*Population.roles, "layer")


class FeedbackPopulation(Population):
    r"""A feedback population: one unit for each unit of its layer, which then knows `delta`.

    The layer's equations and rules may use the name `modulator` (``delta``): it refers to the feedback unit's
    variable. The feedback population's equations may use ``layer_NAME`` for any variable NAME of the layer.

    Parameters
    ----------
    network : Network
    name : str
    layer : Layer
        The layer it serves; gives the units.
    equations, emit, output, current, namespace
        As in `Population`; by default ``delta`` and ``J``.
    modulator : str, optional
        The variable that the layer and its rules know by its name; `output` by default. Where feedback is sent by
        spikes, it may be a graded one.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> hidden, output = (fa.Layer(net, name, units, **graded) for name, units in (("hidden", 3), ("output", 2)))
    >>> feedback = fa.FeedbackPopulation(net, "feedback", hidden, "J : 1\ndelta : 1", emit="delta = J")
    >>> feedback.units
    3
    """

    roles = (*Population.roles, "feedback")
    layer: Layer | None = None
    modulator: str = "delta"

    def __init__(
        self,
        network: Network,
        name: str,
        layer: Layer | str,
        equations: str,
        *,
        emit: str = "delta = tanh(u)",
        output: str = "delta",
        current: str = "J",
        modulator: str | None = None,
        **options: Any,
    ):
        owner = owner_of(type(self), network, name)
        layer = population_of(owner, network, "layer", layer)
        output = identifier(owner, "output", output)
        modulator = output if modulator is None else identifier(owner, "modulator", modulator)
        if modulator != output and modulator not in check_equations(owner, equations).names:
            refuse(owner, "modulator", "be a variable of its equations", modulator)
        if modulator in layer.equations.names:
            refuse(
                owner,
                "output" if modulator == output else "modulator",
                f"not be a name of {layer.name!r}'s own variables",
                modulator,
            )
        options = {"threshold": None, "slot": "feedback", **options}
        options.pop("units", None)
        units = layer.grid or layer.units
        super().__init__(network, name, units, equations, emit=emit, output=output, current=current, **options)
        self.layer, self.modulator = layer, modulator
        for text in (equations, emit):
            self.refer_to_layer(text)
        layer.variables.add_reference(modulator, self, modulator)
        self.statement |= {"layer": layer.name, "modulator": modulator}
        del self.statement["units"]

    def refer_to_layer(self, text: str) -> None:
        """Let this population know the layer's variables that a text names ``layer_NAME``."""
        checked_text(f"{type(self).__name__} {self.name!r}", "an expression", text)
        for name in sorted(get_identifiers(text), key=lambda name: (len(name), name)):
            variable = name.removeprefix("layer_")
            if name != variable and name not in self.variables:
                if variable not in self.layer.variables:
                    names = sorted(n for n in self.layer.variables if not n.startswith("_"))
                    raise ArgumentError(
                        f"{type(self).__name__} {self.name!r}: {name!r} needs a variable {variable!r} of "
                        f"layer {self.layer.name!r}, which has {names}"
                    )
                self.variables.add_reference(name, self.layer, variable)


class ErrorPopulation(FeedbackPopulation):
    r"""The topmost feedback population: integrates output minus target.

    Its equations must have the parameter `target`, which the stimulus writes: 1 for the units of the
    image's class, else 0; or, without classes, the image's target values. ``layer_s`` is the output of the layer
    above which it stands. A network may have several, such as one for each hidden layer: all receive the targets, and
    the first is the network's `error`.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> output = fa.Layer(net, "output", 2, **graded)
    >>> error = fa.ErrorPopulation(net, "error", output, "target : 1\ndelta : 1", emit="delta = layer_y - target")
    >>> net.error is error
    True
    """

    roles = (*FeedbackPopulation.roles, "error")

    def __init__(self, network: Network, name: str, layer: Layer | str, equations: str, **options: Any):
        super().__init__(network, name, layer, equations, **options)
        if "target" not in self.variables:
            raise ArgumentError(f"ErrorPopulation {name!r}: the equations must have the parameter 'target'")

    @property
    def written(self) -> set[str]:
        """Variables that projections, statements or a task write."""
        return {*super().written, "target"}
