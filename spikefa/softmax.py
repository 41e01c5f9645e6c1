"""Softmax: a layer's output divided among its units, in every stream by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from brian2 import BrianObject
from numba import njit

from .layers import MARK

if TYPE_CHECKING:
    from .layers import Layer
    from .network import Network


@njit(nogil=True, cache=True, error_model="numpy")
def _softmax(v, y):
    for k in range(v.shape[1]):
        largest = v[0, k]
        for i in range(v.shape[0]):
            largest = max(largest, v[i, k])
        total = 0.0
        for i in range(v.shape[0]):
            total += np.exp(np.float64(v[i, k] - largest))
        for i in range(v.shape[0]):
            y[i, k] = np.exp(np.float64(v[i, k] - largest)) / total


class Softmax(BrianObject):
    """Writes ``output = exp(potential) / sum of exp(potential)`` over a layer's units, after they have integrated.

    With the error ``y - target`` it descends the cross-entropy. It runs wherever its layer does, in evaluations too.
    Stock Brian2, whose equations know one unit at a time, has no equal of it.

    Parameters
    ----------
    network : Network
    layer : Layer or str
        Its output variable is written; it has no threshold and needs no `emit`.
    potential : str
        The state variable to be divided; a subexpression is not one.

    Raises
    ------
    ValueError
        If the layer has no such state variable, has a softmax already, or spikes.
    """

    add_to_magic_network = False

    def __init__(self, network: Network, layer: Layer | str, potential: str = "v"):
        layer = network[layer] if isinstance(layer, str) else layer
        owner = f"Softmax {layer.name!r}"
        if not getattr(layer.variables.get(potential), "array", False):
            names = sorted(set(layer.state_arrays()))
            raise ValueError(f"{owner}: potential must be a state variable of the layer, {names}, got {potential!r}")
        if any(isinstance(part, Softmax) for part in layer.contained_objects):
            raise ValueError(f"{owner}: the layer has one already")
        if "spike" in layer.thresholder:
            raise ValueError(f"{owner}: the layer must have threshold=None, got {layer._statement['threshold']!r}")
        order = layer._place + MARK
        super().__init__(clock=network.clock, when=layer.slot, order=order, name=f"{layer.name}_softmax")
        self.layer, self.potential = layer, potential
        layer.contained_objects.append(self)  # what is the layer's own also runs in evaluations
        self._network = network.id

    def before_run(self, run_namespace: dict) -> None:
        """Fetch the views of the layer once a run."""
        super().before_run(run_namespace)
        self._potential, self._output = self.layer.view(self.potential), self.layer.view(self.layer.output_variable)

    def run(self) -> None:
        """Divide the output among the units."""
        _softmax(self._potential, self._output)
