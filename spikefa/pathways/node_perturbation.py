"""Node perturbation: a noisy twin of the forward path tells each unit how its own noise changed the loss.

``delta = (L_noisy - L) * noise / c**2`` for noise of standard deviation c on a unit's current is, on average and for
small c, the gradient of the loss L with respect to that current; it needs no derivative and no feedback weights.
"""

from __future__ import annotations

import re
from numbers import Real
from typing import Any

import numpy as np
from brian2 import Equations

from ..layers import Layer, Population
from ..network import Network
from ..projections import Projection
from ..shared import SharedProjection
from .populations import error_population, feedback_population


class NoisyTwin(Population):
    """A second copy of a layer with ``noise`` on its current, that draws the same random numbers otherwise.

    The layer, and what refers to it, may use the twin's variables as ``twin_NAME``.

    Parameters
    ----------
    network : Network
    name : str
    layer : Layer or str
    noise : float
        Standard deviation of the noise, drawn anew for each unit and stream in every step.
    """

    def __init__(self, network: Network, name: str, layer: Layer | str, noise: float):
        layer = network[layer] if isinstance(layer, str) else layer
        if not isinstance(noise, Real) or not np.isfinite(noise) or noise <= 0:
            raise ValueError(f"NoisyTwin {name!r}: noise must be a positive number, got {noise!r}")
        current, statement = layer.current_variable, dict(layer._statement)
        received = f"{statement['receive']}\nnoise = {float(noise)!r} * randn()\n{current} = {current} + noise"
        statement |= dict(
            name=name, slot="feedback", draws_of=layer.name, receive=received,
            equations=f"{statement['equations']}\nnoise : 1",
        )  # fmt: skip
        super().__init__(network, **statement)
        for variable in Equations(statement["equations"]).names:
            layer.variables.add_reference(f"twin_{variable}", self, variable)
        self._statement = dict(name=name, layer=layer.name, noise=noise)


def node_perturbation(
    network: Network,
    *,
    loss: str,
    noise: float,
    namespace: dict[str, Any] | None = None,
) -> list[Projection]:
    """Add a noisy twin of every layer, the change of the loss, and the populations that provide ``delta``.

    The rule is the one of the other pathways without a derivative, ``dW = -eta * delta_post * s_pre``.

    Parameters
    ----------
    network : Network
        Its input and its layers, in the order in which they were added, are the forward path. The forward
        projections may be added later; each layer has one to the next.
    loss : str
        A unit's part of the loss: an expression of ``target`` and of the last layer's variables, written
        ``layer_NAME``, such as ``"(layer_y - target)**2 / 2"``.
    noise : float
        Standard deviation c of the noise on the units' currents. With float32, not below 1e-3: a change of the loss
        is rounded to about 1e-7 of the loss.
    namespace : dict, optional
        Constants of the expression.

    Returns
    -------
    list of Projection
        Those that share the forward weights, bottom up; the one that sums the loss; those that broadcast it.
    """
    if network.input is None:
        raise ValueError("Pathway node_perturbation: the network has no Input population yet; add it first")
    projections: list[Projection] = []
    below, noisy_below = network.input, network.input
    for layer in network.layers:
        twin = NoisyTwin(network, f"noisy_{layer.name}", layer, noise)
        source = f"{below.name}_to_{layer.name}"
        projections.append(SharedProjection(network, noisy_below, twin, source, bias=True))
        below, noisy_below = layer, twin
    noisy = re.sub(r"\blayer_(?=\w)", "layer_twin_", loss)
    emit = f"loss = ({noisy}) - ({loss})"
    top = error_population(network, "target : 1\nloss : 1", emit, namespace, output="loss")
    change = Population(
        network, "loss_change", 1, "loss : 1", output="loss", current="loss", threshold=None, slot="feedback"
    )
    projections.append(Projection(network, top, change, np.ones((top.units, 1))))
    for layer in network.layers:
        emit = f"delta = J * layer_twin_noise / {float(noise)!r}**2"
        feedback = feedback_population(network, layer, "J : 1\ndelta : 1", emit, None)
        projections.append(Projection(network, change, feedback, np.ones((1, layer.units))))
    return projections
