"""Softmax: units divide an output, or the probability of a spike, among them, in every stream by itself."""

from __future__ import annotations

import numpy as np
from brian2 import BrianObject
from brian2.groups.group import VariableOwner

from spikefa._checks import refuse, whole
from spikefa.core.network import Network
from spikefa.core.part import NORMALIZE, Part
from spikefa.engine.brian2_internals import belongs_to
from spikefa.engine.compiled import compiled
from spikefa.errors import ArgumentError
from spikefa.populations.arguments import population_of
from spikefa.populations.roles import Layer


@compiled(nogil=True, error_model="numpy")
def _softmax(v, y):
    members, columns = v.shape
    largest, total, shares = v[0].copy(), np.zeros(columns), np.empty((members, columns))
    for i in range(1, members):
        for k in range(columns):
            largest[k] = max(largest[k], v[i, k])
    for i in range(members):
        for k in range(columns):
            shares[i, k] = np.exp(np.float64(v[i, k] - largest[k]))
            total[k] += shares[i, k]
    for i in range(members):
        for k in range(columns):
            y[i, k] = shares[i, k] / total[k]


class Softmax(Part, BrianObject):
    r"""Writes ``exp(potential) / sum of exp(potential)`` over the units of a group, after they have integrated.

    With the error ``y - target``, or with the spikes that units emit with this probability in the place of y, it
    descends the cross-entropy. It runs wherever its layer does, in evaluations too. Stock Brian2, whose equations know
    one unit at a time, has no equal of it.

    Parameters
    ----------
    network : Network
    layer : Layer or str
    potential : str
        The state variable to be divided; a subexpression is not one.
    result : str, optional
        The state variable that is written, before the layer's `emit` runs: the layer's output by default, for which it
        needs no `emit` and has no threshold; or such as the probability of a spike.
    groups : int
        Unit i is of group ``i % groups``. With equal groups of units for the classes (`ClassReadout`) and as many
        groups here as there are units of one class, each group has one unit of every class.

    Raises
    ------
    ArgumentError
        If the layer has no such state variables, has a softmax already, does not divide into the groups, or spikes by
        a threshold on what is written.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> output = fa.Layer(net, "output", 4, "v : 1\nI : 1\ny : 1", output="y", threshold=None)
    >>> softmax = fa.Softmax(net, output)
    >>> net.run_steps(1)
    >>> output.view("y")[:, 0].tolist()
    [0.25, 0.25, 0.25, 0.25]
    """

    reads_events = False

    def __init__(
        self,
        network: Network,
        layer: Layer | str,
        potential: str = "v",
        result: str | None = None,
        groups: int = 1,
    ):
        layer = population_of("Softmax", network, "layer", layer)
        owner = f"Softmax {layer.name!r}"
        result = layer.output_variable if result is None else result
        for name, variable in {"potential": potential, "result": result}.items():
            if not (isinstance(variable, str) and getattr(layer.variables.get(variable), "array", False)):
                names = sorted(set(layer.state_arrays()))
                refuse(owner, name, f"be a state variable of the layer, {names}", variable)
        if any(isinstance(part, Softmax) for part in layer.contained_objects):
            raise ArgumentError(f"{owner}: the layer has one already")
        if result == layer.output_variable:
            given = {name: layer.statement[name] for name in ("emit", "threshold")}
            if given["emit"] or "spike" in layer.thresholder:
                raise ArgumentError(
                    f"{owner}: a layer whose output is divided has no emit and no threshold, got {given}"
                )
        rule = f"divide the {layer.units} units"
        groups = whole(owner, "groups", groups, 1, rule=rule)
        if layer.units % groups:
            refuse(owner, "groups", rule, groups)
        order = layer.place + NORMALIZE
        super().__init__(clock=network.clock, when=layer.slot, order=order, name=f"{layer.name}_softmax")
        self.layer, self.potential, self.result, self.groups = layer, potential, result, groups
        layer.contained_objects.append(self)
        belongs_to(self, network.id)

    def before_run(self, run_namespace: dict) -> None:
        """Fetch the views of the layer once a run, ``(members, groups x streams)``."""
        super().before_run(run_namespace)
        shape = -1, self.groups * self.layer.streams
        self._potential = self.layer.array(self.potential).reshape(shape)
        self._result = self.layer.array(self.result).reshape(shape)

    def writes(self) -> list[tuple[VariableOwner, str]]:
        """Return the result."""
        return [(self.layer, self.result)]

    def run(self) -> None:
        """Divide the result among the units."""
        _softmax(self._potential, self._result)
