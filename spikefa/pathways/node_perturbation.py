"""Node perturbation: a perturbed copy of the forward path tells each unit how its own noise changed the loss.

``delta = (L_noisy - L) * noise / c**2`` for noise of standard deviation c on a unit's current is, on average and for
small c, the gradient of the loss L with respect to that current; it needs no derivative and no feedback weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from spikefa.core.network import Network
from spikefa.pathways import pathways
from spikefa.pathways._chain import error_population, feedback_population
from spikefa.pathways.perturbed_copy import change_of, perturbed_copies
from spikefa.populations.population import Population
from spikefa.projections.projection import Projection


@pathways.register("node_perturbation")
def node_perturbation(
    network: Network,
    *,
    loss: str,
    noise: float,
    namespace: dict[str, Any] | None = None,
) -> list[Projection]:
    r"""Add a perturbed copy of every layer, the change of the loss, and the populations that provide ``delta``.

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

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> hidden, output = (fa.Layer(net, name, units, **graded) for name, units in (("hidden", 3), ("output", 2)))
    >>> projections = fa.node_perturbation(net, loss="(layer_y - target)**2 / 2", noise=0.1)
    >>> net["noisy_hidden"].units
    3
    """
    projections: list[Projection] = list(perturbed_copies(network, noise, on="current", noisy_top=True))
    top = error_population(network, "target : 1\nloss : 1", f"loss = {change_of(loss)}", namespace, output="loss")
    change = Population(
        network, "loss_change", 1, "loss : 1", output="loss", current="loss", threshold=None, slot="feedback"
    )
    projections.append(Projection(network, top, change, np.ones((top.units, 1))))
    for layer in network.layers:
        emit = f"delta = J * layer_copy_noise / {float(noise)!r}**2"
        feedback = feedback_population(network, layer, "J : 1\ndelta : 1", emit, None)
        projections.append(Projection(network, change, feedback, np.ones((1, layer.units))))
    return projections
